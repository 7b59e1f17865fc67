//go:build linux

package interop

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// googleFault is a fault, and the whole of what Google says of it.
type googleFault struct {
	plantedFault
	code, words string
	plant       func(*fakeissuer.Issuer) // what is wrong elsewhere than in the token; nil: nothing
}

// googlePlatform is a pool provider whose condition is about one claim.
type googlePlatform struct {
	name, claim, value string
	issuer             *fakeissuer.Issuer
	mint               func(audience string, edit ...func(fakeissuer.Claims)) string
	pool               fakegoogle.Provider
	cloud              *fakegoogle.Server
}

func googlePlatforms(t *testing.T) []*googlePlatform {
	t.Helper()
	gitLab, circleCI := newIssuer(t, "https://gitlab.example.com"), newIssuer(t, fakeissuer.CircleCIURL(fakeissuer.CircleCIOrganizationID))
	platforms := []*googlePlatform{
		{name: "GitLab", claim: "namespace_id", value: fakeissuer.GitLabNamespaceID, issuer: gitLab, mint: gitLab.GitLab},
		{name: "CircleCI", claim: "oidc.circleci.com/project-id", value: fakeissuer.CircleCIProjectID, issuer: circleCI, mint: circleCI.CircleCI},
	}
	for _, p := range platforms {
		p.pool = fakegoogle.Provider{
			Project: "123456789012", Pool: "ci", ID: "planted", IssuerURI: p.issuer.URL(), Require: map[string]string{p.claim: p.value},
		}
		var err error
		p.cloud, err = fakegoogle.New(fakegoogle.Config{
			Fetch: fakeissuer.Client(p.issuer), Providers: []fakegoogle.Provider{p.pool},
			Buckets: []fakegoogle.Bucket{{
				Name: googleBucket, Members: []string{p.pool.Principal(subjectOf(t, p.mint("any")))},
				Objects: map[string][]byte{googleObject: []byte(googleContent)},
			}},
		})
		require.NoError(t, err)
	}
	return platforms
}

// audience is the one that a pool provider takes unless told otherwise.
func (p *googlePlatform) audience() string { return "https:" + p.pool.Name() }

func (p *googlePlatform) faults(t *testing.T) []googleFault {
	const elsewhere = "https://other.example"
	audience, expired := p.audience(), p.mint(p.audience(), expiredAgo(2*time.Minute))
	wrong := p.mint(audience, with(p.claim, "1"))
	stranger := newIssuer(t, "https://gitlab.example.net").GitLab(audience)
	return []googleFault{
		{plantedFault: plantedFault{"audience", p.mint(elsewhere), "google-audience", true,
			exchange.Evidence{Name: "aud", Token: elsewhere, Configured: audience}, `give the job a token for the audience "` + audience + `"`},
			code: "invalid_grant", words: "The audience in ID Token [" + elsewhere + "] does not match the expected audience."},
		{plantedFault: plantedFault{"issuer", stranger, "google-issuer", true,
			exchange.Evidence{Name: "iss", Token: "https://gitlab.example.net", Configured: p.issuer.URL()}, "set the provider's issuer to the token's iss exactly"},
			code: "invalid_grant", words: "The issuer in ID Token https://gitlab.example.net does not match the expected ones: " + p.issuer.URL()},
		{plantedFault: plantedFault{"claim", wrong, "google-condition", true,
			exchange.Evidence{Name: "iss", Token: p.issuer.URL()}, "compare the condition with these claims"},
			code: "unauthorized_client", words: "The given credential is rejected by the attribute condition."},
		{plantedFault: plantedFault{"expired", expired, "google-expired", true,
			exchange.Evidence{Name: "iat"}, "exchange it earlier in the job"},
			code: "invalid_grant", words: fmt.Sprintf("ID Token issued at %d is stale to sign-in.", said(t, expired).IssuedAt)},
		{plantedFault: plantedFault{"unreachable keys", p.mint(audience), "google-issuer-unreachable", false,
			exchange.Evidence{Name: "iss", Token: p.issuer.URL()}, `make "` + p.issuer.URL() + `/.well-known/openid-configuration" reachable from the internet`},
			code: "invalid_grant", words: "Error connecting to the given credential's issuer.",
			plant: func(i *fakeissuer.Issuer) { i.Fail(http.StatusServiceUnavailable) }},
	}
}

// config is the exchange of this module, at the same provider.
func (p *googlePlatform) config(token string) googlests.Config {
	return googlests.Config{
		Provider: p.pool.Name(), HTTPClient: p.cloud.Client(),
		Known:  &googlests.Known{Condition: "assertion['" + p.claim + "'] == '" + p.value + "'"},
		Source: exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return token, nil }),
	}
}

// read has one of Google's clients read the object with token.
func (p *googlePlatform) read(t *testing.T, client googleClient, token string) (runResult, bool) {
	t.Helper()
	box := newSandbox(t)
	base := box.Serve(t, p.cloud)
	job := googleCase{provider: &p.pool, token: token}
	path := box.Write(t, "credentials.json", job.credentialFile(t, base, box.Write(t, "token", token)))
	env, command, ok := client.command(t, box, base, path)
	if !ok {
		return runResult{}, false
	}
	env = append(env, googlests.CredentialFile{IntrospectionEndpoint: base + "/v1/introspect"}.Environ(path)...)
	return box.Run(t, env, command[0], command[1:]...), true
}

// Google's own clients make the exchange and print Google's words for a fault.
// For the same token at the same provider this module gets the same words, and
// names the fault.
func TestPlantedFaultsGoogle(t *testing.T) {
	for _, p := range googlePlatforms(t) {
		good, err := googlests.Credentials(p.config(p.mint(p.audience())))
		require.NoError(t, err)
		_, err = good.Token(t.Context())
		require.NoError(t, err, "the faults are all that is wrong")
		res, _ := p.read(t, googleClients[0], p.mint(p.audience()))
		require.Equal(t, googleContent, res.stdout, res.stderr)

		for _, f := range p.faults(t) {
			t.Run(p.name+"/"+f.name, func(t *testing.T) {
				if f.plant != nil {
					f.plant(p.issuer)
					defer p.issuer.Fail(0)
				}
				creds, err := googlests.Credentials(p.config(f.token))
				require.NoError(t, err)
				_, err = creds.Token(t.Context())
				refusal := f.named(t, err)
				assert.Equal(t, http.StatusBadRequest, refusal.StatusCode)
				assert.Equal(t, f.code, refusal.Code)
				require.Equal(t, f.words, refusal.Description)
				assert.Len(t, refusal.Causes, 1)
				if f.cause == "google-condition" {
					assert.Contains(t, refusal.Causes[0].Evidence, exchange.Evidence{Name: p.claim, Token: "1"}, "the claim that is wrong")
					assert.Contains(t, refusal.Causes[0].Evidence, exchange.Evidence{Name: "attribute condition", Configured: p.config("").Known.Condition})
				}
				for _, client := range googleClients {
					t.Run(client.name, func(t *testing.T) {
						reads := p.cloud.Requests(fakegoogle.Storage)
						res, ok := p.read(t, client, f.token)
						if !ok {
							return
						}
						assert.NotZero(t, res.code)
						assert.Empty(t, res.stdout)
						assert.Contains(t, unescaped(res.stderr), refusal.Description, "what is printed is what is explained")
						assert.NotContains(t, res.stderr, f.token)
						assert.Equal(t, reads, p.cloud.Requests(fakegoogle.Storage), "there was nothing to read with")
					})
				}
			})
		}
		assert.Zero(t, p.cloud.Requests(fakegoogle.Unknown), "requests that the fake does not know")
	}
}
