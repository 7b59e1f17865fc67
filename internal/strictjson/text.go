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
