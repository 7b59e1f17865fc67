//go:build linux

package interop

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/exchange/googlests/impersonate"
	"github.com/cioidc/cioidc/exchange/oauth"
	"github.com/cioidc/cioidc/internal/fakecloud/fakeaws"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// exchanger makes one exchange by one of the packages, against its cloud's fake
// at base, and returns the secret that it got.
type exchanger struct {
	name     string
	server   http.Handler
	requests func() int // that reached the server
	exchange func(ctx context.Context, t *testing.T, base string, client *http.Client, source exchange.TokenSource) (string, error)
}

// faultWorld has one exchanger for each package, and a source for them.
func faultWorld(t *testing.T) ([]exchanger, *fakeissuer.Issuer) {
	t.Helper()
	const account, audience, deployer = "123456789012", "https://aws.example", "deployer@acme.iam.gserviceaccount.com"
	iss := newIssuer(t, "https://gitlab.com")
	sts, err := fakeaws.New(fakeaws.Config{
		AccountID: account, Fetch: fakeissuer.Client(iss),
		Providers: []fakeaws.Provider{{URL: iss.URL(), ClientIDs: []string{audience}}},
		Roles: []fakeaws.Role{{Name: "deploy", TrustPolicy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",
			"Principal":{"Federated":"arn:aws:iam::` + account + `:oidc-provider/gitlab.com"},"Condition":{"StringEquals":{"gitlab.com:aud":"` + audience + `"}}}]}`}},
	})
	require.NoError(t, err)
	pool := fakegoogle.Provider{Project: account, Pool: "ci", ID: "gitlab", IssuerURI: iss.URL()}
	cloud, err := fakegoogle.New(fakegoogle.Config{
		Providers: []fakegoogle.Provider{pool}, Fetch: fakeissuer.Client(iss),
		ServiceAccounts: []fakegoogle.ServiceAccount{{Email: deployer, Users: []string{pool.Principal(subjectOf(t, iss.GitLab(audience)))}}},
	})
	require.NoError(t, err)
	tokens := func() int { return cloud.Requests(fakegoogle.Token) }

	return []exchanger{
		{"awssts", sts, func() int { return sts.Requests(fakeaws.AssumeRoleWithWebIdentity) },
			func(ctx context.Context, t *testing.T, base string, client *http.Client, source exchange.TokenSource) (string, error) {
				p, err := awssts.New(awssts.Config{
					RoleARN: "arn:aws:iam::" + account + ":role/deploy", Region: "eu-west-1", Audience: audience,
					Source: source, Endpoint: base, HTTPClient: client,
				})
				require.NoError(t, err)
				creds, err := p.Retrieve(ctx)
				return creds.SecretAccessKey, err
			}},
		{"googlests", cloud, tokens,
			func(ctx context.Context, t *testing.T, base string, client *http.Client, source exchange.TokenSource) (string, error) {
				creds, err := googlests.Credentials(googlests.Config{
					Provider: pool.Name(), Source: source, Endpoint: base + "/v1/token", HTTPClient: client,
				})
				require.NoError(t, err)
				token, err := creds.Token(ctx)
				if err != nil {
					return "", err
				}
				return token.Value, nil
			}},
		{"impersonate", cloud, func() int { return cloud.Requests(fakegoogle.GenerateAccessToken) },
			func(ctx context.Context, t *testing.T, base string, client *http.Client, source exchange.TokenSource) (string, error) {
				federated, err := googlests.Credentials(googlests.Config{Provider: pool.Name(), Source: source, HTTPClient: cloud.Client()})
				require.NoError(t, err)
				creds, err := impersonate.Credentials(impersonate.Config{ServiceAccount: deployer, Base: federated, Endpoint: base, HTTPClient: client})
				require.NoError(t, err)
				token, err := creds.Token(ctx)
				if err != nil {
					return "", err
				}
				return token.Value, nil
			}},
		// The fake of Google's STS is a server of RFC 8693 like another.
		{"oauth", cloud, tokens,
			func(ctx context.Context, t *testing.T, base string, client *http.Client, source exchange.TokenSource) (string, error) {
				token, err := oauth.Config{
					TokenURL: base + "/v1/token", Source: source, SourceAudience: "https:" + pool.Name(), HTTPClient: client,
					Audiences: []string{pool.Name()}, Scopes: []string{cloudPlatformScope},
					Request: oauth.Request{Params: url.Values{"requested_token_type": {"urn:ietf:params:oauth:token-type:access_token"}}},
				}.Token(ctx)
				if err != nil {
					return "", err
				}
				return token.AccessToken, nil
			}},
	}, iss
}

// counted counts the requests of a client, and calls after when one has failed.
type counted struct {
	base  http.RoundTripper
	after func(n int)

	mu sync.Mutex
	n  int
}

func (c *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.n++
	n := c.n
	c.mu.Unlock()
	resp, err := c.base.RoundTrip(r)
	if err != nil {
		c.failed(n)
		return nil, err
	}
	resp.Body = &watched{resp.Body, func() { c.failed(n) }}
	return resp, nil
}

func (c *counted) failed(n int) {
	if c.after != nil {
		c.after(n)
	}
}

// watched tells when a body cannot be read to its end.
type watched struct {
	io.ReadCloser
	failed func()
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.failed()
	}
	return n, err
}

// errMalformedHeader stands for what net/http takes for one.
var errMalformedHeader = errors.New("malformed header")

func TestNetworkFaults(t *testing.T) {
	proxy := startToxiproxy(t)
	exchangers, iss := faultWorld(t)

	downstream := func(kind, name string, value int) toxic {
		return toxic{Type: kind, Stream: "downstream", Attributes: map[string]int{name: value}}
	}
	// What remains is the status line and a piece of a header's name, or the
	// header and a piece of the body.
	cutHeader, cutBody := downstream("limit_data", "bytes", 20), downstream("limit_data", "bytes", 230)
	const patience, hurry = 30 * time.Second, 700 * time.Millisecond
	tests := map[string]struct {
		fault    toxic
		deadline time.Duration
		mended   bool // after the first failure
		requests int
		reach    int // how many of them reach the server; -1: not told
		is       []error
	}{
		"no fault":                              {deadline: patience, requests: 1, reach: 1},
		"latency":                               {fault: downstream("latency", "latency", 300), deadline: patience, requests: 1, reach: 1},
		"latency beyond the deadline":           {fault: downstream("latency", "latency", 60_000), deadline: hurry, requests: 1, reach: 1, is: []error{context.DeadlineExceeded}},
		"reset":                                 {fault: downstream("reset_peer", "timeout", 0), deadline: patience, requests: 3, reach: -1, is: []error{syscall.ECONNRESET, io.EOF}},
		"reset once":                            {fault: downstream("reset_peer", "timeout", 0), deadline: patience, mended: true, requests: 2, reach: -1},
		"black hole for the request":            {fault: toxic{Type: "timeout", Stream: "upstream", Attributes: map[string]int{"timeout": 0}}, deadline: hurry, requests: 1, reach: 0, is: []error{context.DeadlineExceeded}},
		"black hole for the answer":             {fault: downstream("timeout", "timeout", 0), deadline: hurry, requests: 1, reach: 1, is: []error{context.DeadlineExceeded}},
		"black hole that closes":                {fault: downstream("timeout", "timeout", 100), deadline: patience, requests: 3, reach: 3, is: []error{io.EOF, syscall.ECONNRESET}},
		"cut in the header":                     {fault: cutHeader, deadline: patience, requests: 3, reach: 3, is: []error{errMalformedHeader}},
		"cut in the header once":                {fault: cutHeader, deadline: patience, mended: true, requests: 2, reach: 2},
		"cut in the body":                       {fault: cutBody, deadline: patience, requests: 3, reach: 3, is: []error{io.ErrUnexpectedEOF}},
		"cut in the body once":                  {fault: cutBody, deadline: patience, mended: true, requests: 2, reach: 2},
		"nobody listens":                        {fault: toxic{Down: true}, deadline: patience, requests: 3, reach: 0, is: []error{syscall.ECONNREFUSED}},
		"nobody listens for the first request":  {fault: toxic{Down: true}, deadline: patience, mended: true, requests: 2, reach: 1},
		"too slow for anything but the context": {fault: downstream("bandwidth", "rate", 0), deadline: hurry, requests: 1, reach: 1, is: []error{context.DeadlineExceeded}},
	}
	n := 0
	for _, x := range exchangers {
		server := httptest.NewServer(x.server)
		t.Cleanup(server.Close)
		for name, tt := range tests {
			n++
			number := n
			t.Run(x.name+"/"+name, func(t *testing.T) {
				tally.real(t)
				l := proxy.link(t, "link-"+strconv.Itoa(number), strings.TrimPrefix(server.URL, "http://"))
				if tt.fault.Type != "" || tt.fault.Down {
					require.NoError(t, l.breakIt(t.Context(), tt.fault))
				}
				t.Cleanup(func() { assert.NoError(t, l.mend(context.Background())) })
				transport := &http.Transport{} // a connection of its own, which the server leaves open
				t.Cleanup(transport.CloseIdleConnections)
				client := &counted{base: transport}
				if tt.mended {
					client.after = func(n int) { assert.NoError(t, l.mend(context.Background()), "after request %d", n) }
				}
				var raw string
				source := exchange.TokenSourceFunc(func(_ context.Context, audience string) (string, error) {
					raw = iss.GitLab(audience)
					return raw, nil
				})
				ctx, cancel := context.WithTimeout(t.Context(), tt.deadline)
				defer cancel()
				before := x.requests()
				got, err := x.exchange(ctx, t, "http://"+l.addr, &http.Client{Transport: client}, source)
				assert.Equal(t, tt.requests, client.n, "%v", err)
				if tt.reach >= 0 {
					assert.Equal(t, tt.reach, x.requests()-before, "requests that reached the server")
				}
				if len(tt.is) == 0 {
					require.NoError(t, err)
					assert.NotEmpty(t, got)
					return
				}
				assert.Empty(t, got)
				var failed *exchange.Error
				require.ErrorAs(t, err, &failed)
				if x.name == "impersonate" {
					assert.Equal(t, exchange.StageImpersonate, failed.Stage)
				} else {
					assert.Equal(t, exchange.StageExchange, failed.Stage)
				}
				assert.Condition(t, func() bool {
					for _, want := range tt.is {
						var header textproto.ProtocolError
						if errors.Is(failed, want) || want == errMalformedHeader && errors.As(failed, &header) {
							return true
						}
					}
					return false
				}, "want one of %v, got %v", tt.is, err)
				assert.Equal(t, tt.requests == 3, failed.Retryable() && ctx.Err() == nil)
				require.NotEmpty(t, raw)
				assertClean(t, err, raw)
			})
		}
	}
}
