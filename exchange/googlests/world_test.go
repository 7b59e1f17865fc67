package googlests_test

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

const (
	projectNumber = "123456789012"
	gitLabSubject = "project_path:" + fakeissuer.GitLabProjectPath + ":ref_type:branch:ref:main"
	circleSubject = "org/" + fakeissuer.CircleCIOrganizationID + "/project/" + fakeissuer.CircleCIProjectID + "/user/" + fakeissuer.CircleCIUserID
)

var (
	gitLabProvider   = googlests.ProviderName(projectNumber, "ci", "gitlab")
	circleCIProvider = googlests.ProviderName(projectNumber, "ci", "circleci")
)

// world is a Google Cloud that knows one issuer of each platform. Nothing in
// it listens.
type world struct {
	gitlab, circleci *fakeissuer.Issuer
	cloud            *fakegoogle.Server
	source           *source
}

func newWorld(t *testing.T, edit ...func(*fakegoogle.Config)) *world {
	t.Helper()
	w := &world{
		gitlab:   issuer(t, "https://gitlab.com"),
		circleci: issuer(t, fakeissuer.CircleCIURL(fakeissuer.CircleCIOrganizationID)),
	}
	gitlab := fakegoogle.Provider{
		Project: projectNumber, Pool: "ci", ID: "gitlab", IssuerURI: w.gitlab.URL(),
		Require: map[string]string{"namespace_id": fakeissuer.GitLabNamespaceID},
	}
	circleci := fakegoogle.Provider{Project: projectNumber, Pool: "ci", ID: "circleci", IssuerURI: w.circleci.URL()}
	cfg := fakegoogle.Config{
		Providers: []fakegoogle.Provider{gitlab, circleci},
		Buckets: []fakegoogle.Bucket{{
			Name:    "releases",
			Members: []string{gitlab.Principal(gitLabSubject), circleci.Principal(circleSubject)},
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
	w.source = &source{mint: func(audience string) string { return w.gitlab.GitLab(audience) }}
	return w
}

func issuer(t *testing.T, url string) *fakeissuer.Issuer {
	t.Helper()
	i, err := fakeissuer.New(fakeissuer.Options{URL: url})
	require.NoError(t, err)
	t.Cleanup(i.Close)
	return i
}

// config is one that works, for the GitLab job.
func (w *world) config() googlests.Config {
	return googlests.Config{Provider: gitLabProvider, Source: w.source, HTTPClient: w.cloud.Client()}
}

// source mints tokens, and remembers what it was asked for and what it gave.
type source struct {
	mint func(audience string) string

	mu        sync.Mutex
	audiences []string
	tokens    []string
}

var _ exchange.TokenSource = (*source)(nil)

func (s *source) IDToken(_ context.Context, audience string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw := s.mint(audience)
	s.audiences = append(s.audiences, audience)
	s.tokens = append(s.tokens, raw)
	return raw, nil
}

// give changes how tokens are minted, also while they are.
func (s *source) give(mint func(audience string) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mint = mint
}

func (s *source) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.audiences...)
}

// answering makes the token endpoint answer with status and body.
func answering(status int, header http.Header, body string) func(fakegoogle.Endpoint, http.ResponseWriter, *http.Request) bool {
	return func(e fakegoogle.Endpoint, w http.ResponseWriter, _ *http.Request) bool {
		if e != fakegoogle.Token {
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

func asked(s exchange.TokenSource) []string { return s.(*source).asked() }
