package main

import (
	"fmt"
	"runtime"
	"strings"
	"time"
)

// markdown returns the report.
func (r *result) markdown() string {
	var b strings.Builder
	r.writeIntroduction(&b)
	r.writeContestants(&b)
	if r.Plan.Rounds > 0 {
		r.writeSummary(&b)
		r.writeSpeed(&b)
		r.writeGuards(&b)
	}
	if r.Plan.Behaviour {
		r.writeBehaviour(&b)
	}
	return b.String()
}

func (r *result) writeIntroduction(b *strings.Builder) {
	p := r.Plan
	fmt.Fprint(b, `# The verifier beside others

Made by this module's command; do not edit.

## How to run

    cd internal/bench
    go run . -o RESULTS.md     # -h lists the flags; -rounds 2 -behaviour=false for a first look
    go test .                  # one short round: checks everything but the speed

## What is measured

Speed is the time of one verification as a multiple of the floor: SHA-256 of
the signing input and `+"`rsa.VerifyPKCS1v15`"+` with a parsed key, which no verifier
of these tokens can do without. Everything else is above it: parsing, finding
the key, checking the claims, decoding them.

- All contestants are measured in one process and in the same rounds. Within a
  round they take short turns in a random order, new each time. The time of a
  round is the median of its turns; a ratio is of two times of one round.
- Each verifies `+fmt.Sprint(ringSize)+` different tokens in turn, with warm keys, from as many
  goroutines as there are processors. Time is elapsed time divided by
  verifications, so two processors halve it at best.
- The row with `+"`CachedTokens`"+` remembers all of these tokens; all other rows verify
  each signature.
- Allocations and bytes are from `+"`runtime.MemStats`"+`, per verification.
- Before that, each has to accept all of these tokens and name their project,
  and to refuse one that was tampered with, one for another audience, one of
  another issuer and one that has expired.
- Each contestant decodes all claims into a struct, where it offers that. The
  GitLab token is one of version 18.9 with the user's groups and identities.
- The issuer is this repository's fake one, behind an `+"`http://127.0.0.1`"+` listener;
  each contestant uses its own default HTTP client.

`)
	fmt.Fprintf(b, "| this run | |\n|---|---|\n")
	row := func(name, format string, args ...any) {
		fmt.Fprintf(b, "| %s | %s |\n", name, fmt.Sprintf(format, args...))
	}
	row("began", "%s, took %v", r.Began.UTC().Format("2006-01-02 15:04 UTC"), r.Took.Round(time.Second))
	row("machine", "%s, %d processors", machine(), runtime.NumCPU())
	row("Go", "%s", platform())
	row("rounds", "%d; in each, %d turns of %v for each contestant, token and number of processors", p.Rounds, p.Passes, p.Slice)
	b.WriteString("\n")
}

func (r *result) writeContestants(b *strings.Builder) {
	b.WriteString("## Contestants\n\nEach is configured as its own documentation has it for a service.\n\n" +
		"| contestant | modules | configured |\n|---|---|---|\n")
	known := versions()
	for _, c := range r.Contestants {
		var modules []string
		for _, path := range c.Modules {
			version, ok := known[path]
			if !ok {
				version = "version unknown"
			}
			modules = append(modules, path+" "+version)
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", c.Name, strings.Join(modules, ", "), c.Configured)
	}
	b.WriteString("\n")
}

// writeSummary writes the medians of everything into one table.
func (r *result) writeSummary(b *strings.Builder) {
	b.WriteString("## Speed: medians of the ratio to the floor\n\n|")
	var names []string // in order of appearance
	columns := make(map[string][]string)
	head := " "
	for _, s := range r.Speed {
		if s.Guard {
			continue
		}
		if s.Name == floorName { // opens each table
			head += fmt.Sprintf("| %s, %s ", s.Workload.Name, plural(s.Procs))
		}
		if _, ok := columns[s.Name]; !ok {
			names = append(names, s.Name)
		}
		text := "not taken"
		if s.Refusal == "" {
			text = fmt.Sprintf("%.2f", s.Ratio.median())
		}
		columns[s.Name] = append(columns[s.Name], text)
	}
	fmt.Fprintf(b, "%s|\n|---|%s\n", head, strings.Repeat("---:|", len(columns[floorName])))
	for _, name := range names {
		fmt.Fprintf(b, "| %s | %s |\n", name, strings.Join(columns[name], " | "))
	}
	b.WriteString("\n")
}

// writeSpeed writes a table for each workload and number of processors.
func (r *result) writeSpeed(b *strings.Builder) {
	b.WriteString("## Speed: spread, time and memory\n\n" +
		"Quartiles and extremes are of the ratios to the floor in each round; the other columns are medians. The hash is\n" +
		"SHA-256 of the whole token, which a cache of verified tokens cannot do without.\n")
	for _, s := range r.Speed {
		if s.Guard {
			continue
		}
		if s.Name == floorName {
			fmt.Fprintf(b, "\n### %s, %s: %d claims, %d bytes\n\n", s.Workload.Name, plural(s.Procs), s.Workload.Claims, len(s.Workload.Good[0]))
			b.WriteString("| | to the floor | quartiles | extremes | to the hash | µs | allocations | bytes |\n|---|---:|---:|---:|---:|---:|---:|---:|\n")
		}
		if s.Refusal != "" {
			fmt.Fprintf(b, "| %s | does not take this token: %s |||||||\n", s.Name, cell(s.Refusal))
			continue
		}
		quartiles, extremes := s.Ratio.spread(2)
		fmt.Fprintf(b, "| %s | %.2f | %s | %s | %.1f | %.1f | %.0f | %.0f |\n", s.Name, s.Ratio.median(), quartiles, extremes,
			s.ToHash.median(), s.Nanos.median()/1e3, s.Allocs.median(), s.Bytes.median())
	}
	b.WriteString("\n")
}

func plural(procs int) string {
	if procs == 1 {
		return "1 processor"
	}
	return fmt.Sprintf("%d processors", procs)
}

// cell makes text from elsewhere fit for a table.
func cell(text string) string {
	text = strings.Join(strings.Fields(strings.ReplaceAll(text, "|", "/")), " ")
	if runes := []rune(text); len(runes) > 120 {
		text = string(runes[:120]) + "…"
	}
	return text
}
