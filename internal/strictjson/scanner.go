package strictjson

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// scanner walks a JSON text once, checking it by RFC 8259 as it goes.
type scanner struct {
	src  string
	pos  int
	seen []seenName // names of the members of all open objects

	expected   []string // names of the outermost object's members, perhaps
	asExpected bool     // it had just those
}

func (s *scanner) fail(problem string) error {
	return &SyntaxError{Offset: s.pos, Problem: problem}
}

func (s *scanner) skipSpace() {
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// object reads an object whose opening brace is at pos. Depth counts it. The
// members go to out; names of nested objects are checked and dropped.
func (s *scanner) object(depth int, out *[]Member) error {
	if depth > MaxDepth {
		return s.fail("nested deeper than " + strconv.Itoa(MaxDepth) + " levels")
	}
	s.pos++
	s.skipSpace()
	if s.pos < len(s.src) && s.src[s.pos] == '}' {
		s.pos++
		return nil
	}
	seen := s.open()
	expecting := out != nil && len(s.expected) > 0
	for n := 0; ; n++ {
		var name string
		if expecting {
			if name, expecting = s.expect(n); !expecting {
				for _, before := range s.expected[:n] {
					s.add(&seen, before)
				}
			}
		}
		if !expecting {
			var err error
			if name, err = s.name(&seen); err != nil {
				return err
			}
		}
		s.skipSpace()
		if s.pos >= len(s.src) || s.src[s.pos] != ':' {
			return s.fail("no colon after a member's name")
		}
		s.pos++
		s.skipSpace()
		start := s.pos
		if err := s.value(depth); err != nil {
			return err
		}
		if out != nil {
			*out = append(*out, Member{Name: name, Value: s.src[start:s.pos]})
		}
		s.skipSpace()
		if s.pos >= len(s.src) {
			return s.fail("object not closed")
		}
		switch s.src[s.pos] {
		case ',':
			s.pos++
			s.skipSpace()
		case '}':
			s.pos++
			s.close(&seen)
			if out != nil {
				s.asExpected = expecting && n+1 == len(s.expected)
			}
			return nil
		default:
			return s.fail("neither comma nor brace after a member")
		}
	}
}

// name reads the name of a member of the object whose names so far are seen.
func (s *scanner) name(seen *names) (string, error) {
	at := s.pos
	if s.pos >= len(s.src) || s.src[s.pos] != '"' {
		return "", s.fail("no name where an object member should start")
	}
	raw, escaped, err := s.str()
	if err != nil {
		return "", err
	}
	name := raw[1 : len(raw)-1]
	if escaped {
		name, _ = Unquote(raw)
	}
	if other, dup := s.add(seen, name); dup {
		s.pos = at
		if other == name {
			return "", s.fail("member " + quoteName(name) + " appears twice")
		}
		return "", s.fail("members " + quoteName(other) + " and " + quoteName(name) + " differ only by case")
	}
	return name, nil
}

func (s *scanner) array(depth int) error {
	if depth > MaxDepth {
		return s.fail("nested deeper than " + strconv.Itoa(MaxDepth) + " levels")
	}
	s.pos++
	s.skipSpace()
	if s.pos < len(s.src) && s.src[s.pos] == ']' {
		s.pos++
		return nil
	}
	for {
		if err := s.value(depth); err != nil {
			return err
		}
		s.skipSpace()
		if s.pos >= len(s.src) {
			return s.fail("array not closed")
		}
		switch s.src[s.pos] {
		case ',':
			s.pos++
			s.skipSpace()
		case ']':
			s.pos++
			return nil
		default:
			return s.fail("neither comma nor bracket after an element")
		}
	}
}

// value reads any value that stands inside depth open objects and arrays.
func (s *scanner) value(depth int) error {
	if s.pos >= len(s.src) {
		return s.fail("nothing where a value should be")
	}
	switch c := s.src[s.pos]; {
	case c == '"':
		_, _, err := s.str()
		return err
	case c == '{':
		return s.object(depth+1, nil)
	case c == '[':
		return s.array(depth + 1)
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	}
	return s.fail("not a JSON value")
}

func (s *scanner) word(w string) error {
	if len(s.src)-s.pos < len(w) || s.src[s.pos:s.pos+len(w)] != w {
		return s.fail("not a JSON value")
	}
	s.pos += len(w)
	return nil
}

func (s *scanner) number() error {
	start := s.pos
	if s.src[s.pos] == '-' {
		s.pos++
	}
	switch {
	case s.pos < len(s.src) && s.src[s.pos] == '0':
		s.pos++ // RFC 8259 section 6: no leading zeros.
	case !s.digits():
		return s.fail("not a JSON number")
	}
	if s.pos < len(s.src) && s.src[s.pos] == '.' {
		s.pos++
		if !s.digits() {
			return s.fail("not a JSON number")
		}
	}
	if s.pos < len(s.src) && (s.src[s.pos] == 'e' || s.src[s.pos] == 'E') {
		s.pos++
		if s.pos < len(s.src) && (s.src[s.pos] == '+' || s.src[s.pos] == '-') {
			s.pos++
		}
		if !s.digits() {
			return s.fail("not a JSON number")
		}
	}
	return s.inRange(start)
}

// maxPlainNumber is how long a number may be and be in range for that alone.
const maxPlainNumber = 300

// inRange refuses the number from start to pos if it is too large for a double.
// RFC 8259 section 6: what becomes of one differs from reader to reader, some of
// which read numbers no other way.
func (s *scanner) inRange(start int) error {
	number := s.src[start:s.pos]
	if len(number) <= maxPlainNumber && strings.IndexByte(number, 'e') < 0 && strings.IndexByte(number, 'E') < 0 {
		return nil
	}
	if _, err := strconv.ParseFloat(number, 64); err != nil {
		s.pos = start
		return s.fail("number too large")
	}
	return nil
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.src) && s.src[s.pos] >= '0' && s.src[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}

// plain tells the bytes that mean themselves in a string: ASCII but for control
// characters, the quotation mark and the reverse solidus.
var plain = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// str reads a string and returns its text with the quotation marks, and
// whether it holds an escape.
func (s *scanner) str() (raw string, escaped bool, err error) {
	start := s.pos
	s.pos++
	for {
		i := s.pos
		for i < len(s.src) && plain[s.src[i]] {
			i++
		}
		s.pos = i
		if i == len(s.src) {
			return "", false, s.fail("string not closed")
		}
		switch c := s.src[i]; {
		case c == '"':
			s.pos++
			return s.src[start:s.pos], escaped, nil
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return "", false, err
			}
		case c < ' ':
			return "", false, s.fail("control character in a string")
		default: // 0x7F, which is allowed, or beyond ASCII
			r, n := utf8.DecodeRuneInString(s.src[i:])
			if r == utf8.RuneError && n == 1 {
				return "", false, s.fail("invalid UTF-8 in a string")
			}
			s.pos += n
		}
	}
}

