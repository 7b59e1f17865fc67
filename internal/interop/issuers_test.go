//go:build linux

package interop

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakeissuer"
	"github.com/cioidc/cioidc/internal/peek"
)

// issuerOptions are the fake issuer's options, but for the URL.
type issuerOptions struct {
	organization string // CircleCI's issuer of this organization; empty means GitLab's
	gateway      bool   // publish what Ceph's gateway wants, when it wants it: see forGateway
}

// startIssuer serves a fake issuer on loopback until t ends: other programs
// fetch its keys as they would from the real one.
func startIssuer(t *testing.T, o issuerOptions) *fakeissuer.Issuer {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	url := "http://" + srv.Listener.Addr().String()
	if o.organization != "" {
		url += "/org/" + o.organization
	}
	iss, err := fakeissuer.New(fakeissuer.Options{URL: url, X5C: o.gateway, Fatal: func(err error) { t.Fatal(err) }})
	require.NoError(t, err)
	srv.Config.Handler = iss
	if o.gateway {
		srv.Config.Handler = forGateway(iss)
	}
	srv.Start()
	t.Cleanup(func() {
		srv.Close()
		iss.Close()
	})
	return iss
}

// newIssuer makes a fake issuer without a listener, for the fakes of this
// process, which reach it through fakeissuer.Client.
func newIssuer(t *testing.T, url string) *fakeissuer.Issuer {
	t.Helper()
	iss, err := fakeissuer.New(fakeissuer.Options{URL: url, Fatal: func(err error) { t.Fatal(err) }})
	require.NoError(t, err)
	t.Cleanup(iss.Close)
	return iss
}

// networkDelay is how long an issuer takes to answer the gateway: what a near
// network takes, where loopback takes next to nothing.
const networkDelay = 20 * time.Millisecond

// forGateway serves iss as the gateway can use it: after networkDelay, and with
// all keys but that of job tokens taken out of the key set. GitLab's has its
// login key too.
func forGateway(iss *fakeissuer.Issuer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(networkDelay)
		if !strings.HasSuffix(iss.KeysURL(), r.URL.Path) {
			iss.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		iss.ServeHTTP(answer, r)
		var set, job struct {
			Keys []map[string]any `json:"keys"`
		}
		if err := json.Unmarshal(answer.Body.Bytes(), &set); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		for _, key := range set.Keys {
			if key["kid"] == iss.KeyID() {
				job.Keys = append(job.Keys, key)
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(job)
	})
}

// tampered returns token with one claim changed and the signature kept. Change
// one that is wrong into the right one: nothing but the signature then speaks
// against the token.
func tampered(t *testing.T, token, claim string, value any) string {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	var claims map[string]any
	require.NoError(t, json.Unmarshal(payload, &claims))
	require.Contains(t, claims, claim)
	require.NotEqual(t, value, claims[claim])
	claims[claim] = value
	payload, err = json.Marshal(claims)
	require.NoError(t, err)
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString(payload) + "." + parts[2]
}

// without leaves a claim out.
func without(claim string) func(fakeissuer.Claims) {
	return func(c fakeissuer.Claims) { delete(c, claim) }
}

// with sets a claim.
func with(claim string, value any) func(fakeissuer.Claims) {
	return func(c fakeissuer.Claims) { c[claim] = value }
}

// subjectOf returns the sub of a token, unverified.
func subjectOf(t *testing.T, token string) string {
	t.Helper()
	return said(t, token).Subject
}

// said returns what a token says, unverified.
func said(t *testing.T, token string) *peek.Token {
	t.Helper()
	parsed, err := peek.Parse(token)
	require.NoError(t, err)
	return parsed
}
