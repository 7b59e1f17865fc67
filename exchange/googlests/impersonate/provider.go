package impersonate

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"cloud.google.com/go/auth"
	credentials "cloud.google.com/go/iam/credentials/apiv1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/protobuf/proto"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests/internal/answer"
	"github.com/cioidc/cioidc/internal/httpx"
	"github.com/cioidc/cioidc/internal/safetext"
)

// call makes one request of the IAM Credentials API.
type call func(context.Context, *credentials.IamCredentialsClient) (*auth.Token, error)

// provider makes one impersonation for each call of Token. It caches nothing.
type provider struct {
	config Config
	client *http.Client
	call   call
}

var _ auth.TokenProvider = (*provider)(nil)

func newProvider(c Config, call call) *provider {
	client := httpx.Client(c.HTTPClient, stepTimeout)
	client.Transport = httpx.LimitBodies(client.Transport, httpx.DefaultLimit)
	return &provider{config: c, client: client, call: call}
}

// Token implements [auth.TokenProvider].
func (p *provider) Token(ctx context.Context) (*auth.Token, error) {
	base, err := p.config.Base.Token(ctx)
	if err != nil {
		return nil, err
	}
	universe, err := p.config.Base.UniverseDomain(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	link := &bearer{token: base.Value, base: p.client.Transport}
	client, err := p.api(ctx, link, universe)
	if err != nil {
		return nil, p.failure(err, link)
	}
	var token *auth.Token
	err = httpx.Retry(ctx, func(ctx context.Context) httpx.Outcome {
		var err error
		if token, err = p.call(ctx, client); err == nil {
			return httpx.Outcome{}
		}
		out := httpx.Outcome{Err: p.failure(err, link), Retry: httpx.Dropped(err)}
		var refused *googleapi.Error
		if errors.As(err, &refused) {
			out.Retry, out.After = httpx.RetryStatus(link.status), httpx.RetryAfter(refused.Header)
		}
		return out
	})
	if err != nil {
		return nil, err
	}
	return token, nil
}

// api returns Google's client for one impersonation. To make one costs nothing
// and opens nothing; all use p.client's connections.
func (p *provider) api(ctx context.Context, link *bearer, universe string) (*credentials.IamCredentialsClient, error) {
	endpoint := strings.TrimSuffix(p.config.Endpoint, "/")
	if endpoint == "" {
		endpoint = "https://iamcredentials." + universe
	}
	authorized := *p.client
	authorized.Transport = link
	client, err := credentials.NewIamCredentialsRESTClient(ctx,
		option.WithHTTPClient(&authorized),
		option.WithEndpoint(endpoint),
		option.WithUniverseDomain(universe),
		// The client would otherwise log requests and answers, tokens included,
		// when GOOGLE_SDK_GO_LOGGING_LEVEL says so.
		option.WithLogger(slog.New(slog.DiscardHandler)),
	)
	if err != nil {
		return nil, err
	}
	// The client's own retries have no bound but the context's.
	*client.CallOptions = credentials.IamCredentialsCallOptions{}
	return client, nil
}

// bearer authorizes the requests of one impersonation, which follow each other.
type bearer struct {
	token string
	base  http.RoundTripper
	// status is that of the last answer, zero without one. Google's client
	// reports the one that the body claims.
	status int
}

func (b *bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	b.status = 0
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+b.token)
	resp, err := b.base.RoundTrip(req)
	if err == nil {
		b.status = resp.StatusCode
	}
	return resp, err
}

// failure makes an [exchange.Error] of what the API's client returned.
func (p *provider) failure(err error, link *bearer) error {
	out := &exchange.Error{Service: serviceName, Stage: exchange.StageImpersonate, StatusCode: link.status}
	var refused *googleapi.Error
	switch {
	case errors.As(err, &refused):
	case errors.Is(err, proto.Error):
		// Its text may repeat a part of the answer, the new token perhaps.
		out.Err = errors.New("the answer is not the JSON object expected")
		return out
	default:
		out.Err = answer.Scrub(err, link.token)
		return out
	}
	// The client's error is not wrapped: its text holds the body.
	r := answer.Parse([]byte(refused.Body), refused.Header, link.token)
	out.Code = r.Code
	out.Description = safetext.Cut(r.Description)
	out.Causes = p.causes(r)
	out.Err = r.Err
	return out
}
