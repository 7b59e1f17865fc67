package strictjson

import "strings"

// Order is the names of an object's members in the order they came. All tokens
// of an issuer have about the same one, and names that are known to be unlike
// each other need not be compared again.
type Order struct{ names []string }

// maxOrder is how many members an [Order] may have. No platform's token has as
// many.
const maxOrder = 64

// Order returns the order of the members, which is the one given to
// [Object.Parse] if they came in that. It is nil if there are too many.
func (o *Object) Order() *Order {
	if o.order != nil {
		return o.order
	}
	if len(o.members) > maxOrder {
		return nil
	}
	var all strings.Builder // a copy: the text that the names are parts of need not be kept
	for _, m := range o.members {
		if !spelledAsIs(m.Name) {
			return nil
		}
		all.WriteString(m.Name)
	}
	names, rest := make([]string, len(o.members)), all.String()
	for i, m := range o.members {
		names[i], rest = rest[:len(m.Name)], rest[len(m.Name):]
	}
	return &Order{names}
}

// spelledAsIs reports whether name may stand in a JSON text without an escape.
// With others, comparing the text would accept what the scanner refuses.
func spelledAsIs(name string) bool {
	for i := range len(name) {
		if c := name[i]; c < ' ' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// expect goes behind the name at pos and returns it, if it is the n-th of those
// that are expected.
func (s *scanner) expect(n int) (string, bool) {
	if n >= len(s.expected) {
		return "", false
	}
	name, rest := s.expected[n], s.src[s.pos:]
	if len(rest) < len(name)+2 || rest[0] != '"' || rest[len(name)+1] != '"' || rest[1:len(name)+1] != name {
		return "", false
	}
	s.pos += len(name) + 2
	return name, true
}
