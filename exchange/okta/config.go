package okta

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/httpx"
	"github.com/cioidc/cioidc/internal/safetext"
)

const packageName = "okta"

// OrgServer as [Config.AuthorizationServer] means the org authorization server,
// which issues tokens for Okta's own API.
const OrgServer = "org"

// defaultServer is the name of the custom authorization server that every org
// with API Access Management begins with.
const defaultServer = "default"

// Config describes a client of an Okta authorization server. Domain, ClientID, Signer and Scopes are
// required.
type Config struct {
	// Domain is the org's domain, such as "acme.okta.com", or a custom domain
	// of it, as a host or as an https URL. Required.
	Domain string
	// AuthorizationServer is the ID of the custom authorization server that
	// issues the tokens, or [OrgServer]. Empty means "default".
	AuthorizationServer string
	// ClientID is the ID of the app that the job acts as. Required.
	ClientID string
	// KeyID is the kid that the signer's assertions must have; one with another
	// is not sent. Empty means any.
	KeyID string
	// Signer signs the assertions. Required.
	Signer Signer
	// Scopes are the scopes to ask for. Those of [OrgServer] are Okta's own,
	// such as "okta.users.read", and must be granted to the app. Required: for
	// client credentials Okta has no default unless a server defines one.
	Scopes []string
	// HTTPClient makes the requests to Okta. It is copied, and the copy follows
	// no redirects. Nil means one on [http.DefaultTransport].
	HTTPClient *http.Client
	// Now returns the current time. Nil means [time.Now].
	Now func() time.Time
}

// clientID and serverID match Okta's IDs, which are 20 letters and digits, and
// the names that IDs may have elsewhere.
var (
	clientID = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,100}$`)
	serverID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)
)

func configError(field, problem string) error {
	return &exchange.ConfigError{Package: packageName, Field: field, Problem: problem}
}

// checked returns c with its defaults filled in, and the token endpoint.
func (c Config) checked() (Config, *url.URL, error) {
	base, err := orgURL(c.Domain)
	if err != nil {
		return c, nil, err
	}
	switch {
	case c.AuthorizationServer == "":
		c.AuthorizationServer = defaultServer
	case strings.Contains(c.AuthorizationServer, "/"):
		return c, nil, configError("AuthorizationServer", `it is a URL or a path: give the server's ID alone, the part after /oauth2/, or "default"`)
	case !serverID.MatchString(c.AuthorizationServer):
		return c, nil, configError("AuthorizationServer", `it is not the ID of an authorization server: want one such as "aus1a2b3c4d5e6f7g8h9", "default" or okta.OrgServer`)
	}
	switch {
	case c.ClientID == "":
		return c, nil, configError("ClientID", "it is required: give the client ID of the API services app")
	case !clientID.MatchString(c.ClientID):
		return c, nil, configError("ClientID", `it is not a client ID: want one such as "0oa1b2c3d4e5f6g7h8i9"`)
	case c.Signer == nil:
		return c, nil, configError("Signer", "it is required: give one of package kmssigner or googlesigner")
	case len(c.Scopes) == 0:
		return c, nil, configError("Scopes", "it is required: name at least one scope that the authorization server has")
	}
	for _, scope := range c.Scopes {
		if scope == "" || strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			return c, nil, configError("Scopes", "each element must be one scope, without spaces (RFC 6749, section 3.3)")
		}
	}
	c.Scopes = append([]string(nil), c.Scopes...)
	if c.Now == nil {
		c.Now = time.Now
	}
	path := "/oauth2/" + c.AuthorizationServer + "/v1/token"
	if c.AuthorizationServer == OrgServer {
		path = "/oauth2/v1/token"
	}
	base.Path = path
	return c, base, nil
}

// orgURL returns the URL of the org at domain.
func orgURL(domain string) (*url.URL, error) {
	raw := domain
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := httpx.CheckURL(raw)
	switch {
	case domain == "":
		return nil, configError("Domain", `it is required: want one such as "acme.okta.com"`)
	case err != nil:
		return nil, configError("Domain", httpx.Problem(raw))
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery:
		return nil, configError("Domain", safetext.Quote(u.Host+u.Path)+": give the domain alone, and the authorization server's ID in Config.AuthorizationServer")
	case isAdmin(u.Hostname()):
		return nil, configError("Domain", safetext.Quote(u.Host)+": this is the admin console's domain: leave out -admin")
	}
	return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}, nil
}

// isAdmin reports whether host is that of the admin console, which Okta makes
// of the org's and which has no token endpoint.
func isAdmin(host string) bool {
	org, rest, _ := strings.Cut(strings.ToLower(host), ".")
	return strings.HasSuffix(org, "-admin") && (rest == "okta.com" || rest == "oktapreview.com" || rest == "okta-emea.com" || rest == "okta-gov.com")
}
