package googlests

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/httpx"
	"github.com/cioidc/cioidc/internal/tokensource"
)

// Config configures an exchange. Provider and Source are required.
type Config struct {
	// Provider is the full name of the pool provider, as [ProviderName] makes
	// it. Required.
	Provider string
	// Source supplies the CI token. If it panics, that is an *[exchange.Error]
	// of [exchange.StageSource]. Required.
	Source exchange.TokenSource
	// Audience is the audience of the CI token to ask the source for. Empty
	// means "https:" and the Provider, which a provider without configured
	// audiences accepts.
	Audience string
	// Scopes are the OAuth scopes of the credentials. Empty means cloud-platform
	// alone: what may be done is then up to the roles granted.
	Scopes []string
	// Endpoint is the token endpoint, an https URL; plain http is for loopback
	// only. Empty means https://sts.googleapis.com/v1/token, in the universe of
	// UniverseDomain.
	Endpoint string
	// HTTPClient makes the request. It is copied, and follows no redirect,
	// whatever its own policy. Nil means a client on [http.DefaultTransport].
	HTTPClient *http.Client
	// QuotaProject is the project that Google's clients name for quota and
	// billing. Empty means the project of the resource.
	QuotaProject string
	// UniverseDomain is the domain of another Google Cloud universe. Empty means
	// googleapis.com.
	UniverseDomain string
	// Known is what the owner knows of the pool provider, for explaining
	// refusals. Nil means nothing.
	Known *Known
}

const (
	cloudPlatform   = "https://www.googleapis.com/auth/cloud-platform"
	defaultUniverse = "googleapis.com"

	packageName = "googlests"
	serviceName = "google"

	// stepTimeout bounds each step of an exchange: getting the token, and
	// trading it in. A renewal in the background has no other deadline.
	stepTimeout = 10 * time.Second
)

var domain = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?$`)

func configError(field, problem string) error {
	return &exchange.ConfigError{Package: packageName, Field: field, Problem: problem}
}

// provider checks c and returns what makes its exchanges.
func (c Config) provider() (*provider, error) {
	if c.UniverseDomain == "" {
		c.UniverseDomain = defaultUniverse
	}
	if !domain.MatchString(c.UniverseDomain) {
		return nil, configError("UniverseDomain", "it is not a domain name such as googleapis.com")
	}
	if problem := checkProvider(c.Provider, c.UniverseDomain); problem != "" {
		return nil, configError("Provider", problem)
	}
	if tokensource.Missing(c.Source) {
		return nil, configError("Source", "it is required, and neither nil nor a nil pointer: give the detected platform, or another exchange.TokenSource")
	}
	if c.Audience == "" {
		c.Audience = "https:" + c.Provider
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{cloudPlatform}
	}
	for _, scope := range c.Scopes {
		if scope == "" || strings.ContainsFunc(scope, notScope) {
			return nil, configError("Scopes", "each element must be one scope, without spaces")
		}
	}
	if c.Endpoint == "" {
		c.Endpoint = "https://sts." + c.UniverseDomain + "/v1/token"
	}
	if problem := httpx.Problem(c.Endpoint); problem != "" {
		return nil, configError("Endpoint", problem)
	}
	return &provider{
		name:     c.Provider,
		source:   c.Source,
		audience: c.Audience,
		scope:    strings.Join(c.Scopes, " "),
		endpoint: c.Endpoint,
		client:   httpx.Client(c.HTTPClient, stepTimeout),
		known:    c.Known.clone(),
	}, nil
}

// notScope reports whether r cannot be part of a scope (RFC 6749, section 3.3).
func notScope(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
