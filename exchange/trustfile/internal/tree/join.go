package tree

import "strings"

// Join puts strings together, the whole of which stands at a place. What is
// unknown in a part is unknown in the whole. It fails for a part that is neither
// text, number nor boolean.
func Join(at Pos, parts ...*Node) (*Node, bool) {
	out := &Node{Kind: String, At: at}
	var b strings.Builder
	end := Pos{1, 1}
	for _, p := range parts {
		text, marks := p.Text, p.Marks
		switch p.Kind {
		case String, Number, Bool:
		case Unknown:
			text = "${" + p.Refs[0].Name + "}"
		default:
			return nil, false
		}
		if len(marks) == 0 {
			marks = []Mark{{Text: Pos{1, 1}, File: p.At}}
		}
		for _, m := range marks {
			m.Text = shift(m.Text, end)
			out.Marks = append(out.Marks, m)
		}
		b.WriteString(text)
		end = shift(endOf(text), end)
		out.Refs = append(out.Refs, p.Refs...)
		out.Assumed = append(out.Assumed, p.Assumed...)
		out.Remarks = append(out.Remarks, p.Remarks...)
	}
	out.Text = b.String()
	return out, true
}

// shift returns p of a text that begins at from.
func shift(p, from Pos) Pos {
	if p.Line == 1 {
		return Pos{from.Line, from.Column + p.Column - 1}
	}
	return Pos{from.Line + p.Line - 1, p.Column}
}

// endOf returns the place behind the last character.
func endOf(text string) Pos {
	lines := strings.Count(text, "\n")
	last := text[strings.LastIndexByte(text, '\n')+1:]
	return Pos{lines + 1, len([]rune(last)) + 1}
}
