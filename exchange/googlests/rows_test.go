package googlests_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/cause"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// row is one row of the table of causes, as Google answers it.
type row struct {
	code, text string
	claims     func(fakeissuer.Claims)
	known      *googlests.Known
	cause      string
	certain    bool
	evidence   exchange.Evidence // one of the cause's
	action     string
	sure       string // why no evidence can be missing; empty: without known it is not certain
}

const said = "Google has said what is wrong, and what the token says only adds to it"

var rows = map[string]row{
	"G1": {
		code: "invalid_grant", text: "The audience in ID Token [a] does not match the expected audience.", known: &googlests.Known{AllowedAudiences: []string{"b"}},
		cause: "google-audience", certain: true, action: "allowed audiences", sure: said,
		evidence: exchange.Evidence{Name: "allowed audiences", Token: "https:" + gitLabProvider, Configured: "b"},
	},
	"G2": {
		code: "invalid_grant", text: "The issuer in ID Token https://gitlab.com does not match the expected ones: https://gitlab.com/",
		cause: "google-issuer", certain: true, action: "trailing slash included", sure: said,
		evidence: exchange.Evidence{Name: "iss", Token: "https://gitlab.com", Configured: "https://gitlab.com/"},
	},
	"G3": {
		code: "invalid_grant", text: "Error connecting to the given credential's issuer.",
		cause: "google-issuer-unreachable", action: "--jwk-json-path", evidence: exchange.Evidence{Name: "iss", Token: "https://gitlab.com"},
	},
	"G4": {
		code: "invalid_grant", text: "ID Token issued at 1789084800 is stale to sign-in.", claims: fakeissuer.Expired,
		cause: "google-expired", certain: true, action: "raise the job's timeout", sure: said,
	},
	"G5": {
		code: "unauthorized_client", text: "The given credential is rejected by the attribute condition.", known: &googlests.Known{Condition: "assertion.ref_protected == true"},
		cause: "google-condition", certain: true, action: "assertion.ref_protected == 'true'", sure: said,
		evidence: exchange.Evidence{Name: "attribute condition", Configured: "assertion.ref_protected == true"},
	},
	"G6": {
		code: "invalid_request", text: "The size of mapped attribute google.subject exceeds the 127 bytes limit. Either modify your attribute mapping or the incoming assertion.",
		claims: func(c fakeissuer.Claims) { c["sub"] = "project_path:" + strings.Repeat("b", 128) },
		cause:  "google-subject-length", certain: true, action: "assertion.project_id + '::' + assertion.job_id",
		evidence: exchange.Evidence{Name: "bytes of sub", Token: "141", Configured: "at most 127"},
	},
	"G7": {
		code: "unauthorized_client", text: "Could not obtain a value for google.subject from the given credential.",
		cause: "google-subject-missing", certain: true, action: "a claim that is always there", sure: said, evidence: exchange.Evidence{Name: "project_id", Token: fakeissuer.GitLabProjectID},
	},
	"G8": {
		code: "invalid_request", text: `Invalid value for "audience". This value should be the full resource name of the Identity Provider.`,
		cause: "google-provider-name", action: "//iam.googleapis.com/", evidence: exchange.Evidence{Name: "provider", Configured: gitLabProvider},
	},
	"G9": {
		code: "invalid_target", text: `The target service indicated by the "audience" parameters is invalid.`,
		cause: "google-provider", action: "30 days", evidence: exchange.Evidence{Name: "provider", Configured: gitLabProvider},
	},
}

// Each row of the table: Google's answer, with what makes its cause known, and
// without. Then nothing is claimed.
func TestRows(t *testing.T) {
	for id, r := range rows {
		t.Run(id, func(t *testing.T) {
			ask := func(known *googlests.Known, claims func(fakeissuer.Claims)) exchange.Cause {
				w := newWorld(t)
				w.source.give(func(aud string) string {
					if claims != nil {
						return w.gitlab.GitLab(aud, claims)
					}
					return w.gitlab.GitLab(aud)
				})
				w.cloud.Misbehave(answering(400, nil, fmt.Sprintf(`{"error":%q,"error_description":%q}`, r.code, r.text)))
				cfg := w.config()
				cfg.Known = known
				e := w.fail(t, cfg)
				require.Len(t, e.Causes, 1)
				return e.Causes[0]
			}
			c := ask(r.known, r.claims)
			assert.Equal(t, r.cause, c.ID)
			assert.Equal(t, r.certain, c.Certain)
			assert.Contains(t, c.Action, r.action)
			if r.evidence.Name != "" {
				assert.Contains(t, c.Evidence, r.evidence)
			}
			if r.sure == "" {
				assert.False(t, ask(nil, nil).Certain, "nothing tells")
			}
		})
	}
}

