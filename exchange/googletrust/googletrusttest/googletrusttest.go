// Package googletrusttest lets a test of your own hold a provider of a workload
// identity pool, and its bindings, to the jobs that it is for. It is for tests: it
// links testing.
//
//	func TestDeployProvider(t *testing.T) {
//		googletrusttest.Test(t, provider, bindings, job, nil)
//	}
//
// where provider and bindings are texts as gcloud prints them, and job is the
// claims of a job that deploys, as [claims.Decode] returns them.
package googletrusttest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange/googletrust"
)

// Options say what is known, and what is accepted. A nil *Options is ready for
// use.
type Options struct {
	// Request is what is known of a job's requests. Nil means nothing.
	Request *googletrust.Request
	// Pool are the other providers of the pool; see
	// [googletrust.LintOptions.Pool]. Nil means that they are not known.
	Pool []*googletrust.Provider
	// Accept holds the findings that are known and accepted: the rule's ID, and
	// the reason. One that is not found any more fails the test, as does an empty
	// reason. Nil means that none is.
	Accept map[string]string
	// Least is the severity from which a finding fails the test; less is logged.
	// Zero, [googletrust.Info], means all but notes.
	Least googletrust.Severity
}

// Test fails t if the provider or the bindings cannot be read, refuse the job of
// these claims, or have a finding: each with its place, what comes of it, what to
// write instead and, if it is too broad, the token that proves it. Nil bindings
// mean that they are not known. It goes on after a failure.
func Test(t testing.TB, provider, bindings []byte, job claims.Model, o *Options) {
	t.Helper()
	if o == nil {
		o = &Options{}
	}
	doc := &googletrust.Document{}
	var err error
	if doc.Provider, err = googletrust.ParseProvider(provider); err != nil {
		t.Error(err)
		return
	}
	if bindings != nil {
		if doc.Bindings, err = googletrust.ParseBindings(bindings); err != nil {
			t.Error(err)
			return
		}
	}
	if job == nil {
		t.Error("googletrusttest: no job: Test needs the claims of one that the provider is for")
		return
	}
	found, err := googletrust.Lint(doc, &googletrust.LintOptions{Token: job, Request: o.Request, Pool: o.Pool})
	if err != nil {
		t.Error(err)
		return
	}
	for _, f := range found {
		reason, accepted := o.Accept[f.ID]
		switch {
		case accepted && reason != "":
			t.Logf("accepted, because %s: %s", reason, text(f))
		case f.Kind == googletrust.Note || f.Severity < o.Least:
			t.Log(text(f))
		default:
			t.Error(text(f))
		}
	}
	for id, reason := range o.Accept {
		switch {
		case reason == "":
			t.Errorf("googletrusttest: Accept[%q] gives no reason", id)
		case !slices.ContainsFunc(found, func(f googletrust.Finding) bool { return f.ID == id }):
			t.Errorf("googletrusttest: Accept[%q]: there is no such finding any more", id)
		}
	}
}

// text puts a finding into lines.
func text(f googletrust.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %v: %s (%s, %v): %s\n\t%s\n\tFix: %s", f.Part, f.Position, f.ID, f.Kind, f.Severity, f.Problem, f.Story, f.Fix)
	if f.Witness != nil {
		fmt.Fprintf(&b, "\n\tProof: a token of %q is let in. %s", f.Witness.Variant, f.Witness.Story)
	}
	return b.String()
}
