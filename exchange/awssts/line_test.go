package awssts_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// The SDK's error repeats this line and nothing else: it must be enough to see
// what to compare.
func TestLineOfARefusal(t *testing.T) {
	w := newWorld(t)
	const more, cannotTell = " (and 2 other causes: print the *exchange.Error with %+v)", "cannot tell which of "
	tests := []struct {
		name, token, want string
		config            func(*awssts.Config)
	}{
		{
			name: "subject", token: w.gitlab.GitLab(audience, fakeissuer.Tag("v1")),
			want: cannotTell + `4 causes, the likeliest: role "` + role + `" does not exist, or its trust policy does not accept sub "project_path:acme/webshop:ref_type:tag:ref:v1"; ` +
				`compare the condition on "gitlab.com:sub" in it: StringEquals takes * literally, and a key that AWS does not know never matches; CloudTrail has the call under the principalId (and 3 other causes: print the *exchange.Error with %+v)`,
		},
		{
			name: "role that does not exist", token: w.gitlab.GitLab(audience), config: func(c *awssts.Config) { c.RoleARN = role + "er" },
			want: cannotTell + `4 causes, the likeliest: role "` + role + `er" does not exist, or its trust policy does not accept sub "project_path:acme/webshop:ref_type:branch:ref:main"; `,
		},
		{
			name: "audience or provider", token: w.gitlab.GitLab("https://other.example"),
			want: cannotTell + `3 causes, the likeliest: account 123456789012 has no IAM OpenID Connect provider for iss "https://gitlab.com", ` +
				`or aud "https://other.example" is not among the provider's client IDs, or the provider's URL differs from iss by a final slash or in case; ` +
				"compare both with what `aws iam get-open-id-connect-provider` prints there" + more,
		},
		{
			name: "audience other than asked for", token: w.gitlab.GitLab("https://other.example"), config: func(c *awssts.Config) { c.Audience = audience },
			want: cannotTell + `3 causes, the likeliest: aud "https://other.example" is not the audience asked for, "` + audience + `", and not a client ID of the IAM OpenID Connect provider; ` +
				`check why the source gave a token for another audience` + more,
		},
		{
			name: "root issuer", token: w.circleci.CircleCI("", fakeissuer.RootIssuer),
			want: cannotTell + `4 causes, the likeliest: the token is of CircleCI's root issuer, iss "https://oidc.circleci.com", not of the organization's; ` +
				`ask for it without --root-issuer, or make an IAM provider for the root issuer (and 3 other causes: print the *exchange.Error with %+v)`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var config []func(*awssts.Config)
			if tt.config != nil {
				config = append(config, tt.config)
			}
			e := refused(context.Background(), t, w.provider(t, tt.token, config...), tt.token)
			assert.Contains(t, e.Error(), tt.want)
			assert.Less(t, len(e.Error()), 700)
			assert.NotContains(t, e.Error(), "\n")
		})
	}
}

// Claims are as long as the token allows; the line is not.
func TestLineIsBounded(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("é\x1b\n", 250)
	for name, code := range map[string]string{"denied": "AccessDenied", "not validated": "InvalidIdentityToken"} {
		t.Run(name, func(t *testing.T) {
			always(400, code, notValidated)(w)
			raw := w.gitlab.Sign(map[string]any{"iss": "https://gitlab.com/" + long, "sub": long, "aud": []string{long, long}, "exp": 4102444800, "iat": 1})
			e := refused(context.Background(), t, w.provider(t, raw), raw)
			require.NotEmpty(t, e.Causes[0].Evidence[0].Token, "the token was read")
			assert.Less(t, len(e.Error()), 3000)
			assert.NotContains(t, e.Error(), "\n")
			assert.NotContains(t, e.Error(), "\x1b")
		})
	}
}

// A host that does not exist is mostly a region with a mistake in it.
func TestUnknownHost(t *testing.T) {
	w := newWorld(t)
	raw := w.gitlab.GitLab(audience)
	lookup := func(notFound bool) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: r.URL.Hostname(), IsNotFound: notFound}}
		})
	}
	tests := []struct {
		name     string
		edit     func(*awssts.Config)
		cause    string
		evidence exchange.Evidence
		text     string
	}{
		{
			name: "region", edit: func(c *awssts.Config) { c.Region = "eu-wets-1" },
			cause: "aws-region-name", evidence: exchange.Evidence{Name: "Region", Configured: "eu-wets-1"},
			text: `no such host: likely cause: there is no region "eu-wets-1"; check the spelling of Region; if it is right, this machine does not resolve "sts.eu-wets-1.amazonaws.com"`,
		},
		{
			name: "endpoint", edit: func(c *awssts.Config) { c.Endpoint = "https://sts.exmaple.com/x" },
			cause: "aws-endpoint", evidence: exchange.Evidence{Name: "Endpoint", Configured: "https://sts.exmaple.com/x"},
			text: `likely cause: the host of Endpoint, "sts.exmaple.com", is not known here; check its spelling, and that this machine resolves it`,
		},
		{name: "resolver down", edit: func(c *awssts.Config) { c.HTTPClient.Transport = lookup(false) }, text: "no such host"},
		{name: "host of a proxy", cause: "host-unknown", evidence: exchange.Evidence{Name: "host", Configured: "proxy.example"}, edit: func(c *awssts.Config) {
			c.HTTPClient.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
				return nil, &url.Error{Op: "proxyconnect", URL: "x", Err: &net.DNSError{Err: "no such host", Name: "proxy.example", IsNotFound: true}}
			})
		}, text: "no such host"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := w.provider(t, raw, func(c *awssts.Config) {
				c.HTTPClient = &http.Client{Transport: lookup(true)}
				tt.edit(c)
			})
			e := refused(context.Background(), t, p, raw)
			assert.Contains(t, e.Error(), tt.text)
			if tt.cause == "" {
				assert.Empty(t, e.Causes)
				return
			}
			require.Equal(t, []string{tt.cause}, causes(e))
			assert.Equal(t, tt.evidence, e.Causes[0].Evidence[0])
			assert.Equal(t, tt.cause == "host-unknown", e.Causes[0].Certain, "a name may also be one that is not resolved here")
		})
	}
}