// Of a token that is too old for Google, and that the clock here or the token
// itself does not bear out, its end is not told for the cause.
func TestRowG4WithoutEvidence(t *testing.T) {
	for name, tt := range map[string]struct {
		claims   func(fakeissuer.Claims)
		certain  bool
		words    string
		action   string
		evidence []string
	}{
		"not over by the clock here": {func(fakeissuer.Claims) {}, false, "by the clock here it is valid until", "set these by NTP", []string{"iat", "exp", "clock here"}},
		"without an end":             {func(c fakeissuer.Claims) { delete(c, "exp") }, true, "does not say when it expires", "earlier in the job", []string{"iat"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.source.give(func(aud string) string { return w.gitlab.GitLab(aud, tt.claims) })
			w.cloud.Misbehave(answering(400, nil, `{"error":"invalid_grant","error_description":"ID Token issued at 1789084800 is stale to sign-in."}`))
			e := w.fail(t, w.config())
			require.Len(t, e.Causes, 1)
			c := e.Causes[0]
			assert.Equal(t, "google-expired", c.ID)
			assert.Equal(t, tt.certain, c.Certain)
			assert.Contains(t, c.Summary, tt.words)
			assert.NotContains(t, c.Summary, "1970")
			assert.Contains(t, c.Action, tt.action)
			var names []string
			for _, evidence := range c.Evidence {
				names = append(names, evidence.Name)
			}
			assert.Equal(t, tt.evidence, names)
		})
	}
}

func TestRowJ1(t *testing.T) {
	for raw, cause := range map[string]string{"": "token-empty", "glcbt-64_a-job-token": "token-malformed", "a.b.c": "token-malformed"} {
		w := newWorld(t)
		w.source.give(func(string) string { return raw })
		e := w.fail(t, w.config())
		assert.Equal(t, exchange.StageSource, e.Stage)
		require.Len(t, e.Causes, 1)
		assert.Equal(t, cause, e.Causes[0].ID)
		assert.Zero(t, w.cloud.Requests("token"), "whatever it is, it is not sent")
	}
}

// Google has a row for each of its own answers; those of its IAM are package
// impersonate's, and those of other programs nobody here gets to see.
func TestEveryRowIsTested(t *testing.T) {
	for _, r := range cause.Rows() {
		if r.Service != cause.Google || slices.Contains([]string{"G10", "G11"}, r.ID) {
			continue
		}
		_, ok := rows[r.ID]
		seen := slices.ContainsFunc(r.Answers, func(a cause.Answer) bool { return !a.Elsewhere })
		assert.Equal(t, seen, ok, r.ID)
	}
}

// What certainly fails is not sent.
func TestPrechecks(t *testing.T) {
	w := newWorld(t)
	w.source.give(func(aud string) string {
		return w.gitlab.GitLab(aud, func(c fakeissuer.Claims) {
			c["iat"], c["nbf"], c["exp"] = time.Now().Add(-3*time.Hour).Unix(), time.Now().Add(-3*time.Hour).Unix(), time.Now().Add(-2*time.Hour).Unix()
		})
	})
	e := w.fail(t, w.config())
	require.Len(t, e.Causes, 1)
	assert.Equal(t, "google-expired", e.Causes[0].ID)
	assert.ErrorContains(t, e, "was not sent")

	w.source.give(func(aud string) string {
		return w.gitlab.GitLab(aud, func(c fakeissuer.Claims) { c["ref"] = strings.Repeat("b", 128) })
	})
	cfg := w.config()
	cfg.Known = &googlests.Known{Mapping: map[string]string{"google.subject": "assertion.ref"}}
	e = w.fail(t, cfg)
	require.Len(t, e.Causes, 1)
	assert.Equal(t, "google-subject-length", e.Causes[0].ID)
	assert.True(t, e.Causes[0].Certain)
	assert.Contains(t, e.Causes[0].Summary, `the claim "ref", which has 128 bytes`)
	assert.Zero(t, w.cloud.Requests("token"))
}

func TestRowsOnTheWay(t *testing.T) {
	for name, test := range map[string]struct {
		trip           func(*http.Request) (*http.Response, error)
		cause, summary string
	}{
		"X1, host": {func(r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Post", URL: r.URL.String(), Err: &net.DNSError{Err: "no such host", Name: r.URL.Hostname(), IsNotFound: true}}
		}, "host-unknown", `"sts.googleapis.com" is not known here`},
		"X2": {func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 307, Header: http.Header{"Location": {"https://login.example/?next=hidden"}}, Body: http.NoBody}, nil
		}, "endpoint-redirects", `redirects to "https://login.example"`},
		"not known": {func(*http.Request) (*http.Response, error) { return nil, errors.New("tunnel") }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			cfg := w.config()
			cfg.Endpoint, cfg.HTTPClient = "", &http.Client{Transport: trip(test.trip)}
			e := w.fail(t, cfg)
			if test.cause == "" {
				assert.Empty(t, e.Causes)
				return
			}
			require.Len(t, e.Causes, 1)
			assert.Equal(t, test.cause, e.Causes[0].ID)
			assert.Contains(t, e.Causes[0].Summary, test.summary)
			assert.NotContains(t, fmt.Sprintf("%+v", e), "hidden")
		})
	}
}

type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
