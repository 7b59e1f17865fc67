package awstrust

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
)

// Whatever the document is, it is linted and fixed or not: without a panic, with
// a certain fix that can be made in the text and refuses no job that was let in,
// and with a proposal that keeps out the witness and not the job.
func FuzzLint(f *testing.F) {
	add := func(p Provider, conditions string) {
		statement := statementOf(p, conditions)
		if strings.HasPrefix(conditions, `{"Effect"`) {
			statement = strings.NewReplacer("@:", p.prefix()+":", "ARN", p.ARN()).Replace(conditions)
		}
		f.Add([]byte(`{"Version":"2012-10-17","Statement":[` + statement + `]}`))
	}
	for _, tt := range ruleCases() {
		add(tt.provider, tt.fires)
	}
	for _, tt := range repairCases() {
		action := tt.action
		if action == "" {
			action = webIdentity
		}
		f.Add([]byte(roleFile(tt.provider, tt.principal, action, tt.conditions)))
	}
	// What takes long: many stars, many statements, many keys.
	add(gitLab, like(strings.Repeat("*a", 1500)))
	f.Add([]byte(`{"Statement":[` + strings.Repeat(`{"Effect":"Allow","Principal":{"Federated":":oidc-provider/gitlab.com"},"Action":"*"},`, 40) + statementOf(gitLab, `{}`) + `]}`))
	f.Add([]byte(`{"Statement":{"Effect":"Allow","Principal":{"Federated":":oidc-provider/gitlab.com"},"Action":"*","Condition":{"StringLike":{"a:b":"*"` +
		strings.Repeat(`,"gitlab.com:sub":"*"`, 100) + `}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := Parse(data)
		if err != nil {
			return
		}
		for _, p := range []Provider{gitLab, circleCI} {
			o := &LintOptions{Token: legitimate(t, p)}
			found, err := Lint(doc, o)
			require.NoError(t, err)
			plainly, err := Lint(doc, nil)
			require.NoError(t, err)
			for i, finding := range append(found, plainly...) {
				if i > 40 { // of hundreds alike, some are enough
					break
				}
				options := o
				if i >= len(found) {
					options = nil
				}
				checkFix(t, data, doc, finding, options, o.Token)
			}
		}
	})
}

func checkFix(t *testing.T, data []byte, doc *Document, f Finding, o *LintOptions, job claims.Model) {
	t.Helper()
	fixed, err := Fix(doc, f, o)
	if err != nil {
		var no *NoFixError
		require.ErrorAs(t, err, &no)
		return
	}
	known := &LintOptions{Token: job}
	payload := job.RegisteredClaims().Payload()
	before, after := (&Fixed{Document: doc}).simulate(payload, known), fixed.simulate(payload, known)
	if o != nil || fixed.Certain {
		assert.False(t, before == Accepted && after == Rejected, "%s refuses the job", f.ID)
	}
	if o != nil && f.Witness != nil && f.Kind != Broken {
		assert.Equal(t, Rejected, fixed.simulate(f.Witness.Claims, known), "%s lets its witness in", f.ID)
	}
	edits, err := fixed.Edits(data)
	if !fixed.Certain {
		require.ErrorIs(t, err, ErrNotCertain)
		return
	}
	require.NoError(t, err)
	text := ApplyEdits(data, edits)
	require.True(t, json.Valid(text), "%s", text)
	again, err := Parse(text)
	if err != nil {
		require.Greater(t, len(text), maxQuota, "%s: %v", text, err) // longer than AWS takes
		return
	}
	want, got := plain(fixed.Document), plain(again)
	require.Len(t, got, len(want))
	for i := range want {
		assert.ElementsMatch(t, want[i].Conditions, got[i].Conditions)
		want[i].Conditions, got[i].Conditions = nil, nil
	}
	assert.Equal(t, want, got)
}
