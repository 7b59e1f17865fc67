package oidc_test

import (
	"errors"
	"log/slog"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

func rsaModulus(bits uint) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return n.SetBit(n, 0, 1)
}

func TestErrorTexts(t *testing.T) {
	cause := errors.New("cause")
	for want, err := range map[string]error{
		"oidc: token expired":                        &oidc.TokenError{Reason: oidc.ErrExpired},
		"oidc: token expired: an hour ago":           &oidc.TokenError{Reason: oidc.ErrExpired, Detail: "an hour ago"},
		"oidc: <nil>":                                &oidc.TokenError{},
		"oidc: denied: cause":                        &oidc.DeniedError{Err: cause},
		"oidc: denied: job of a fork: of a stranger": &oidc.DeniedError{Err: oidc.ErrFork, Detail: "of a stranger"},
		"oidc: denied: <nil>":                        &oidc.DeniedError{},
		"oidc: keys unavailable":                     &oidc.UnavailableError{Op: oidc.OpKeys},
		`oidc: keys unavailable from "https://keys.example/": HTTP status 500: cause`: &oidc.UnavailableError{
			Op: oidc.OpKeys, URL: "https://keys.example/", StatusCode: 500, Err: cause},
		`oidc: keys unavailable for issuer "https://ci.example": cause`: &oidc.UnavailableError{
			Op: oidc.OpKeys, Issuer: "https://ci.example", URL: "https://ci.example/keys", Err: cause},
		`oidc: discovery unavailable for issuer "https://ci.example/": cause`: &oidc.UnavailableError{
			Op: oidc.OpDiscovery, Issuer: "https://ci.example/", URL: "https://ci.example/.well-known/openid-configuration", Err: cause},
		`oidc: keys unavailable for issuer "https://ci.example" from "https://ci.example.evil.example/keys"`: &oidc.UnavailableError{
			Op: oidc.OpKeys, Issuer: "https://ci.example", URL: "https://ci.example.evil.example/keys"},
		"oidc: authorize unavailable: a\ufffdb\ufffd[31m": &oidc.UnavailableError{Op: oidc.OpAuthorize, Err: errors.New("a\nb\x1b[31m")},
		"oidc: authorize unavailable: " + strings.Repeat("x", 1024): &oidc.UnavailableError{
			Op: oidc.OpAuthorize, Err: errors.New(strings.Repeat("x", 1024))},
		"oidc: authorize unavailable: " + strings.Repeat("y", 1024) + "...": &oidc.UnavailableError{
			Op: oidc.OpAuthorize, Err: errors.New(strings.Repeat("y", 1025))},
	} {
		assert.EqualError(t, err, want)
	}
	assert.ErrorIs(t, &oidc.DeniedError{Err: cause}, cause)
	assert.ErrorIs(t, &oidc.UnavailableError{Err: cause}, cause)
}

// The audiences in an error are cut one by one and as a whole.
func TestAudiencesInErrors(t *testing.T) {
	d := newDesk(t, oidc.RS256)
	long := strings.Repeat("x", 2000)
	_, err := d.v.Verify(t.Context(), d.with("aud", []string{long, long, long, long, long}))
	e := requireToken(t, err, oidc.ErrAudience)
	cut := `"` + long[:256] + `"...`
	assert.Equal(t, "the token is for "+strings.Repeat(cut+", ", 4)+`and 1 more; accepted here is "`+audience+`"`, e.Detail)
}

// A Token that Verify did not make holds nothing, and says so.
func TestZeroToken(t *testing.T) {
	tok := new(oidc.Token)
	assert.Nil(t, tok.Claims())
	assert.Nil(t, tok.Payload())
	assert.Nil(t, tok.Decision())
	assert.Zero(t, tok.Identity())
	assert.Empty(t, tok.String())
	assert.Len(t, tok.LogValue().Group(), 2)
	_, err := oidc.As[claims.GitLab](tok)
	requireToken(t, err, oidc.ErrModel)
	_, ok := oidc.ClaimsFromContext[claims.GitLab](oidc.NewContext(t.Context(), tok))
	assert.False(t, ok)
	_, ok = oidc.FromContext(oidc.NewContext(t.Context(), nil))
	assert.False(t, ok)
	_, ok = oidc.ClaimsFromContext[claims.GitLab](t.Context())
	assert.False(t, ok)
}

// What a log gets of a token names the issuer and the job, and no person.
func TestTokenInLogs(t *testing.T) {
	gitlab, v := bench(t)
	raw := gitlab.GitLab(audience)
	tok, err := v.Verify(t.Context(), raw)
	require.NoError(t, err)
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("m", "token", tok, "verifier", v)
	assert.Contains(t, b.String(), "token.issuer=https://gitlab.com token.identity.platform=gitlab token.identity.project="+oidctest.GitLabProjectID)
	assert.Contains(t, b.String(), "verifier.issuers=[https://gitlab.com]")
	assert.NotContains(t, b.String(), raw[:20])
	assert.Equal(t, tok.Identity().String(), tok.String())
	assert.Equal(t, oidctest.GitLabProjectID, tok.Identity().Project)

	_, err = oidc.As[claims.CircleCI](tok)
	e := requireToken(t, err, oidc.ErrModel)
	assert.Equal(t, "its claims are *claims.GitLab, not *claims.CircleCI", e.Detail)
	assert.Equal(t, "https://gitlab.com", e.Issuer)

	d := newDesk(t, oidc.RS256)
	tok, err = d.v.Verify(t.Context(), d.issuer.Sign(d.claims(nil)))
	require.NoError(t, err)
	assert.Zero(t, tok.Identity(), "a model without an identity")
}

// An issuer that is not configured is whatever the sender wrote.
func TestUnknownIssuerIsCut(t *testing.T) {
	issuer, v := bench(t)
	_, err := v.Verify(t.Context(), issuer.GitLab(audience, withClaim("iss", "https://"+strings.Repeat("aé", 2000)+".example")))
	e := requireToken(t, err, oidc.ErrIssuer)
	assert.Equal(t, "https://"+strings.Repeat("aé", 82)+"a", e.Issuer, "256 bytes, less half a letter")
	assert.Less(t, len(err.Error()), 1000, "escaped, four bytes for one")
}
