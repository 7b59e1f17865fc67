package awssts_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// What AWS says of a token's end and this machine's clock are two facts, and an
// explanation that has both may not contradict itself.
func TestExpiryByTwoClocks(t *testing.T) {
	gitlab := newIssuer(t, fakeissuer.Options{URL: "https://gitlab.com"})
	for past, summary := range map[time.Duration]string{
		-time.Minute:    "by this machine's clock it has not",
		2 * time.Minute: "this machine's clock is behind",
		6 * time.Minute: "by more than the five minutes that AWS tolerates",
	} {
		end := time.Now().Add(-past)
		raw := gitlab.GitLab(audience, func(c fakeissuer.Claims) { c["exp"] = end.Unix() })
		p, err := awssts.New(awssts.Config{
			RoleARN: role, Region: region, Source: static(raw),
			HTTPClient: &http.Client{Transport: xmlRefusal(400, "ExpiredTokenException", "Token is expired")},
		})
		require.NoError(t, err)
		e := refused(t.Context(), t, p, raw)
		assert.Equal(t, []string{"token-expired"}, causes(e))
		assert.Contains(t, e.Causes[0].Summary, summary, past)
	}
}

// AWS compares azp where there is one, so that is what is shown.
func TestAuthorizedPartyIsShown(t *testing.T) {
	gitlab := newIssuer(t, fakeissuer.Options{URL: "https://gitlab.com"})
	raw := gitlab.GitLab(audience, func(c fakeissuer.Claims) { c["azp"] = "app" })
	p, err := awssts.New(awssts.Config{
		RoleARN: role, Region: region, Source: static(raw), Audience: "https://other.example",
		HTTPClient: &http.Client{Transport: xmlRefusal(400, "InvalidIdentityToken", notValidated)},
	})
	require.NoError(t, err)
	e := refused(t.Context(), t, p, raw)
	assert.Equal(t, []string{"aws-provider", "aws-audience", "aws-issuer"}, causes(e))
	assert.Contains(t, e.Causes[0].Summary, `or azp "app" is not among the provider's client IDs`)
	assert.Equal(t, exchange.Evidence{Name: "azp", Token: "app"}, e.Causes[1].Evidence[0])
}
