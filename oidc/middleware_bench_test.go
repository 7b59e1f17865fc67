package oidc_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// BenchmarkMiddleware is what a request costs beside what [Verifier.Verify]
// alone does: to find the token, to ask an Authorize that allows all, and to pass
// the token on.
func BenchmarkMiddleware(b *testing.B) {
	issuer := oidctest.NewIssuer(b, &oidctest.Options{URL: "https://gitlab.com"})
	cfg := oidc.Config{
		Issuers: []oidc.Issuer{oidc.GitLab(issuer.URL())}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer),
	}
	raw := issuer.GitLab(audience, oidctest.ProtectedEnvironment("production", "production"))
	plain, err := oidc.NewVerifier(cfg)
	require.NoError(b, err)
	cfg.Authorize = func(context.Context, claims.Model) (slog.LogValuer, error) { return nil, nil }
	guarded, err := oidc.NewVerifier(cfg)
	require.NoError(b, err)
	for _, v := range []*oidc.Verifier{plain, guarded} {
		_, err = v.Verify(b.Context(), raw)
		require.NoError(b, err)
	}
	b.Run("Verify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := plain.Verify(b.Context(), raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Middleware", func(b *testing.B) {
		b.ReportAllocs()
		served := 0
		h := oidc.Middleware(guarded, nil)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ }))
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+raw)
		w := httptest.NewRecorder()
		for b.Loop() {
			h.ServeHTTP(w, r)
		}
		require.Equal(b, b.N, served)
	})
	b.Run("BearerToken", func(b *testing.B) {
		b.ReportAllocs()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+raw)
		for b.Loop() {
			if _, err := oidc.BearerToken(r); err != nil {
				b.Fatal(err)
			}
		}
	})
}
