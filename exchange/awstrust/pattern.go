package awstrust

import (
	"strings"
	"unicode"
)

// patternRune is a character of a pattern: itself, or a wildcard.
type patternRune struct {
	r    rune
	wild bool // r is '*', for any characters or none, or '?', for exactly one
}

type pattern []patternRune

// wildcards returns s as a pattern in which * and ? are wildcards.
func wildcards(s string) pattern {
	p := make(pattern, 0, len(s))
	for _, r := range s {
		p = append(p, patternRune{r, r == '*' || r == '?'})
	}
	return p
}

// literal returns s as a pattern that means nothing but itself.
func literal(s string) pattern {
	p := make(pattern, 0, len(s))
	for _, r := range s {
		p = append(p, patternRune{r: r})
	}
	return p
}

// match reports whether the pattern is all of s. It takes time in proportion to
// the product of the lengths at worst.
func (p pattern) match(s string) bool {
	t := []rune(s)
	// The last * seen, and where in t to go on if it takes one more.
	star, next := -1, 0
	i, j := 0, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i].wild && p[i].r == '*':
			star, next = i, j
			i++
		case i < len(p) && (p[i].wild || p[i].r == t[j]):
			i++
			j++
		case star >= 0:
			next++
			i, j = star+1, next
		default:
			return false
		}
	}
	for i < len(p) && p[i].wild && p[i].r == '*' {
		i++
	}
	return i == len(p)
}

// oneForTwo reports whether a ? of the pattern may stand for a character of s
// that takes two units of UTF-16: how many ? AWS wants for it is not documented.
func (p pattern) oneForTwo(s string) bool {
	for _, c := range p {
		if c.wild && c.r == '?' {
			return strings.ContainsFunc(s, func(r rune) bool { return r > 0xFFFF })
		}
	}
	return false
}

// text returns the pattern as a string in which wildcards are plain characters.
func (p pattern) text() string {
	var b strings.Builder
	for _, c := range p {
		b.WriteRune(c.r)
	}
	return b.String()
}

// segments splits the pattern at colons into n parts at most, as an ARN is.
func (p pattern) segments(n int) []pattern {
	var out []pattern
	for len(out) < n-1 {
		i := 0
		for i < len(p) && p[i].r != ':' {
			i++
		}
		if i == len(p) {
			break
		}
		out, p = append(out, p[:i]), p[i+1:]
	}
	return append(out, p)
}

// equalFoldASCII compares without the case of A to Z.
func equalFoldASCII(a, b string) bool {
	lower := func(r rune) rune {
		if r <= unicode.MaxASCII {
			return unicode.ToLower(r)
		}
		return r
	}
	return strings.Map(lower, a) == strings.Map(lower, b)
}
