package tree

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// Mark says that the text goes on at Text as the file does at File.
type Mark struct {
	Text, File Pos
	// Verbatim says that what follows stands in the file just so, and not only
	// the one character.
	Verbatim bool
}

// Locate returns where a place of a text stands in the file.
func Locate(marks []Mark, p Pos) Pos {
	i := sort.Search(len(marks), func(i int) bool {
		t := marks[i].Text
		return t.Line > p.Line || t.Line == p.Line && t.Column > p.Column
	})
	if i == 0 {
		return Pos{}
	}
	m := marks[i-1]
	switch {
	case !m.Verbatim:
		return m.File
	case p.Line == m.Text.Line:
		return Pos{m.File.Line, m.File.Column + p.Column - m.Text.Column}
	default:
		return Pos{m.File.Line + p.Line - m.Text.Line, p.Column}
	}
}

// Text is JSON that knows where it comes from.
type Text struct {
	JSON    string
	Marks   []Mark
	Refs    []Ref
	Assumed []string
	Remarks []Ref
}

// Write returns a value as JSON: as it is in the file if it was read from JSON,
// and else on one line.
func Write(n *Node) Text {
	w := &writer{column: 1}
	w.node(n)
	w.out.JSON = w.b.String()
	return w.out
}

type writer struct {
	b      strings.Builder
	column int
	out    Text
}

func (w *writer) put(s string) {
	w.b.WriteString(s)
	w.column += utf8.RuneCountInString(s)
}

func (w *writer) mark(at Pos) {
	w.out.Marks = append(w.out.Marks, Mark{Text: Pos{1, w.column}, File: at})
}

// gather notes what a value rests on.
func (w *writer) gather(n *Node) {
	w.out.Refs = append(w.out.Refs, n.Refs...)
	w.out.Assumed = append(w.out.Assumed, n.Assumed...)
	w.out.Remarks = append(w.out.Remarks, n.Remarks...)
}

func (w *writer) node(n *Node) {
	if raw, ok := n.verbatim(); ok && w.b.Len() == 0 {
		// Only a whole text: in the middle of another its lines would not count.
		w.b.WriteString(raw)
		w.out.Marks = []Mark{{Text: Pos{1, 1}, File: n.At, Verbatim: true}}
		return
	}
	w.mark(n.At)
	w.gather(n)
	switch n.Kind {
	case Null:
		w.put("null")
	case Bool, Number:
		w.put(n.Text)
	case String:
		w.put(Quote(n.Text))
	case Unknown:
		w.put(Quote("${" + n.Refs[0].Name + "}"))
	case Array:
		w.put("[")
		for i, e := range n.Elements {
			if i > 0 {
				w.put(",")
			}
			w.node(e)
		}
		w.put("]")
	case Object:
		w.put("{")
		for i, m := range n.Members {
			if i > 0 {
				w.put(",")
			}
			w.mark(m.At)
			w.out.Refs = append(w.out.Refs, m.Refs...)
			w.put(Quote(m.Name) + ":")
			w.node(m.Value)
		}
		w.put("}")
	}
}

// Inner returns the JSON text that a string holds, or that an object is.
func Inner(n *Node) Text {
	if n.Kind != String {
		return Write(n)
	}
	out := Text{JSON: n.Text, Marks: n.Marks, Refs: n.Refs, Assumed: n.Assumed, Remarks: n.Remarks}
	if len(out.Marks) == 0 {
		out.Marks = []Mark{{Text: Pos{1, 1}, File: n.At}}
	}
	return out
}
