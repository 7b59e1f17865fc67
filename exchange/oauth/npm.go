package oauth

import (
	"net/url"
	"strings"

	"github.com/cioidc/cioidc/exchange"
)

// NPM returns the exchange of an npm registry for trusted publishing. registry
// is its base URL, whose path does not matter, and name that of the package,
// with its scope. What comes back publishes this package and no other; npm
// takes it as _authToken.
//
// The package must exist and have a trusted publisher that matches the token's
// claims. The token's audience is "npm:" and the registry's host.
//
// Source: the npm client, whose request this is, byte for byte but for headers
// that say who asks; not seen against the registry.
func NPM(registry, name string, source exchange.TokenSource) Config {
	cfg := Config{
		TokenURL: registry, // refused, with what is wrong, if it is no URL
		Grant:    NoGrant,
		Source:   source,
		Request:  Request{Body: Empty, Bearer: true},
		Response: Response{TokenPath: "token", ExpiresPath: "expires", MessagePath: "message"},
	}
	if name == "" {
		cfg.missing = configError("NPM", "the package's name is required, with its scope")
	}
	if u, err := url.Parse(registry); err == nil && u.Host != "" {
		cfg.SourceAudience = "npm:" + u.Hostname()
		cfg.TokenURL = u.Scheme + "://" + u.Host + "/-/npm/v1/oidc/token/exchange/package/" + escapedName(name)
		if u.User != nil {
			cfg.TokenURL = registry
		}
	}
	return cfg
}

// escapedName writes a package's name as the npm client does: of all characters
// that a name may have, the slash alone is escaped.
func escapedName(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(url.PathEscape(name), "%2F", "%2f"), "%40", "@")
}
