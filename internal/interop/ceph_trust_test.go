//go:build linux

package interop

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/exchange/awstrust"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// trustCase is a trust policy and a token, judged by the simulator and by the
// gateway.
type trustCase struct {
	name string
	// statements are JSON in which "@:" begins the provider's keys, and "ARN" is
	// the provider's; if they begin with {" they are conditions of an Allow.
	statements string
	// with changes the token; nil leaves it as its platform issues it.
	with func(fakeissuer.Claims)
	want awstrust.Outcome
	// gateway is what the gateway answers, where that is not what the simulator
	// says, and because is why: each of the two is set if the other is.
	gateway awstrust.Outcome
	because string
	// malformed says that the gateway does not take the document, because of
	// because.
	malformed bool
}

// trustPlatform is an issuer on loopback that the gateway knows, and the real
// one that the simulator takes it for: AWS has keys of its own for that.
type trustPlatform struct {
	issuer   *fakeissuer.Issuer
	mint     func(audience string, edit ...func(fakeissuer.Claims)) string
	provider awstrust.Provider
	open     string // a role that all of its tokens may assume
}

// document returns a trust policy for the provider that has this prefix.
func (c *trustCase) document(prefix string) string {
	statements := c.statements
	if strings.HasPrefix(statements, `{"`) && !strings.HasPrefix(statements, `{"Effect"`) || statements == "{}" {
		statements = `{"Effect":"Allow","Principal":{"Federated":"ARN"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + statements + `}`
	}
	return `{"Version":"2012-10-17","Statement":[` +
		strings.NewReplacer("@:", prefix+":", `"ARN`, `"arn:aws:iam:::oidc-provider/`+prefix).Replace(statements) + `]}`
}

// simulated returns what the simulator says of a token that the issuer on
// loopback signed, as if it were the real one's.
func (p *trustPlatform) simulated(t *testing.T, document, token string) *awstrust.Result {
	t.Helper()
	doc, err := awstrust.Parse([]byte(document))
	require.NoError(t, err)
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	payload = []byte(strings.Replace(string(payload), `"iss":"`+p.issuer.URL()+`"`, `"iss":"`+p.provider.URL+`"`, 1))
	return awstrust.Simulate(doc, payload, p.provider, &awstrust.Request{Time: time.Now(), SourceIP: netip.MustParseAddr("127.0.0.1")})
}

// createTrust makes a role with this trust policy and returns its ARN.
func (c *ceph) createTrust(ctx context.Context, document string) (string, error) {
	out, err := c.iamClient().CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: aws.String("trust-" + newUUID()), Path: aws.String("/"), AssumeRolePolicyDocument: aws.String(document),
	})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Role.Arn), nil
}

// assumes returns whether the gateway lets a token assume a role.
func (c *ceph) assumes(t *testing.T, role, token string) awstrust.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	provider, err := awssts.New(awssts.Config{
		RoleARN: role, Region: "us-east-1", SessionName: "trust", Endpoint: c.Endpoint, HTTPClient: c.client,
		Source: exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return token, nil }),
	})
	require.NoError(t, err)
	_, err = provider.Retrieve(ctx)
	if err == nil {
		return awstrust.Accepted
	}
	var refusal *exchange.Error
	require.True(t, errors.As(err, &refusal), err)
	require.Equal(t, http.StatusForbidden, refusal.StatusCode, err)
	return awstrust.Rejected
}

// trustPlatforms registers a GitLab instance, which the simulator takes for
// gitlab.com, and an organization of CircleCI.
func trustPlatforms(t *testing.T, g *ceph) (gitLab, circleCI *trustPlatform) {
	t.Helper()
	lab := startIssuer(t, issuerOptions{gateway: true})
	circle := startIssuer(t, issuerOptions{gateway: true, organization: fakeissuer.CircleCIOrganizationID})
	gitLab = &trustPlatform{issuer: lab, mint: lab.GitLab, provider: awstrust.Provider{URL: "https://gitlab.com", ClientIDs: cephAudiences}}
	circleCI = &trustPlatform{issuer: circle, mint: circle.CircleCI, provider: awstrust.Provider{
		URL: "https://oidc.circleci.com/org/" + fakeissuer.CircleCIOrganizationID, ClientIDs: cephAudiences,
	}}
	for _, p := range []*trustPlatform{gitLab, circleCI} {
		require.NoError(t, g.createProvider(t.Context(), p.issuer.URL(), p.issuer.Thumbprints(), cephAudiences...))
		var err error
		p.open, err = g.createTrust(t.Context(), (&trustCase{statements: "{}"}).document(prefixOf(p.issuer.URL())))
		require.NoError(t, err)
		require.Equal(t, awstrust.Accepted, g.assumes(t, p.open, p.mint(cephAudiences[0])))
	}
	return gitLab, circleCI
}

func prefixOf(url string) string {
	_, prefix, _ := strings.Cut(url, "://")
	return prefix
}

// The simulator and a real STS agree on what a trust policy lets in, but for
// differences that are known, each with its reason.
func TestCephTrust(t *testing.T) {
	g := gateway(t)
	gitLab, circleCI := trustPlatforms(t, g)
	cases := 0
	for _, group := range []struct {
		name     string
		platform *trustPlatform
		cases    []trustCase
	}{
		{"strings", gitLab, stringTrustCases()}, {"sets", gitLab, setTrustCases()}, {"types", gitLab, typedTrustCases()},
		{"statements", gitLab, statementTrustCases()}, {"keys", gitLab, keyTrustCases()}, {"CircleCI", circleCI, circleCITrustCases()},
	} {
		cases += len(group.cases)
		for _, c := range group.cases {
			t.Run(group.name+"/"+c.name, func(t *testing.T) {
				tally.real(t)
				g.judge(t, group.platform, &c)
			})
		}
	}
	assert.GreaterOrEqual(t, cases, 60)
}

// judge holds a case against the simulator and the gateway.
func (c *ceph) judge(t *testing.T, p *trustPlatform, tt *trustCase) {
	t.Helper()
	var edit []func(fakeissuer.Claims)
	if tt.with != nil {
		edit = append(edit, tt.with)
	}
	token := p.mint(cephAudiences[0], edit...)
	simulated := p.simulated(t, tt.document(prefixOf(p.provider.URL)), token)
	require.Equal(t, tt.want, simulated.Outcome, simulated)
	if tt.with != nil {
		require.Equal(t, awstrust.Accepted, c.assumes(t, p.open, token), "nothing but the trust policy may decide")
	}
	role, err := c.createTrust(t.Context(), tt.document(prefixOf(p.issuer.URL())))
	if tt.malformed {
		require.NotEmpty(t, tt.because)
		var refusal smithy.APIError
		require.ErrorAs(t, err, &refusal)
		return
	}
	require.NoError(t, err)
	want := tt.want
	if tt.because != "" {
		require.NotEqual(t, tt.want, tt.gateway, "a difference that is none")
		want = tt.gateway
	}
	assert.Equal(t, want.String(), c.assumes(t, role, token).String(), "the gateway; the simulator says %v", simulated)
}
