package strictjson

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Unquote returns the string that a JSON string value stands for, and whether
// value is a string at all. The value must come from an [Object]. Without an
// escape in it the result shares memory with value.
func Unquote(value string) (string, bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	body := value[1 : len(value)-1]
	i := strings.IndexByte(body, '\\')
	if i < 0 {
		return body, true
	}
	out := make([]byte, 0, len(body))
	for i >= 0 {
		out = append(out, body[:i]...)
		body = body[i:]
		switch c := body[1]; c {
		case 'b':
			out, body = append(out, '\b'), body[2:]
		case 'f':
			out, body = append(out, '\f'), body[2:]
		case 'n':
			out, body = append(out, '\n'), body[2:]
		case 'r':
			out, body = append(out, '\r'), body[2:]
		case 't':
			out, body = append(out, '\t'), body[2:]
		case 'u':
			r, _ := hex4(body, 2)
			body = body[6:]
			if utf16.IsSurrogate(r) {
				low, _ := hex4(body, 2)
				r, body = utf16.DecodeRune(r, low), body[6:]
			}
			out = utf8.AppendRune(out, r)
		default: // quotation mark, reverse solidus, solidus
			out, body = append(out, c), body[2:]
		}
		i = strings.IndexByte(body, '\\')
	}
	return string(append(out, body...)), true
}

// Fold returns a form of name that is the same for all names that differ only
// by case, by Unicode's simple folding. That is how encoding/json and others
// match names, among them U+017F (long s) with s and U+212A (Kelvin) with k.
func Fold(name string) string {
	for i := 0; i < len(name); i++ {
		if c := name[i]; c >= utf8.RuneSelf || c >= 'A' && c <= 'Z' {
			return strings.Map(foldRune, name)
		}
	}
	return name
}

// foldRune returns the smallest rune of r's case-folding orbit that is not an
// upper-case ASCII letter, so that plain lower-case names fold to themselves.
func foldRune(r rune) rune {
	least := unicode.ToLower(r)
	for c := unicode.SimpleFold(r); c != r; c = unicode.SimpleFold(c) {
		if l := unicode.ToLower(c); l < least {
			least = l
		}
	}
	return least
}

// names finds out whether an object has two members whose names fold alike. A
// filter of bits answers for nearly every name of an honest object; only where
// two names share a bit are names compared. Many names, or many that share a
// bit, go to a map, so that a hostile object stays linear to read.
type names struct {
	filter [4]uint64
	list   []string
	bits   [manyNames]uint8  // of each name in list
	shared int               // how many names came whose bit was taken
	many   map[string]string // from the fold to the name; nil while there are few
}

// manyNames and manyShared are from how many names on a map is used. No
// platform's token has as many.
const (
	manyNames  = 64
	manyShared = 16
)

// add records name. If it, or one that differs only by case, is there already,
// add returns that one and true.
func (s *names) add(name string) (string, bool) {
	if s.many != nil {
		return s.addToMany(name)
	}
	bit := foldedHash(name)
	word, mask := bit>>6, uint64(1)<<(bit&63)
	if s.filter[word]&mask != 0 {
		fold := Fold(name)
		for i, other := range s.list {
			if s.bits[i] == bit && Fold(other) == fold {
				return other, true
			}
		}
		s.shared++
	}
	s.filter[word] |= mask
	s.bits[len(s.list)] = bit
	s.list = append(s.list, name)
	if len(s.list) == manyNames || s.shared == manyShared {
		s.many = make(map[string]string, 4*manyNames)
		for _, other := range s.list {
			s.many[Fold(other)] = other
		}
	}
	return "", false
}

func (s *names) addToMany(name string) (string, bool) {
	fold := Fold(name)
	if other, ok := s.many[fold]; ok {
		return other, true
	}
	s.many[fold] = name
	return "", false
}

// foldedHash returns a number that is the same for all names that fold alike.
func foldedHash(name string) uint8 {
	h := uint32(2166136261)
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= utf8.RuneSelf:
			// A name beyond ASCII may fold to one within it.
			return hash(Fold(name))
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		}
		h = (h ^ uint32(c)) * 16777619
	}
	return uint8(h>>24) ^ uint8(h>>8)
}

// hash is foldedHash of a name that is folded: 32-bit FNV-1a, cut.
func hash(folded string) uint8 {
	h := uint32(2166136261)
	for i := range len(folded) {
		h = (h ^ uint32(folded[i])) * 16777619
	}
	return uint8(h>>24) ^ uint8(h>>8)
}

// quoteName quotes a name for an error text, cut to what a log line bears.
func quoteName(name string) string {
	if len(name) > 64 {
		name = name[:64] + "..."
	}
	return strconv.QuoteToASCII(name)
}
