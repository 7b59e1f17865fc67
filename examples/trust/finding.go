package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/exchange/trustfile"
)

// The kinds of a finding, in the words of package awstrust; the last is that of
// a document that the files do not say in full.
const (
	tooBroad      = "too broad"
	broken        = "broken"
	fragile       = "fragile"
	note          = "note"
	indeterminate = "indeterminate"
)

// finding is something about a document, of whichever cloud.
type finding struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Document string `json:"document,omitempty"` // the resource
	Rule     string `json:"rule"`
	Kind     string `json:"kind"`
	Severity string `json:"severity"`
	Problem  string `json:"problem"`
	Story    string `json:"story,omitempty"`
	Fix      string `json:"fix,omitempty"`
	Witness  *proof `json:"witness,omitempty"`
	// Assumptions are what the document itself rests on.
	Assumptions []string `json:"assumptions,omitempty"`
}

// proof is a token that the document lets in, beside the one that is meant.
type proof struct {
	Variant string          `json:"variant"`
	Story   string          `json:"story"`
	Changed []changed       `json:"changed"`
	Claims  json.RawMessage `json:"claims"`
}

// changed is a claim in both tokens. A claim that is not there is empty.
type changed struct {
	Claim string `json:"claim"`
	Meant string `json:"meant"`
	Other string `json:"other"`
}

// at returns a finding about a document, at a place of its text.
func at(d *trustfile.Document, inText trustfile.Position) finding {
	p := d.At(inText)
	return finding{File: d.File, Line: p.Line, Column: p.Column, Document: d.Name, Assumptions: d.Assumptions}
}

// danger says whether a finding is one to fail for.
func (f *finding) danger(strict bool) bool {
	switch f.Kind {
	case tooBroad, broken:
		return true
	case fragile, indeterminate:
		return strict
	}
	return false
}

// beside returns the claims by name, of the token that is meant and another.
func beside(names []string, meant, other json.RawMessage) []changed {
	var m, o map[string]json.RawMessage
	if json.Unmarshal(meant, &m) != nil || json.Unmarshal(other, &o) != nil {
		return nil
	}
	out := []changed{}
	for _, name := range names {
		out = append(out, changed{Claim: name, Meant: plain(m[name]), Other: plain(o[name])})
	}
	return out
}

// plain returns a claim as text: a string without its quotes.
func plain(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return ""
	}
	return b.String()
}

// sorted puts findings in the order of files, and in each the worst first.
func sorted(list []finding) []finding {
	order := []string{"critical", "high", "medium", "low", "info"}
	slices.SortStableFunc(list, func(a, b finding) int {
		return cmp.Or(strings.Compare(a.File, b.File),
			cmp.Compare(slices.Index(order, a.Severity), slices.Index(order, b.Severity)),
			cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return list
}
