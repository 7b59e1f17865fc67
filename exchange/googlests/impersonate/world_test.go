package impersonate_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"cloud.google.com/go/auth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/exchange/googlests/impersonate"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

const (
	deployer = "deployer@shop-prod.iam.gserviceaccount.com"
	relay    = "relay@shop-prod.iam.gserviceaccount.com"
	stranger = "stranger@shop-prod.iam.gserviceaccount.com"
	number   = "123456789012"

	circleSubject = "org/" + fakeissuer.CircleCIOrganizationID + "/project/" + fakeissuer.CircleCIProjectID + "/user/" + fakeissuer.CircleCIUserID
)

// world is a Google Cloud in which the jobs of both platforms may become
// deployer, and relay may become stranger.
type world struct {
	gitlab, circleci *fakeissuer.Issuer
	cloud            *fakegoogle.Server

	mu      sync.Mutex
	secrets []string
}

func newWorld(t *testing.T, edit ...func(*fakegoogle.Config)) *world {
	t.Helper()
	w := &world{
		gitlab:   issuer(t, "https://gitlab.com"),
		circleci: issuer(t, fakeissuer.CircleCIURL(fakeissuer.CircleCIOrganizationID)),
	}
	gitlab := fakegoogle.Provider{
		Project: number, Pool: "ci", ID: "gitlab", IssuerURI: w.gitlab.URL(),
		Attributes: map[string]string{"project_id": "project_id"},
	}
	circleci := fakegoogle.Provider{Project: number, Pool: "ci", ID: "circleci", IssuerURI: w.circleci.URL()}
	jobs := []string{gitlab.PrincipalSet("project_id", fakeissuer.GitLabProjectID), circleci.Principal(circleSubject)}
	cfg := fakegoogle.Config{
		Providers: []fakegoogle.Provider{gitlab, circleci},
		ServiceAccounts: []fakegoogle.ServiceAccount{
			{Email: deployer, Users: jobs},
			{Email: relay, Users: jobs},
			{Email: stranger, TokenCreators: []string{"serviceAccount:" + relay}},
		},
		Buckets: []fakegoogle.Bucket{{
			Name:    "releases",
			Members: []string{"serviceAccount:" + deployer},
			Objects: map[string][]byte{"app.txt": []byte("release one")},
		}},
		Fetch: fakeissuer.Client(w.gitlab, w.circleci),
	}
	for _, f := range edit {
		f(&cfg)
	}
	var err error
	w.cloud, err = fakegoogle.New(cfg)
	require.NoError(t, err)
	return w
}

func issuer(t *testing.T, url string) *fakeissuer.Issuer {
	t.Helper()
	i, err := fakeissuer.New(fakeissuer.Options{URL: url})
	require.NoError(t, err)
	t.Cleanup(i.Close)
	return i
}

// base are the federated credentials of a job of the platform.
func (w *world) base(t *testing.T, platform string) *auth.Credentials {
	t.Helper()
	creds, err := googlests.Credentials(googlests.Config{
		Provider:   googlests.ProviderName(number, "ci", platform),
		HTTPClient: w.cloud.Client(),
		Source: exchange.TokenSourceFunc(func(_ context.Context, audience string) (string, error) {
			raw := w.gitlab.GitLab(audience)
			if platform == "circleci" {
				raw = w.circleci.CircleCI(audience)
			}
			w.keep(raw)
			return raw, nil
		}),
	})
	require.NoError(t, err)
	return creds
}

// config is one that works, for the GitLab job.
func (w *world) config(t *testing.T) impersonate.Config {
	return impersonate.Config{ServiceAccount: deployer, Base: w.base(t, "gitlab"), HTTPClient: w.cloud.Client()}
}

func (w *world) keep(secret string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets = append(w.secrets, secret)
}

// fail impersonates once and returns the error, which must hold no secret.
func (w *world) fail(t *testing.T, cfg impersonate.Config) *exchange.Error {
	t.Helper()
	creds, err := impersonate.Credentials(cfg)
	require.NoError(t, err)
	base, baseErr := cfg.Base.Token(t.Context())
	if baseErr == nil {
		w.keep(base.Value)
	}
	_, err = creds.Token(t.Context())
	var failed *exchange.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "google", failed.Service)

	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Error("failed", "err", err)
	text := fmt.Sprintf("%v\n%+v\n%#v\n%q\n%s", err, err, err, err, log.String())
	require.NotEmpty(t, w.secrets)
	for _, secret := range w.secrets {
		const piece = 20
		for i := 0; i+piece <= len(secret); i++ {
			require.NotContains(t, text, secret[i:i+piece])
		}
	}
	return failed
}

// answering makes an endpoint answer with status and body.
func answering(endpoint fakegoogle.Endpoint, status int, header http.Header, body string) func(fakegoogle.Endpoint, http.ResponseWriter, *http.Request) bool {
	return func(e fakegoogle.Endpoint, w http.ResponseWriter, _ *http.Request) bool {
		if e != endpoint {
			return false
		}
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
		return true
	}
}