// escape reads an escape sequence. A surrogate must be one half of a pair: what
// a lone one becomes differs from reader to reader (RFC 8259 section 8.2).
func (s *scanner) escape() error {
	if s.pos+1 >= len(s.src) {
		return s.fail("string not closed")
	}
	switch s.src[s.pos+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos += 2
		return nil
	case 'u':
	default:
		return s.fail("unknown escape in a string")
	}
	r, ok := hex4(s.src, s.pos+2)
	if !ok {
		return s.fail("unknown escape in a string")
	}
	if r >= 0xDC00 && r <= 0xDFFF {
		return s.fail("half of a surrogate pair in a string")
	}
	if r >= 0xD800 && r <= 0xDBFF {
		low, ok := lowSurrogate(s.src, s.pos+6)
		if !ok || low < 0xDC00 || low > 0xDFFF {
			return s.fail("half of a surrogate pair in a string")
		}
		s.pos += 6
	}
	s.pos += 6
	return nil
}

func lowSurrogate(src string, at int) (rune, bool) {
	if at+1 >= len(src) || src[at] != '\\' || src[at+1] != 'u' {
		return 0, false
	}
	return hex4(src, at+2)
}

func hex4(src string, at int) (rune, bool) {
	if at+4 > len(src) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(src[at : at+4]) {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
