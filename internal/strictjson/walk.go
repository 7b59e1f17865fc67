package strictjson

// Walk goes through an array, or the members of an object, that is a value of
// an [Object]. It relies on the checks of that and does none, so it needs no
// memory.
type Walk struct {
	src string
	pos int
}

// WalkArray returns a walk through the elements of value, or false if that is
// not an array.
func WalkArray(value string) (Walk, bool) { return walk(value, '[') }

// WalkObject returns a walk through the members of value, or false if that is
// not an object.
func WalkObject(value string) (Walk, bool) { return walk(value, '{') }

func walk(value string, opening byte) (Walk, bool) {
	if value == "" || value[0] != opening {
		return Walk{}, false
	}
	return Walk{src: value, pos: 1}, true
}

// Next returns the JSON text of the next element, or false if there is none.
func (w *Walk) Next() (string, bool) {
	if !w.more() {
		return "", false
	}
	return w.value(), true
}

// NextMember returns the next member of an object, or false if there is none.
func (w *Walk) NextMember() (Member, bool) {
	if !w.more() {
		return Member{}, false
	}
	name, _ := Unquote(w.value())
	w.more() // the colon
	return Member{Name: name, Value: w.value()}, true
}

// Count returns how many elements are still to come.
func (w Walk) Count() (n int) {
	for _, ok := w.Next(); ok; _, ok = w.Next() {
		n++
	}
	return n
}

// more goes to where the next value begins, or reports false at the end.
func (w *Walk) more() bool {
	for ; w.pos < len(w.src); w.pos++ {
		switch w.src[w.pos] {
		case ' ', '\t', '\n', '\r', ',', ':':
		case ']', '}':
			return false
		default:
			return true
		}
	}
	return false
}

// value returns the text of the value at pos and goes behind it.
func (w *Walk) value() string {
	start, open := w.pos, 0
	for w.pos < len(w.src) {
		switch c := w.src[w.pos]; c {
		case '"':
			w.skipString()
			if open == 0 {
				return w.src[start:w.pos]
			}
			continue
		case '[', '{':
			open++
		case ']', '}':
			if open == 0 { // the end of what is walked through, after a number or a word
				return w.src[start:w.pos]
			}
			if open--; open == 0 {
				w.pos++
				return w.src[start:w.pos]
			}
		case ' ', '\t', '\n', '\r', ',', ':':
			if open == 0 {
				return w.src[start:w.pos]
			}
		}
		w.pos++
	}
	return w.src[start:w.pos]
}

// skipString goes behind the string at pos.
func (w *Walk) skipString() {
	for w.pos++; w.pos < len(w.src); w.pos++ {
		switch w.src[w.pos] {
		case '\\':
			w.pos++
		case '"':
			w.pos++
			return
		}
	}
	w.pos = len(w.src)
}
