package impersonate

import (
	"net/http"
	"strings"
	"time"

	"cloud.google.com/go/auth"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests/internal/account"
	"github.com/cioidc/cioidc/internal/httpx"
)

// Config configures an impersonation. ServiceAccount and Base are required.
type Config struct {
	// ServiceAccount is the email of the account to become. Required.
	ServiceAccount string
	// Base are the credentials that may become it. Required.
	Base *auth.Credentials
	// Delegates are the emails of the accounts to go through, in order: Base
	// becomes the first, the last becomes ServiceAccount. Empty means none.
	Delegates []string
	// Scopes are the OAuth scopes of the access tokens. Empty means
	// cloud-platform alone. ID tokens have none.
	Scopes []string
	// Lifetime is the lifetime of the access tokens, in whole seconds. Zero
	// means one hour, which is also the most unless an organization policy
	// (iam.allowServiceAccountCredentialLifetimeExtension) allows up to 12
	// hours. ID tokens live for one hour, whatever this says.
	Lifetime time.Duration
	// Endpoint is the API's URL, https or, to loopback, http. Empty means
	// https://iamcredentials.googleapis.com, in Base's universe.
	Endpoint string
	// HTTPClient makes the requests. It is copied, and follows no redirect to
	// another host, whatever its own policy. Nil means a client on
	// [http.DefaultTransport].
	HTTPClient *http.Client
}

const (
	cloudPlatform   = "https://www.googleapis.com/auth/cloud-platform"
	packageName     = "impersonate"
	serviceName     = "google"
	defaultLifetime = time.Hour
	// maxLifetime is the API's limit, and only with the organization policy.
	maxLifetime = 12 * time.Hour
	idLifetime  = time.Hour
	stepTimeout = 10 * time.Second
)

func configError(field, problem string) error {
	return &exchange.ConfigError{Package: packageName, Field: field, Problem: problem}
}

// checked returns c with its defaults filled in.
func (c Config) checked() (Config, error) {
	if problem := account.Problem(c.ServiceAccount); problem != "" {
		return c, configError("ServiceAccount", problem)
	}
	for _, d := range c.Delegates {
		if problem := account.Problem(d); problem != "" {
			return c, configError("Delegates", problem)
		}
	}
	if c.Base == nil || c.Base.TokenProvider == nil {
		return c, configError("Base", "it is required: give what googlests.Credentials returns")
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{cloudPlatform}
	}
	for _, scope := range c.Scopes {
		if scope == "" || strings.ContainsAny(scope, " \t\r\n") {
			return c, configError("Scopes", "each element must be one scope, without spaces")
		}
	}
	switch {
	case c.Lifetime == 0:
		c.Lifetime = defaultLifetime
	case c.Lifetime < time.Second || c.Lifetime%time.Second != 0:
		return c, configError("Lifetime", "it must be whole seconds, at least one")
	case c.Lifetime > maxLifetime:
		return c, configError("Lifetime", "it must be at most 12 hours, and at most one hour unless an organization policy allows more")
	}
	if c.Endpoint != "" {
		if problem := httpx.Problem(c.Endpoint); problem != "" {
			return c, configError("Endpoint", problem)
		}
	}
	return c, nil
}
