package elsewhere

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/cause"
)

// sentences are whole ones of those of which the table has a part.
var sentences = map[string]string{
	"is missing":         `error validating claims: claim "project_id" is missing`,
	"could not be found": `role "deploy" could not be found`,
	"does not match any associated bound claim values": `error validating claims: claim "project_id" does not match any associated bound claim values`,
}

// answers returns who gives the answers of a row, and with which status.
func answers(r cause.Row, a cause.Answer) (who string, status int) {
	status = http.StatusBadRequest
	if r.ID == "N1" {
		status = http.StatusNotFound
	}
	if a.Text == "permission denied" || a.Code == "AccessDenied" || a.Code == "PERMISSION_DENIED" {
		status = http.StatusForbidden
	}
	if a.Code == "InternalFailure" {
		status = http.StatusInternalServerError
	}
	switch {
	case r.Service == cause.AWS:
		return "STS", status
	case a.Code == "PERMISSION_DENIED" || a.Code == "INVALID_ARGUMENT":
		return "Google's IAM", status
	case r.Service == cause.Google:
		return "Google's STS", status
	case r.Service == cause.Vault:
		return "Vault", status
	case r.Service == cause.Okta:
		return "Okta", status
	case r.Service == cause.Registry:
		return "a registry", status
	}
	return "a token endpoint", status
}

// Finding out why an exchange was refused costs no request at all, whatever the
// answer and whatever is known: all there are is the exchange's own, to the
// endpoint that is configured. Neither does printing the error.
func TestNoDiagnosisCallsElsewhere(t *testing.T) {
	// A little less than what one request may take, so that it is this that ends it.
	const limit = 10*time.Second - time.Second
	type meeting struct {
		who string
		refusal
	}
	cases, explained := map[string]meeting{}, map[string]bool{}
	for _, r := range cause.Rows() {
		for i, a := range r.Answers {
			if !a.Elsewhere {
				who, status := answers(r, a)
				text := cmp.Or(sentences[a.Text], a.Text)
				if r.Service == cause.Google {
					a.Code = cmp.Or(a.Code, "invalid_request")
				}
				cases[fmt.Sprintf("%s.%d", r.ID, i+1)] = meeting{who, refusal{status: status, code: a.Code, text: text}}
			}
		}
	}
	require.Greater(t, len(cases), 50)
	for who := range askers {
		cases[who+", bare"] = meeting{who, refusal{status: 403}}
		cases[who+", redirect"] = meeting{who, refusal{status: 307, location: "https://elsewhere.example/"}}
		cases[who+", overloaded"] = meeting{who, refusal{status: 503}}
		cases[who+", cut off"] = meeting{who, refusal{err: errors.New("cut off")}}
		cases[who+", black hole"] = meeting{who, refusal{hang: true}}
	}
	for name, m := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for job, token := range tokens(t) {
					for _, known := range []bool{false, true} {
						w := &wire{answer: m.answer(askers[m.who])}
						only(t, w)
						begun := time.Now()
						ctx, cancel := context.WithTimeout(t.Context(), limit)
						err := askers[m.who].ask(ctx, &http.Client{Transport: w}, token, known)
						took := time.Since(begun)
						cancel()
						var failed *exchange.Error
						require.ErrorAs(t, err, &failed, "%s, known %t", job, known)
						if len(failed.Causes) > 0 {
							explained[name] = true
						}
						before := w.requests()
						for _, print := range []string{fmt.Sprintf("%v %+v %q", failed, failed, failed), failed.LogValue().String()} {
							assert.NotEmpty(t, print)
						}
						want := 1
						if failed.Retryable() && !m.hang {
							want = 3
						}
						for _, sent := range before {
							assert.Equal(t, "POST "+askers[m.who].endpoint, sent)
						}
						assert.Len(t, before, want, "%s, known %t: %v", job, known, failed)
						assert.Equal(t, before, w.requests(), "printing is no request")
						switch {
						case m.hang:
							assert.Equal(t, limit, took, "nothing is done after the deadline")
						case want == 1:
							assert.Zero(t, took, "an answer is explained at once")
						default:
							assert.Less(t, took, limit)
						}
					}
				}
			})
		})
	}
	for _, r := range cause.Rows() {
		for i, a := range r.Answers {
			if !a.Elsewhere {
				assert.True(t, explained[fmt.Sprintf("%s.%d", r.ID, i+1)], "%s: nothing was diagnosed for %q", r.ID, a)
			}
		}
	}
}
