package cause

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const preface = `# Troubleshooting

Search for the words that you see. This page is made of the table by which the exchanges explain a refusal, so the
` + "`*exchange.Error`" + ` of a failed exchange knows more: it sets what the token says beside what was configured. Print it with ` + "`%+v`" + `,
or run ` + "`go run ./examples/doctor`" + ` in the job. The words after "causes" are the IDs in it, the likeliest first: where the
evidence is missing to tell them apart, the error says so.

The letters and numbers name a row, for reports. Words are cut where they go on with a value.
`

// Markdown returns the table as a page for people, in the order of the rows'
// names.
func Markdown() string {
	rows := Rows()
	var services []string
	for _, r := range rows {
		if !slices.Contains(services, r.Service) {
			services = append(services, r.Service)
		}
	}
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(
			slices.Index(services, a.Service)-slices.Index(services, b.Service),
			cmp.Compare(a.ID[0], b.ID[0]), len(a.ID)-len(b.ID), cmp.Compare(a.ID, b.ID))
	})
	var b strings.Builder
	b.WriteString(preface)
	service := ""
	for _, r := range rows {
		if r.Service != service {
			service = r.Service
			fmt.Fprintf(&b, "\n## %s\n", service)
		}
		fmt.Fprintf(&b, "\n### %s: %s\n\n", r.ID, r.title())
		var also []string
		for _, a := range r.Answers[min(1, len(r.Answers)):] {
			also = append(also, "- or "+a.words()+"\n")
		}
		if len(r.Answers) > 0 && r.Sign != "" {
			also = append(also, "- and "+r.Sign+"\n")
		}
		if len(also) > 0 {
			b.WriteString(strings.Join(also, "") + "\n")
		}
		fmt.Fprintf(&b, "%s\n\nTo do: %s\n", r.Means, r.Do)
		if len(r.Causes) > 0 {
			fmt.Fprintf(&b, "\nCauses: `%s`\n", strings.Join(r.Causes, "`, `"))
		}
	}
	return b.String()
}

func (r *Row) title() string {
	if len(r.Answers) == 0 {
		return r.Sign
	}
	return r.Answers[0].words()
}

// words returns the answer as it is searched for.
func (a Answer) words() string {
	switch {
	case a.Text == "":
		return "`" + a.Code + "`"
	case a.Code == "":
		return `"` + a.Text + `"`
	}
	return "`" + a.Code + "`, \"" + a.Text + `"`
}
