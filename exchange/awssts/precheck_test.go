package awssts_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// What AWS certainly refuses is not sent to it; what it may take is, and so is
// everything to services that are not AWS's own.
func TestPrechecks(t *testing.T) {
	at := func(exp time.Duration) func(fakeissuer.Claims) {
		return func(c fakeissuer.Claims) {
			c["iat"], c["nbf"], c["exp"] = time.Now().Add(-9*time.Hour).Unix(), time.Now().Add(-9*time.Hour).Unix(), time.Now().Add(exp).Unix()
		}
	}
	unsigned := func(alg string) func(w *world) string {
		return func(w *world) string {
			raw := w.gitlab.GitLab(audience)
			return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"`+alg+`","kid":"k"}`)) + raw[strings.IndexByte(raw, '.'):]
		}
	}
	for name, test := range map[string]struct {
		token func(w *world) string
		cause string // empty: it is sent
		words string
	}{
		"none":          {unsigned("none"), "token-malformed", "not signed with a public key"},
		"HS256":         {unsigned("HS256"), "token-malformed", "not signed with a public key"},
		"ES256":         {unsigned("ES256"), "", ""},
		"two audiences": {func(w *world) string { return w.gitlab.GitLab(audience, fakeissuer.AudienceArray("b")) }, "aws-several-audiences", "one audience only"},
		"two, authorized party": {func(w *world) string {
			return w.gitlab.GitLab(audience, fakeissuer.AudienceArray("b"), func(c fakeissuer.Claims) { c["azp"] = audience })
		}, "", ""},
		"expired long ago":        {func(w *world) string { return w.gitlab.GitLab(audience, at(-2*time.Hour)) }, "token-expired", "has expired"},
		"expired, or clock wrong": {func(w *world) string { return w.gitlab.GitLab(audience, at(-30*time.Minute)) }, "", ""},
		"within the tolerance":    {func(w *world) string { return w.gitlab.GitLab(audience, at(-4*time.Minute)) }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			raw := test.token(w)
			_, err := w.provider(t, raw).Retrieve(t.Context())
			if test.cause == "" {
				assert.NotZero(t, w.exchanges())
				return
			}
			var e *exchange.Error
			require.ErrorAs(t, err, &e)
			assert.Zero(t, w.exchanges())
			assert.Equal(t, []string{test.cause}, causes(e))
			assert.True(t, e.Causes[0].Certain)
			assert.Contains(t, e.Causes[0].Summary, test.words)
			assert.ErrorContains(t, e, "was not sent")
			_, _ = w.provider(t, raw, asked).Retrieve(t.Context())
			assert.NotZero(t, w.exchanges(), "another service decides for itself")
		})
	}
}
