// Package cause is the table of what refusals mean: the words that the other
// side answers, what they mean, what to do, and which causes the exchanges give
// for them. The exchanges look answers up in it, and TROUBLESHOOTING.md is made
// of it, so that both know the same.
package cause

import (
	"slices"
	"strings"
)

// The services whose answers the table has.
const (
	AWS       = "AWS"
	Google    = "Google Cloud"
	Entra     = "Microsoft Entra"
	Vault     = "Vault and OpenBao"
	Okta      = "Okta"
	KMS       = "AWS KMS, as the signer for Okta"
	Registry  = "Package registries"
	OAuth     = "Any token endpoint"
	Job       = "In the job, before anything is sent"
	Transport = "On the way"
)

// Row is one kind of refusal.
type Row struct {
	// ID names the row, such as "A1". It does not change.
	ID string
	// Service is one of the constants.
	Service string
	// Answers are what is seen of it.
	Answers []Answer
	// Sign is what else tells it from rows with the same words. Empty means
	// nothing.
	Sign string
	// Means says what the words mean, and Do what to do, in whole sentences.
	Means, Do string
	// Causes are the IDs of the causes that are given for it, the likeliest first,
	// where nothing tells which it is. They are candidates then, not findings.
	Causes []string
}

// Answer is what the other side says.
type Answer struct {
	// Code is its error code. Empty means any, or that it has none.
	Code string
	// Text is a part of its words. Empty means any.
	Text string
	// Elsewhere says that these are the words of another program, which no
	// exchange of this module gets to see.
	Elsewhere bool
}

// Rows returns the table, in the order in which rows are looked at.
func Rows() []Row { return slices.Concat(awsRows(), googleRows(), otherRows(), localRows()) }

// Find returns the first row of a service that has an answer with this code and
// these words, and false if there is none.
func Find(service, code, text string) (Row, bool) {
	for _, r := range Rows() {
		if r.Service != service {
			continue
		}
		for _, a := range r.Answers {
			if !a.Elsewhere && (a.Code == "" || a.Code == code) && strings.Contains(text, a.Text) {
				return r, true
			}
		}
	}
	return Row{}, false
}
