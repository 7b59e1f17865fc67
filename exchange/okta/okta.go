package okta

import (
	"context"
	"time"

	"github.com/cioidc/cioidc/exchange/oauth"
)

// A Signer signs client assertions. The packages kmssigner and googlesigner
// hold two.
type Signer interface {
	// SignJWT returns claims, a JSON object, as a JWT in compact form that is
	// signed by the client's key. The context governs this call alone.
	SignJWT(ctx context.Context, claims []byte) (string, error)
}

// signTimeout is for the assertion and, apart from that, for the requests to
// Okta: a first signature may need a CI token and its exchange at the cloud.
const signTimeout = 30 * time.Second

// New returns the exchange that cfg describes: client credentials with an
// assertion of cfg.Signer (RFC 7523, section 2.2). Its methods Token,
// TokenSource and Client get the access tokens; its Timeout is 30 s. New sends
// and signs nothing. Its error is an *[exchange.ConfigError].
func New(cfg Config) (oauth.Config, error) {
	cfg, endpoint, err := cfg.checked()
	if err != nil {
		return oauth.Config{}, err
	}
	a := &asserter{cfg: cfg, tokenURL: endpoint.String(), host: endpoint.Hostname()}
	return oauth.Config{
		TokenURL:        a.tokenURL,
		Grant:           oauth.ClientCredentials,
		ClientID:        cfg.ClientID,
		ClientAssertion: a.assertion,
		Scopes:          cfg.Scopes,
		HTTPClient:      cfg.HTTPClient,
		Timeout:         signTimeout,
	}, nil
}
