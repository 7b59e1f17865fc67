package impersonate_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/auth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/exchange/googlests/impersonate"
	"github.com/cioidc/cioidc/internal/cause"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

const pool = "iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci/"

// knowing returns the configuration of a job that wants an account it may not
// have, with what is known of the provider.
func (w *world) knowing(t *testing.T, known *googlests.Known) impersonate.Config {
	t.Helper()
	base, err := googlests.Credentials(googlests.Config{
		Provider: googlests.ProviderName(number, "ci", "gitlab"), HTTPClient: w.cloud.Client(), Known: known,
		Source: exchange.TokenSourceFunc(func(_ context.Context, audience string) (string, error) {
			raw := w.gitlab.GitLab(audience)
			w.keep(raw)
			return raw, nil
		}),
	})
	require.NoError(t, err)
	cfg := w.config(t)
	cfg.Base, cfg.ServiceAccount = base, stranger
	return cfg
}

// row is one row of the table of causes that IAM answers.
type row struct {
	config   func(*testing.T, *world) impersonate.Config
	answer   string // with status 403; empty: what the fake says by itself
	causes   []string
	certain  bool // the first
	evidence []exchange.Evidence
	action   string
	without  string // what the action must not have
}

// Each is named by its row. There is one with all the names of the job, and one
// for each lack.
var rows = map[string]row{
	"G10": {
		config: func(t *testing.T, w *world) impersonate.Config {
			return w.knowing(t, &googlests.Known{Mapping: map[string]string{
				"google.subject": "assertion.sub", "attribute.project_id": "assertion.project_id", "attribute.made": "assertion.ref + 'x'",
			}})
		},
		causes: []string{"google-impersonation", "google-account"},
		evidence: []exchange.Evidence{
			{Name: "service account", Configured: stranger},
			{Name: "principal", Token: "principal://" + pool + "subject/project_path:acme/webshop:ref_type:branch:ref:main"},
			{Name: "principalSet", Token: "principalSet://" + pool + "attribute.project_id/" + fakeissuer.GitLabProjectID},
		},
		action:  `grant roles/iam.workloadIdentityUser on it to "principal://` + pool + "subject/project_path:acme/webshop:",
		without: "if the provider maps",
	},
	"G10, the mapping is not known": {
		config: func(t *testing.T, w *world) impersonate.Config { return w.knowing(t, nil) },
		causes: []string{"google-impersonation", "google-account"},
		action: "if the provider maps google.subject to assertion.sub,",
	},
	"G10, the subject is made by an expression": {
		config: func(t *testing.T, w *world) impersonate.Config {
			return w.knowing(t, &googlests.Known{Mapping: map[string]string{"google.subject": "assertion.project_id + 'x'"}})
		},
		causes:   []string{"google-impersonation", "google-account"},
		evidence: []exchange.Evidence{{Name: "service account", Configured: stranger}},
		action:   "to the principal or principalSet that the provider makes of the token", without: "principal://",
	},
	"G10, the base is another's": {
		config: func(t *testing.T, w *world) impersonate.Config {
			cfg := w.config(t)
			cfg.Base = auth.NewCredentials(&auth.CredentialsOptions{TokenProvider: static("ya29.d.of-some-other-program")})
			return cfg
		},
		answer:   `{"error":{"code":403,"message":"Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).","status":"PERMISSION_DENIED"}}`,
		causes:   []string{"google-impersonation", "google-account"},
		evidence: []exchange.Evidence{{Name: "service account", Configured: deployer}},
		action:   "to the principal or principalSet that the provider makes of the token", without: "principal://",
	},
	"G10, another permission": {
		config: func(t *testing.T, w *world) impersonate.Config { return w.config(t) },
		answer: `{"error":{"code":403,"message":"IAM Service Account Credentials API has not been used in project 1 before or it is disabled.","status":"PERMISSION_DENIED"}}`,
	},
	"G11": {
		config: func(t *testing.T, w *world) impersonate.Config {
			cfg := w.config(t)
			cfg.Lifetime = 2 * time.Hour
			return cfg
		},
		causes: []string{"google-lifetime"}, certain: true,
		evidence: []exchange.Evidence{{Name: "lifetime", Configured: "2h0m0s"}},
		action:   "iam.allowServiceAccountCredentialLifetimeExtension",
	},
	"G11, another argument": {
		config: func(t *testing.T, w *world) impersonate.Config { return w.config(t) },
		answer: `{"error":{"code":400,"message":"Invalid scope.","status":"INVALID_ARGUMENT"}}`,
	},
	"X2": {
		config: func(t *testing.T, w *world) impersonate.Config {
			cfg := w.config(t)
			cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 307, Header: http.Header{"Location": {"https://login.example/?next=hidden"}}, Body: http.NoBody, Request: r}, nil
			})}
			return cfg
		},
		causes: []string{"endpoint-redirects"}, certain: true, action: "configure the address that the service itself has",
	},
	"X1": {
		config: func(t *testing.T, w *world) impersonate.Config {
			cfg := w.config(t)
			cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				return nil, &net.DNSError{Err: "no such host", Name: r.URL.Hostname(), IsNotFound: true}
			})}
			return cfg
		},
		causes: []string{"host-unknown"}, certain: true,
		evidence: []exchange.Evidence{{Name: "host", Configured: "iamcredentials.googleapis.com"}}, action: "check its spelling",
	},
	"X1, unknown": {
		config: func(t *testing.T, w *world) impersonate.Config {
			cfg := w.config(t)
			cfg.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("tunnel failed") })}
			return cfg
		},
	},
}

func TestRows(t *testing.T) {
	for name, r := range rows {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			cfg := r.config(t, w)
			if r.answer != "" {
				w.cloud.Misbehave(answering(fakegoogle.GenerateAccessToken, http.StatusForbidden, nil, r.answer))
			}
			failed := w.fail(t, cfg)
			assert.Equal(t, exchange.StageImpersonate, failed.Stage)
			var got []string
			for _, c := range failed.Causes {
				got = append(got, c.ID)
			}
			require.Equal(t, r.causes, got)
			assert.NotContains(t, fmt.Sprintf("%+v", failed), "hidden")
			if len(got) == 0 {
				return
			}
			first := failed.Causes[0]
			assert.Equal(t, r.certain, first.Certain)
			assert.Contains(t, first.Action, r.action)
			if r.without != "" {
				assert.NotContains(t, first.Action, r.without)
			}
			if r.evidence != nil {
				assert.Equal(t, r.evidence, first.Evidence)
			}
			if len(got) > 1 {
				assert.ErrorContains(t, failed, "cannot tell which of 2 causes, the likeliest: ")
			}
		})
	}
}

// IAM's are the rows of Google that package googlests leaves to this one.
func TestEveryRowIsTested(t *testing.T) {
	for _, r := range cause.Rows() {
		iam := slices.ContainsFunc(r.Answers, func(a cause.Answer) bool {
			return !a.Elsewhere && (a.Code == "PERMISSION_DENIED" || a.Code == "INVALID_ARGUMENT")
		})
		if r.Service == cause.Google && iam {
			assert.Contains(t, rows, r.ID)
		}
	}
}
