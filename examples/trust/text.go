package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// width is the longest line, in characters. A value that is there to be
	// copied is never broken, and may be longer.
	width  = 80
	indent = "    "
)

// text returns the report for a person.
func text(r *report) string {
	var b strings.Builder
	said := map[string]bool{}
	for i := range r.Findings {
		f := &r.Findings[i]
		b.WriteString(paragraphs(f))
		// What a document rests on is said once.
		for _, a := range f.Assumptions {
			if key := f.File + "\x00" + f.Document + "\x00" + a; !said[key] {
				said[key] = true
				wrap(&b, "assumed: "+a)
			}
		}
		b.WriteByte('\n')
	}
	for _, e := range r.Errors {
		fmt.Fprintf(&b, "not read: %s\n", printable(e))
	}
	counts := map[string]int{}
	for _, f := range r.Findings {
		counts[f.Kind]++
	}
	fmt.Fprintf(&b, "%d %s", r.Documents, plural(r.Documents, "document"))
	for _, kind := range []string{tooBroad, broken, fragile, note, indeterminate} {
		if n := counts[kind]; n > 0 {
			fmt.Fprintf(&b, ", %d %s", n, kind)
		}
	}
	if len(r.Findings) == 0 {
		b.WriteString(", nothing found")
	}
	b.WriteByte('\n')
	return b.String()
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func paragraphs(f *finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: %s %s, %s", printable(f.File), f.Line, f.Column, f.Rule, f.Severity, f.Kind)
	if f.Document != "" {
		b.WriteString(" (" + printable(f.Document) + ")")
	}
	b.WriteByte('\n')
	wrap(&b, f.Problem)
	wrap(&b, f.Story)
	if f.Fix != "" {
		wrap(&b, "to do: "+f.Fix)
	}
	if f.Witness != nil {
		wrap(&b, "it lets this token in, "+f.Witness.Variant+": "+f.Witness.Story)
		side(&b, f.Witness.Changed)
	}
	return b.String()
}

// side shows claims of both tokens, one under the other: most are too long for
// columns.
func side(b *strings.Builder, list []changed) {
	for _, c := range list {
		fmt.Fprintf(b, "%s  %s\n", indent, printable(c.Claim))
		for _, v := range [][2]string{{"meant", c.Meant}, {"let in", c.Other}} {
			value := strconv.Quote(v[1])
			if v[1] == "" {
				value = "none"
			}
			fmt.Fprintf(b, "%s    %-7s %s\n", indent, v[0], value)
		}
	}
}

// wrap prints text in lines of at most width, broken at spaces.
func wrap(b *strings.Builder, text string) {
	column := 0
	for _, word := range strings.Fields(printable(text)) {
		n := utf8.RuneCountInString(word)
		switch {
		case column == 0:
			b.WriteString(indent)
			column = len(indent)
		case column+1+n > width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	if column > 0 {
		b.WriteByte('\n')
	}
}

// printable returns text without what could move a terminal's cursor or begin
// another line.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}
