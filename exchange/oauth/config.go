package oauth

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cioidc/cioidc/exchange"
)

// Grant says how the CI token is presented.
type Grant int

const (
	// TokenExchange sends the CI token as subject_token (RFC 8693 section 2.1).
	TokenExchange Grant = iota
	// JWTBearer sends the CI token as assertion (RFC 7523 section 2.1).
	JWTBearer
	// ClientCredentials sends a JWT as client_assertion (RFC 7523 section 2.2):
	// the CI token, which then names the client, or what ClientAssertion gives.
	ClientCredentials
	// NoGrant sends the CI token and Request.Params, and nothing of OAuth. The
	// token's place is Request.TokenField or Request.Bearer.
	NoGrant
)

// Body says how the parameters are sent.
type Body int

const (
	// Form is application/x-www-form-urlencoded, as RFC 6749 wants.
	Form Body = iota
	// JSON is one JSON object. A parameter with one value is a string, one with
	// several is an array of strings.
	JSON
	// Empty is no body at all: the token goes into the Authorization header.
	Empty
)

// ClientAuth says how the client proves who it is (RFC 6749 section 2.3).
type ClientAuth int

const (
	// ClientAuthNone proves nothing. A ClientID is sent as client_id.
	ClientAuthNone ClientAuth = iota
	// ClientAuthBasic sends ClientID and ClientSecret in the Authorization
	// header.
	ClientAuthBasic
	// ClientAuthPost sends them as client_id and client_secret.
	ClientAuthPost
	// ClientAuthAssertion sends what ClientAssertion gives as client_assertion
	// (RFC 7523 section 2.2). With [ClientCredentials] it is implied.
	ClientAuthAssertion
)

// Config describes an exchange. TokenURL is required, and Source with
// SourceAudience, unless Grant is [ClientCredentials] and ClientAssertion is
// given. A Config is a plain value; its methods may be called concurrently and
// do not change it. It prints without ClientSecret and the values of
// Request.Params.
type Config struct {
	// TokenURL is the token endpoint, an https URL; plain http is for loopback
	// only. Required.
	TokenURL string
	// Grant says how the CI token is presented. Zero means [TokenExchange].
	Grant Grant
	// Source supplies the CI token.
	Source exchange.TokenSource
	// SourceAudience is the audience of the CI token to ask Source for, by which
	// the endpoint knows that the token is meant for it. Required with Source.
	SourceAudience string
	// ClientID is the client's identifier. Empty means that none is sent.
	ClientID string
	// ClientSecret is the client's secret, for endpoints that demand one beside
	// the CI token. Empty means none.
	ClientSecret string
	// ClientAuth says how the client proves who it is. Zero means not at all,
	// or by the assertion if Grant is [ClientCredentials].
	ClientAuth ClientAuth
	// ClientAssertion returns a fresh JWT that proves who the client is, valid
	// for at least as long as the request takes. It is called once for each
	// request, a repeated one included, because an endpoint may take an assertion
	// only once. Nil means none, or with [ClientCredentials] the CI token.
	ClientAssertion func(context.Context) (string, error)
	// Audiences are sent as the audience parameter, one for each element (RFC
	// 8693 section 2.1). Empty means that none is sent.
	Audiences []string
	// Resources are sent as the resource parameter, one for each element (RFC
	// 8707 section 2). Empty means that none is sent.
	Resources []string
	// Scopes are sent as the scope parameter, separated by spaces. Empty means
	// that none is sent.
	Scopes []string
	// Request says what the request looks like, where it is not OAuth's.
	Request Request
	// Response says where things are in the answer, where it is not OAuth's.
	Response Response
	// HTTPClient makes the requests. It is copied, and follows no redirect with
	// a token, whatever its own policy. Nil means a client on
	// [http.DefaultTransport].
	HTTPClient *http.Client
	// Timeout bounds each step of an exchange: getting the CI token, getting the
	// client assertion, and the requests, repetitions included. Zero means 10 s.
	Timeout time.Duration

	// missing is what the function that made the Config was not told; Validate
	// returns it.
	missing error
}

// Request says what the request looks like.
type Request struct {
	// Body says how the parameters are sent. Zero means [Form].
	Body Body
	// TokenField names the parameter that holds the CI token. Empty means the
	// grant's own.
	TokenField string
	// Bearer sends the CI token in the Authorization header (RFC 6750 section
	// 2.1), and not as a parameter.
	Bearer bool
	// Params are further parameters. One of the grant's own, such as
	// subject_token_type, is replaced.
	Params url.Values
}

// Response says where things are in the answer. A path is the names of the
// members on the way, joined by dots; a number is the index into an array.
type Response struct {
	// TokenPath leads to the token. Empty means access_token.
	TokenPath string
	// ExpiresPath leads to its end: a number of seconds from the request, a Unix
	// time (any number from 1e9), or an RFC 3339 time. Empty means expires_in.
	// Where nothing is there, a token that is a JWT ends at its exp.
	ExpiresPath string
	// ErrorPath leads to a refusal's code, and MessagePath to its text. Empty
	// means that the usual places are searched; see the package comment.
	ErrorPath, MessagePath string
}

var _ slog.LogValuer = Config{}

// masked stands where something secret is.
const masked = "[redacted]"

// String returns the configuration in one line, without secrets.
func (c Config) String() string {
	var b strings.Builder
	b.WriteString("oauth.Config{")
	for i, a := range c.attrs() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(a.Key + ": " + a.Value.String())
	}
	return b.String() + "}"
}

// Format prints what String returns for every verb.
func (c Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, c.String()) }

// LogValue implements [slog.LogValuer]: a group of the fields that are set,
// without secrets.
func (c Config) LogValue() slog.Value { return slog.GroupValue(c.attrs()...) }

func (c Config) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("TokenURL", withoutSecrets(c.TokenURL)), slog.String("Grant", c.Grant.String())}
	text := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	text("SourceAudience", c.SourceAudience)
	text("ClientID", c.ClientID)
	if c.ClientSecret != "" {
		text("ClientSecret", masked)
	}
	text("Audiences", strings.Join(c.Audiences, " "))
	text("Resources", strings.Join(c.Resources, " "))
	text("Scopes", strings.Join(c.Scopes, " "))
	names := make([]string, 0, len(c.Request.Params))
	for name := range c.Request.Params {
		names = append(names, name)
	}
	slices.Sort(names)
	text("Params", strings.Join(names, " "))
	return attrs
}

// withoutSecrets returns raw without user information and query.
func withoutSecrets(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return masked
	}
	if u.User != nil {
		u.User = url.User(masked)
	}
	if u.RawQuery != "" {
		u.RawQuery = "..."
	}
	u.Fragment, u.RawFragment = "", ""
	return u.String()
}

// String returns the grant's name in this package.
func (g Grant) String() string {
	switch g {
	case TokenExchange:
		return "TokenExchange"
	case JWTBearer:
		return "JWTBearer"
	case ClientCredentials:
		return "ClientCredentials"
	case NoGrant:
		return "NoGrant"
	}
	return "unknown"
}
