package fakegoogle_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials/externalaccount"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/api/storage/v1"

	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// subject is the CI token, as Google's library asks for it.
type subject string

func (s subject) SubjectToken(context.Context, *externalaccount.RequestOptions) (string, error) {
	return string(s), nil
}

func (w *world) external(t *testing.T, raw, impersonate string) *auth.Credentials {
	t.Helper()
	creds, err := externalaccount.NewCredentials(&externalaccount.Options{
		Audience:                       w.forGitLab.Name(),
		SubjectTokenType:               "urn:ietf:params:oauth:token-type:jwt",
		TokenURL:                       w.url + "/v1/token",
		ServiceAccountImpersonationURL: impersonate,
		Scopes:                         []string{platform},
		SubjectTokenProvider:           subject(raw),
	})
	require.NoError(t, err)
	return creds
}

func (w *world) storage(t *testing.T, creds *auth.Credentials) *storage.Service {
	t.Helper()
	svc, err := storage.NewService(t.Context(), option.WithAuthCredentials(creds), option.WithEndpoint(w.url+"/storage/v1/"))
	require.NoError(t, err)
	return svc
}

// Google's own library and storage client are the measure of the fake.
func TestGooglesLibraryReadsAnObject(t *testing.T) {
	tests := map[string]struct {
		impersonate func(w *world) string
		edit        func(*fakegoogle.Config)
		requests    int
	}{
		"direct": {impersonate: func(*world) string { return "" }},
		"impersonated": {
			impersonate: func(w *world) string {
				return w.url + "/v1/projects/-/serviceAccounts/" + deployer + ":generateAccessToken"
			},
			edit: func(c *fakegoogle.Config) {
				c.ServiceAccounts[1].Users = c.ServiceAccounts[0].Users
				c.Buckets[0].Members = []string{"serviceAccount:" + deployer}
			},
			requests: 1,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *fakegoogle.Config) {
				if tt.edit != nil {
					tt.edit(c)
				}
			})
			svc := w.storage(t, w.external(t, w.gitlab.GitLab("https:"+w.forGitLab.Name()), tt.impersonate(w)))

			list, err := svc.Objects.List("releases").Prefix("v2/").Context(t.Context()).Do()
			require.NoError(t, err)
			require.Len(t, list.Items, 1)
			assert.Equal(t, "v2/app.txt", list.Items[0].Name)

			object, err := svc.Objects.Get("releases", "v1/app.txt").Context(t.Context()).Do()
			require.NoError(t, err)
			assert.EqualValues(t, len("release one"), object.Size)

			resp, err := svc.Objects.Get("releases", "v1/app.txt").Context(t.Context()).Download()
			require.NoError(t, err)
			defer resp.Body.Close()
			content, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, "release one", string(content))

			bucket, err := svc.Buckets.Get("releases").Context(t.Context()).Do()
			require.NoError(t, err)
			assert.Equal(t, "releases", bucket.Name)

			assert.Equal(t, 4, w.cloud.Requests(fakegoogle.Storage))
			assert.Equal(t, 1, w.cloud.Requests(fakegoogle.Token))
			assert.Equal(t, tt.requests, w.cloud.Requests(fakegoogle.GenerateAccessToken))
		})
	}
}

func TestGooglesLibraryReportsTheRefusal(t *testing.T) {
	w := newWorld(t)
	_, err := w.external(t, w.gitlab.GitLab("sts.amazonaws.com"), "").Token(t.Context())
	assert.ErrorContains(t, err, `status code 400: {"error":"invalid_grant","error_description":"The audience in ID Token [sts.amazonaws.com] does not match the expected audience."}`)
}

func TestStorageClientIsRefused(t *testing.T) {
	w := newWorld(t)
	static := func(token string) *auth.Credentials {
		return auth.NewCredentials(&auth.CredentialsOptions{TokenProvider: provider(token)})
	}
	other := w.gitlab.GitLab("https:"+w.forGitLab.Name(), fakeissuer.Branch("topic"))
	tests := map[string]struct {
		creds        *auth.Credentials
		bucket, name string
		status       int
		words        string
	}{
		"unknown token":      {static("ya29.d.made-up"), "releases", "v1/app.txt", http.StatusUnauthorized, "Invalid Credentials"},
		"the CI token":       {static(other), "releases", "v1/app.txt", http.StatusUnauthorized, "Invalid Credentials"},
		"not a member":       {w.external(t, other, ""), "releases", "v1/app.txt", http.StatusForbidden, w.forGitLab.Principal("project_path:acme/webshop:ref_type:branch:ref:topic") + " does not have storage.objects.get access"},
		"no such bucket":     {static(w.federated(t)), "other", "v1/app.txt", http.StatusForbidden, "does not have storage.objects.get access"},
		"no such object":     {static(w.federated(t)), "releases", "v3/app.txt", http.StatusNotFound, "No such object: releases/v3/app.txt"},
		"insufficient scope": {static(w.federated(t, "https://www.googleapis.com/auth/iam")), "releases", "v1/app.txt", http.StatusForbidden, "insufficient authentication scopes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := w.storage(t, tt.creds).Objects.Get(tt.bucket, tt.name).Context(t.Context()).Do()
			var apiErr *googleapi.Error
			require.True(t, errors.As(err, &apiErr), "%v", err)
			assert.Equal(t, tt.status, apiErr.Code)
			assert.Contains(t, apiErr.Message, tt.words)
		})
	}
}

func TestAccessTokenEndsAfterAnHour(t *testing.T) {
	var ahead atomic.Int64
	w := newWorld(t, func(c *fakegoogle.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	token := w.federated(t)
	list := func() int {
		return w.send(t, http.MethodGet, "/storage/v1/b/releases/o", token, "", "").status
	}
	ahead.Store(int64(time.Hour - time.Minute))
	assert.Equal(t, http.StatusOK, list())
	ahead.Store(int64(time.Hour))
	assert.Equal(t, http.StatusUnauthorized, list())
}

func TestClientReachesTheServerUnderGooglesNames(t *testing.T) {
	w := newWorld(t)
	resp, err := w.cloud.Client().Get("https://storage.googleapis.com/storage/v1/b/releases/o")
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	assert.Equal(t, 1, w.cloud.Requests(fakegoogle.Storage))

	resp, err = w.cloud.Client().Get("https://compute.googleapis.com/compute/v1/projects")
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, http.StatusNotFound, resp.StatusCode)
	assert.Equal(t, 1, w.cloud.Requests(fakegoogle.Unknown))
}

func TestMisbehaviourIsCountedAndEnds(t *testing.T) {
	w := newWorld(t)
	w.cloud.Misbehave(func(e fakegoogle.Endpoint, rw http.ResponseWriter, _ *http.Request) bool {
		if e != fakegoogle.Token {
			return false
		}
		rw.WriteHeader(http.StatusServiceUnavailable)
		_, _ = rw.Write([]byte("{}"))
		return true
	})
	form := w.form(w.forGitLab, w.gitlab.GitLab("https:"+w.forGitLab.Name()))
	assert.Equal(t, http.StatusServiceUnavailable, w.exchange(t, form).status)
	w.cloud.Misbehave(nil)
	assert.Equal(t, http.StatusOK, w.exchange(t, form).status)
	assert.Equal(t, 2, w.cloud.Requests(fakegoogle.Token))
}

type provider string

func (p provider) Token(context.Context) (*auth.Token, error) {
	return &auth.Token{Value: string(p), Type: "Bearer"}, nil
}
