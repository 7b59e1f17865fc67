package awstrust

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"

	"github.com/cioidc/cioidc/internal/jsontree"
	"github.com/cioidc/cioidc/internal/trustmodel"
)

// Edit replaces a part of a document's text.
type Edit struct {
	// Start and End are bytes of the text: what is from Start to before End goes.
	Start, End int
	// From and To are the same as lines and columns.
	From, To Position
	// Text is what comes in its place.
	Text string
}

// ErrNotCertain says that a fix is a proposal, which is not for a program to
// write into a file. It can be shown: see [Fixed.Document].
var ErrNotCertain = errors.New("awstrust: the fix is a proposal and not certain")

// Edits returns what to change in the text that the document before the fix was
// parsed from, in the order of the text and without overlaps. All else stays,
// layout included. The error is [ErrNotCertain], or a *[ParseError] if the text
// is not that of the document.
func (x *Fixed) Edits(text []byte) ([]Edit, error) {
	if !x.Certain {
		return nil, ErrNotCertain
	}
	if _, err := Parse(text); err != nil {
		return nil, err
	}
	root, err := jsontree.Parse(text)
	if err != nil {
		return nil, ErrNotCertain // Parse has read it; not reached
	}
	t := &editor{parser: &parser{places: trustmodel.Places{Text: text}}, root: root}
	for _, ch := range x.changes {
		if !t.change(ch) {
			return nil, t.failAt(0, "the text is not that of the document: nothing to change at %v", ch.at)
		}
	}
	slices.SortFunc(t.edits, func(a, b Edit) int { return a.Start - b.Start })
	for i := range t.edits {
		t.edits[i].From, t.edits[i].To = t.at(t.edits[i].Start), t.at(t.edits[i].End)
	}
	return t.edits, nil
}

// ApplyEdits returns the text with edits made, which must be in order and must
// not overlap, as those of [Fixed.Edits] are. An edit that is not within the
// text or not in order is left out.
func ApplyEdits(text []byte, edits []Edit) []byte {
	var out bytes.Buffer
	last := 0
	for _, e := range edits {
		if e.Start < last || e.End < e.Start || e.End > len(text) {
			continue
		}
		out.Write(text[last:e.Start])
		out.WriteString(e.Text)
		last = e.End
	}
	out.Write(text[last:])
	return out.Bytes()
}

// editor finds the places of changes in a text.
type editor struct {
	*parser
	root  *jsontree.Node
	edits []Edit
}

// end returns the byte behind the JSON value that begins at a byte.
func (t *editor) end(start int) int {
	var raw json.RawMessage
	d := json.NewDecoder(bytes.NewReader(t.places.Text[start:]))
	if err := d.Decode(&raw); err != nil {
		return start // not reached: the whole text was read
	}
	return start + int(d.InputOffset())
}

func (t *editor) replace(start, end int, text string) {
	t.edits = append(t.edits, Edit{Start: start, End: end, Text: text})
}

func (t *editor) write(start int, s string) {
	var w jsonWriter
	w.text(s)
	t.replace(start, t.end(start), w.out.String())
}

// change notes the edits of one change.
func (t *editor) change(ch change) bool {
	if ch.operator == nil && !ch.remove {
		return t.retext(t.root, ch)
	}
	statements := t.root.Get("Statement")
	list := []*jsontree.Node{statements}
	if statements.Kind == jsontree.Array {
		list = statements.Elements
	}
	for _, st := range list {
		// The last Condition, and the last of two operators, are what AWS keeps.
		conditions := st.Get("Condition")
		if conditions == nil {
			continue
		}
		for i, operator := range conditions.Members {
			for j, key := range operator.Value.Members {
				if t.at(key.Offset) != ch.at {
					continue
				}
				if ch.remove {
					t.drop(st, conditions, i, j)
				} else {
					t.move(st, conditions, i, j, *ch.operator)
				}
				return true
			}
		}
	}
	return false
}

// retext writes the name or the string that stands where the change says.
func (t *editor) retext(n *jsontree.Node, ch change) bool {
	if n.Kind != jsontree.Object && n.Kind != jsontree.Array && t.at(n.Offset) == ch.at {
		t.write(n.Offset, ch.text)
		return true
	}
	for _, e := range n.Elements {
		if t.retext(e, ch) {
			return true
		}
	}
	for _, m := range n.Members {
		if t.at(m.Offset) == ch.at {
			t.write(m.Offset, ch.text)
			return true
		}
		if t.retext(m.Value, ch) {
			return true
		}
	}
	return false
}

// drop takes a key out of an operator, and what is empty without it.
func (t *editor) drop(st, conditions *jsontree.Node, i, j int) {
	switch operator := conditions.Members[i]; {
	case len(operator.Value.Members) > 1:
		t.cut(operator.Value, j)
	case len(conditions.Members) > 1:
		t.cut(conditions, i)
	default:
		for k, m := range st.Members {
			if m.Value == conditions {
				t.cut(st, k)
			}
		}
	}
}

// cut takes a member out of an object that has others.
func (t *editor) cut(n *jsontree.Node, i int) {
	if i+1 < len(n.Members) {
		t.replace(n.Members[i].Offset, n.Members[i+1].Offset, "")
		return
	}
	t.replace(t.end(n.Members[i-1].Value.Offset), t.end(n.Members[i].Value.Offset), "")
}

// move takes a key to another operator: by its name if it has no other key, else
// into the object of the other operator, which is made if there is none.
func (t *editor) move(st, conditions *jsontree.Node, i, j int, to Operator) {
	from := conditions.Members[i]
	target := conditions.Get(to.String())
	if target == nil && len(from.Value.Members) == 1 {
		t.write(from.Offset, to.String())
		return
	}
	key := from.Value.Members[j]
	member := string(t.places.Text[key.Offset:t.end(key.Value.Offset)])
	t.drop(st, conditions, i, j)
	if target == nil {
		var w jsonWriter
		w.text(to.String())
		t.replace(from.Offset, from.Offset, w.out.String()+": {"+member+"},"+t.space(conditions))
		return
	}
	comma := ""
	if len(target.Members) > 0 {
		comma = "," + t.space(target)
	}
	at := t.places.Text[target.Offset:]
	start := target.Offset + 1 + len(at[1:]) - len(bytes.TrimLeft(at[1:], " \t\r\n"))
	t.replace(start, start, member+comma)
}

// space returns the white space before the first member of an object.
func (t *editor) space(n *jsontree.Node) string {
	if len(n.Members) == 0 {
		return ""
	}
	return string(t.places.Text[n.Offset+1 : n.Members[0].Offset])
}
