// Package awstrusttest lets a test of your own hold a role's trust policy to the
// jobs that it is for. It is for tests: it links testing.
//
//	func TestDeployRole(t *testing.T) {
//		awstrusttest.Test(t, trustPolicy, job, nil)
//	}
//
// where job is the claims of a job that deploys, as [claims.Decode] returns them.
package awstrusttest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange/awstrust"
)

// Options say what is known, and what is accepted. A nil *Options is ready for
// use.
type Options struct {
	// Providers are the providers of the account; see
	// [awstrust.LintOptions.Providers]. Nil means that they are not known.
	Providers []awstrust.Provider
	// Request is what is known of a job's requests. Nil means nothing.
	Request *awstrust.Request
	// Accept holds the findings that are known and accepted: the rule's ID, and
	// the reason. One that is not found any more fails the test, as does an empty
	// reason. Nil means that none is.
	Accept map[string]string
	// Least is the severity from which a finding fails the test; less is logged.
	// Zero, [awstrust.Info], means all but notes.
	Least awstrust.Severity
}

// Test fails t if the trust policy cannot be read, refuses the job of these
// claims, or has a finding: each with its place, what comes of it, what to write
// instead and, if it is too broad, the token that proves it. It goes on after a
// failure.
func Test(t testing.TB, document []byte, job claims.Model, o *Options) {
	t.Helper()
	if o == nil {
		o = &Options{}
	}
	doc, err := awstrust.Parse(document)
	if err != nil {
		t.Error(err)
		return
	}
	if job == nil {
		t.Error("awstrusttest: no job: Test needs the claims of one that the role is for")
		return
	}
	found, err := awstrust.Lint(doc, &awstrust.LintOptions{Providers: o.Providers, Token: job, Request: o.Request})
	if err != nil {
		t.Error(err)
		return
	}
	for _, f := range found {
		reason, accepted := o.Accept[f.ID]
		switch {
		case accepted && reason != "":
			t.Logf("accepted, because %s: %s", reason, text(f))
		case f.Kind == awstrust.Note || f.Severity < o.Least:
			t.Log(text(f))
		default:
			t.Error(text(f))
		}
	}
	for id, reason := range o.Accept {
		switch {
		case reason == "":
			t.Errorf("awstrusttest: Accept[%q] gives no reason", id)
		case !slices.ContainsFunc(found, func(f awstrust.Finding) bool { return f.ID == id }):
			t.Errorf("awstrusttest: Accept[%q]: there is no such finding any more", id)
		}
	}
}

// text puts a finding into lines.
func text(f awstrust.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v: %s (%s, %v): %s\n\t%s\n\tFix: %s", f.Position, f.ID, f.Kind, f.Severity, f.Problem, f.Story, f.Fix)
	if f.Witness != nil {
		fmt.Fprintf(&b, "\n\tProof: a token of %q is let in. %s", f.Witness.Variant, f.Witness.Story)
	}
	return b.String()
}
