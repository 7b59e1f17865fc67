package main

import (
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cioidc/cioidc/examples/doctor/internal/checkup"
)

const (
	// width is the longest line, in characters. A value that is there to be
	// copied is never broken, and may be longer.
	width  = 80
	indent = "      "
)

// colours are the terminal's, by state.
var colours = map[checkup.State]string{checkup.OK: "32", checkup.Info: "36", checkup.Warn: "33", checkup.Fail: "31"}

// colourful reports whether out is a terminal whose user has nothing against
// colours (https://no-color.org).
func colourful(out io.Writer, environ []string) bool {
	f, ok := out.(*os.File)
	if !ok || lookup(environ, "NO_COLOR") != "" || lookup(environ, "TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// text returns the report for a person.
func text(r *checkup.Report, colour bool) string {
	p := &printer{colour: colour}
	counts := map[checkup.State]int{}
	for _, c := range r.Checks {
		counts[c.State]++
		p.check(c)
	}
	switch fails, warns := counts[checkup.Fail], counts[checkup.Warn]; {
	case fails > 0:
		p.paragraph("", "", strconv.Itoa(fails)+" of these checks failed, the first of them: "+firstFailure(r))
	case warns > 0:
		p.paragraph("", "", "nothing failed; "+strconv.Itoa(warns)+" to look at")
	default:
		p.paragraph("", "", "nothing is wrong")
	}
	return p.b.String()
}

func firstFailure(r *checkup.Report) string {
	return r.Checks[slices.IndexFunc(r.Checks, func(c checkup.Check) bool { return c.State == checkup.Fail })].Words
}

type printer struct {
	b      strings.Builder
	colour bool
}

func (p *printer) check(c checkup.Check) {
	label := string(c.State) + indent[len(c.State):]
	if p.colour {
		label = "\x1b[" + colours[c.State] + "m" + label + "\x1b[0m"
	}
	p.paragraph(label, indent, c.Words)
	p.evidence(indent, c.Evidence)
	if len(c.Causes) > 1 && !slices.ContainsFunc(c.Causes, func(c checkup.Cause) bool { return c.Certain }) {
		p.paragraph(indent, indent, "cannot tell which of these it is; the likeliest is first")
	}
	for _, cause := range c.Causes {
		kind := "likely cause: "
		if cause.Certain {
			kind = "cause: "
		}
		p.paragraph(indent, indent+"  ", kind+cause.Summary)
		p.evidence(indent+"  ", cause.Evidence)
		if cause.Action != "" {
			p.paragraph(indent+"  ", indent+"  ", "to do: "+cause.Action)
		}
	}
	if c.Action != "" {
		p.action(c.Action)
	}
	p.b.WriteByte('\n')
}

// action prints lines of advice: those of a paragraph are wrapped together, and
// what is indented, such as YAML, stays as it is.
func (p *printer) action(lines string) {
	prose := "to do:"
	flush := func() {
		if prose != "" {
			p.paragraph(indent, indent, prose)
		}
		prose = ""
	}
	for line := range strings.Lines(lines) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "":
			flush()
			p.b.WriteByte('\n')
		case strings.HasPrefix(line, " "):
			flush()
			p.b.WriteString(indent + printable(line) + "\n")
		case strings.HasPrefix(line, "- "):
			flush()
			prose = line
		default:
			prose = strings.TrimPrefix(prose+" "+line, " ")
		}
	}
	flush()
}

// evidence prints each fact on a line of its own, or two.
func (p *printer) evidence(indent string, all []checkup.Evidence) {
	for _, ev := range all {
		for _, side := range [][2]string{{"", ev.Value}, {"the token says ", ev.Token}, {"configured is ", ev.Configured}} {
			if side[1] == "" {
				continue
			}
			name, value := ev.Name+": "+side[0], printable(side[1])
			if utf8.RuneCountInString(indent+name+value) <= width {
				p.b.WriteString(indent + printable(name) + value + "\n")
				continue
			}
			p.b.WriteString(indent + strings.TrimSuffix(printable(name), " ") + "\n")
			p.b.WriteString(indent + "  " + value + "\n")
		}
	}
}

// paragraph prints text in lines of at most width, broken at spaces.
func (p *printer) paragraph(first, rest, text string) {
	column := len(rest)
	p.b.WriteString(first)
	for i, word := range strings.Fields(printable(text)) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+n > width:
			p.b.WriteString("\n" + rest)
			column = len(rest)
		default:
			p.b.WriteByte(' ')
			column++
		}
		p.b.WriteString(word)
		column += n
	}
	p.b.WriteByte('\n')
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
