package impersonate

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	credentials "cloud.google.com/go/iam/credentials/apiv1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/protobuf/proto"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests/internal/answer"
	"github.com/cioidc/cioidc/exchange/googlests/internal/member"
	"github.com/cioidc/cioidc/internal/httpx"
	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/internal/unreached"
)

// caller makes requests of the IAM Credentials API about a service account. It
// keeps nothing between two of them but connections.
type caller struct {
	config Config
	client *http.Client
}

func newCaller(cfg Config) *caller {
	client := httpx.Client(cfg.HTTPClient, stepTimeout)
	client.Transport = httpx.LimitBodies(client.Transport, httpx.DefaultLimit)
	return &caller{config: cfg, client: client}
}

// do calls request with a client that is authorized as the base, until it
// succeeds, is refused, or has failed three times.
func (c *caller) do(ctx context.Context, request func(context.Context, *credentials.IamCredentialsClient) error) error {
	base, err := c.config.Base.Token(ctx)
	if err != nil {
		return err
	}
	universe, err := c.config.Base.UniverseDomain(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	link := &bearer{token: base.Value, base: c.client.Transport, members: member.Of(base)}
	client, err := c.api(ctx, link, universe)
	if err != nil {
		return c.failure(err, link)
	}
	return httpx.Retry(ctx, func(ctx context.Context) httpx.Outcome {
		err := request(ctx, client)
		if err == nil {
			return httpx.Outcome{}
		}
		out := httpx.Outcome{Err: c.failure(err, link), Retry: httpx.Dropped(err)}
		var refused *googleapi.Error
		if errors.As(err, &refused) {
			out.Retry, out.After = httpx.RetryStatus(link.status), httpx.RetryAfter(refused.Header)
		}
		return out
	})
}

// api returns Google's client for one impersonation. To make one costs nothing
// and opens nothing; all use c.client's connections.
func (c *caller) api(ctx context.Context, link *bearer, universe string) (*credentials.IamCredentialsClient, error) {
	endpoint := strings.TrimSuffix(c.config.Endpoint, "/")
	if endpoint == "" {
		endpoint = "https://iamcredentials." + universe
	}
	authorized := *c.client
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
	// members are the job's names at Google; nil if they are not known.
	members *member.Members
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
func (c *caller) failure(err error, link *bearer) error {
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
		if cause, ok := unreached.Cause(out.Err); ok {
			out.Causes = []exchange.Cause{cause}
		}
		return out
	}
	// The client's error is not wrapped: its text holds the body.
	r := answer.Parse([]byte(refused.Body), refused.Header, link.token)
	out.Code = r.Code
	out.Description = safetext.Cut(r.Description)
	out.Causes = c.causes(r, link.members)
	out.Err = r.Err
	if cause, ok := unreached.Redirect(link.status, c.config.Endpoint, refused.Header.Get("Location")); ok {
		out.Causes = []exchange.Cause{cause}
	}
	return out
}
