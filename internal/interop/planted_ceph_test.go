//go:build linux

package interop

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/exchange/awstrust"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// expiredAgo ends a token that long ago. Two minutes are what AWS still takes
// and the gateway does not.
func expiredAgo(by time.Duration) func(fakeissuer.Claims) {
	return func(c fakeissuer.Claims) {
		for _, name := range []string{"iat", "nbf"} {
			if _, ok := c[name]; ok {
				c[name] = time.Now().Add(-time.Hour).Unix()
			}
		}
		c["exp"] = time.Now().Add(-by).Unix()
	}
}

// The gateway refuses every fault alike, with a bare status. What the owner
// knows of it, held against the token's claims, names the fault all the same.
func TestPlantedFaultsCeph(t *testing.T) {
	g := gateway(t)
	gitLab, circleCI := trustPlatforms(t, g)
	stranger := startIssuer(t, issuerOptions{gateway: true})
	const elsewhere = "https://deploy.example.org"
	// The gateway says why in its log only.
	because := map[string]string{
		"aws-audience": "Client id in token doesn't match", "aws-trust-policy": "returned deny/pass",
		"aws-provider": "Couldn't get oidc provider info", "aws-issuer": "Couldn't get oidc provider info",
		"token-expired": "token expired", "token-signature": "evp verify final failed",
	}
	for _, tt := range []struct {
		name               string
		platform           *trustPlatform
		pattern, wrong     string // of sub: what the role accepts, and one that it does not
		wrongForm, comment string // a sub of CircleCI's other form, and what is said of it
	}{
		{"GitLab", gitLab, "project_path:" + fakeissuer.GitLabProjectPath + ":ref_type:branch:ref:*",
			"project_path:" + fakeissuer.GitLabForkProjectPath + ":ref_type:branch:ref:main", "", ""},
		{"CircleCI", circleCI, "org/" + fakeissuer.CircleCIOrganizationID + "/project/" + fakeissuer.CircleCIProjectID + "/user/" + fakeissuer.CircleCIUserID,
			"org/" + fakeissuer.CircleCIOrganizationID + "/project/" + newUUID() + "/user/" + fakeissuer.CircleCIUserID,
			"org/" + fakeissuer.CircleCIOrganizationID + "/project/" + fakeissuer.CircleCIProjectID + "/user/" + fakeissuer.CircleCIUserID + "/vcs-origin/github.com/acme/webshop/vcs-ref/refs/heads/main",
			"send that one, or write the condition for this form of sub"},
	} {
		url, mint := tt.platform.issuer.URL(), tt.platform.mint
		policy := (&trustCase{statements: `{"StringLike":{"@:sub":"` + tt.pattern + `"},"StringEquals":{"@:aud":"` + cephAudiences[0] + `"}}`}).document(prefixOf(url))
		role, err := g.createTrust(t.Context(), policy)
		require.NoError(t, err)
		known := &awssts.Known{Providers: []awssts.KnownProvider{{URL: url, ClientIDs: cephAudiences}}, TrustPolicy: []byte(policy)}
		require.Equal(t, awstrust.Accepted, g.assumes(t, role, mint(cephAudiences[0])), "the faults are all that is wrong")

		faults := []plantedFault{
			{"audience", mint(elsewhere), "aws-audience", true,
				exchange.Evidence{Name: "aud", Token: elsewhere, Configured: strings.Join(cephAudiences, ", ")}, "add the client ID to the provider"},
			{"audience of the provider, not of the role", mint(cephAudiences[1]), "aws-trust-policy", true,
				exchange.Evidence{Name: prefixOf(url) + ":aud", Token: cephAudiences[1], Configured: cephAudiences[0]}, "compare the two"},
			{"issuer", stranger.GitLab(cephAudiences[0], with("sub", subjectOf(t, mint(cephAudiences[0])))), "aws-provider", true,
				exchange.Evidence{Name: "iss", Token: stranger.URL(), Configured: url}, "make one with URL \"" + stranger.URL() + "\" and client ID \"" + cephAudiences[0] + `"`},
			{"issuer with a final slash", mint(cephAudiences[0], with("iss", url+"/")), "aws-issuer", true,
				exchange.Evidence{Name: "iss", Token: url + "/", Configured: url}, "make a provider whose URL is exactly"},
			{"subject", mint(cephAudiences[0], with("sub", tt.wrong)), "aws-trust-policy", true,
				exchange.Evidence{Name: prefixOf(url) + ":sub", Token: tt.wrong, Configured: tt.pattern}, "compare the two"},
			{"expired", mint(cephAudiences[0], expiredAgo(2*time.Minute)), "token-expired", false,
				exchange.Evidence{Name: "exp"}, "exchange it earlier in the job"},
			{"tampered", tampered(t, mint(cephAudiences[0], with("sub", tt.wrong)), "sub", subjectOf(t, mint(cephAudiences[0]))), "token-signature", false,
				exchange.Evidence{Name: "aud", Token: cephAudiences[0], Configured: strings.Join(cephAudiences, ", ")}, "check that the source gives the token unchanged"},
		}
		if tt.wrongForm != "" {
			faults = append(faults, plantedFault{"subject of the other form", mint(cephAudiences[0], with("sub", tt.wrongForm)), "aws-trust-policy", true,
				exchange.Evidence{Name: prefixOf(url) + ":sub", Token: tt.wrongForm, Configured: tt.pattern}, tt.comment})
		}
		for _, f := range faults {
			t.Run(tt.name+"/"+f.name, func(t *testing.T) {
				tally.real(t)
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				provider, err := awssts.New(awssts.Config{
					RoleARN: role, Region: "us-east-1", SessionName: "planted", Endpoint: g.Endpoint, HTTPClient: g.client, Known: known,
					Source: exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return f.token, nil }),
				})
				require.NoError(t, err)
				said := g.logSize(t)
				_, err = provider.Retrieve(ctx)
				refusal := f.named(t, err)
				assert.Equal(t, http.StatusForbidden, refusal.StatusCode)
				assert.Empty(t, refusal.Code, "the gateway does not say what is wrong")
				assert.Empty(t, refusal.Description)
				g.awaitLog(t, said, because[f.cause])
			})
		}
	}
}
