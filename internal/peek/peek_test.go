package peek_test

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/fakeissuer"
	"github.com/cioidc/cioidc/internal/peek"
)

func TestParse(t *testing.T) {
	issuer, err := fakeissuer.New(fakeissuer.Options{URL: "https://gitlab.com"})
	require.NoError(t, err)
	circle, err := fakeissuer.New(fakeissuer.Options{URL: fakeissuer.CircleCIURL(fakeissuer.CircleCIOrganizationID)})
	require.NoError(t, err)

	got, err := peek.Parse(issuer.GitLab("https://a.example"))
	require.NoError(t, err)
	assert.Equal(t, "https://gitlab.com", got.Issuer)
	assert.Equal(t, claims.Audience{"https://a.example"}, got.Audience)
	assert.Equal(t, claims.NumericDate(3600), got.ExpiresAt-got.IssuedAt)
	assert.Equal(t, issuer.KeyID(), got.KeyID)
	assert.IsType(t, (*claims.GitLab)(nil), got.Claims)
	assert.Equal(t, fakeissuer.GitLabProjectID, got.Identity.Project)

	got, err = peek.Parse(circle.CircleCI(""))
	require.NoError(t, err)
	assert.IsType(t, (*claims.CircleCI)(nil), got.Claims)
	assert.Equal(t, fakeissuer.CircleCIProjectID, got.Identity.Project)

	got, err = peek.Parse(issuer.Login("app"))
	require.NoError(t, err)
	assert.IsType(t, (*claims.Registered)(nil), got.Claims)
	assert.Zero(t, got.Identity)
}

func TestParseRefuses(t *testing.T) {
	b64 := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	const secret = "c2VjcmV0LXNlY3JldA"
	for raw, want := range map[string]string{
		"":                         "the token is empty",
		secret:                     "three parts",
		"!" + secret + ".x.y":      "the header is not base64url",
		b64(`{}`) + ".x." + secret: "the header has no alg",
		b64(`{"alg":"RS256"}`) + "." + b64(`{"project_id":[]}`) + "." + secret:     "claims: project_id: want a string or a whole number",
		b64(`{"alg":"RS256"}`) + "." + b64(`{"iss":"a","iss":"a"}`) + "." + secret: `member "iss" appears twice`,
		b64(`{"alg":"RS256"}`) + "." + secret + "=." + secret:                      "the payload is not base64url",
	} {
		got, err := peek.Parse(raw)
		assert.Nil(t, got)
		if assert.Error(t, err, raw) {
			assert.ErrorContains(t, err, want)
			assert.NotContains(t, err.Error(), secret)
		}
	}
}
