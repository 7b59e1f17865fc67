package oauth

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/httpx"
	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/internal/tokensource"
)

// defaultTimeout bounds each step of an exchange. A renewal has no other
// deadline.
const defaultTimeout = 10 * time.Second

func configError(field, problem string) error {
	return &exchange.ConfigError{Package: "oauth", Field: field, Problem: problem}
}

// Validate reports what cannot work, as an *[exchange.ConfigError], and nil if
// nothing is known against c. It sends nothing. Every method that exchanges
// begins with it; call it to fail at the start of a program.
func (c Config) Validate() error {
	_, err := c.exchanger()
	return err
}

// exchanger checks c and returns what makes its exchanges.
func (c Config) exchanger() (*exchanger, error) {
	if c.missing != nil {
		return nil, c.missing
	}
	if problem := httpx.Problem(c.TokenURL); problem != "" {
		return nil, configError("TokenURL", problem)
	}
	u, err := url.Parse(c.TokenURL)
	if err != nil { // never: Problem parses it too
		return nil, configError("TokenURL", "not a URL")
	}
	if strings.Contains(u.EscapedPath(), "//") {
		return nil, configError("TokenURL", safetext.Quote(withoutSecrets(c.TokenURL))+": a part of its path is empty")
	}
	for _, check := range []func(Config) error{checkToken, checkOkta, checkClient, checkRequest, checkTargets, checkResponse} {
		if err := check(c); err != nil {
			return nil, err
		}
	}
	switch {
	case c.Timeout < 0:
		return nil, configError("Timeout", "it is negative: want a duration, or zero for 10 s")
	case c.Timeout == 0:
		c.Timeout = defaultTimeout
	}
	client := httpx.Client(c.HTTPClient, c.Timeout)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &exchanger{Config: c, service: u.Hostname(), client: client}, nil
}

// checkToken checks what is said about the token.
func checkToken(c Config) error {
	if c.Grant < TokenExchange || c.Grant > NoGrant {
		return configError("Grant", strconv.Itoa(int(c.Grant))+" is none of this package's grants")
	}
	if c.Grant == ClientCredentials && c.ClientAssertion != nil {
		if c.Source != nil {
			return configError("Source", "ClientAssertion is set too, and this grant sends one token: leave one of them out")
		}
		return nil
	}
	switch {
	case tokensource.Missing(c.Source):
		return configError("Source", "it is required, and neither nil nor a nil pointer: give the detected platform, or another exchange.TokenSource")
	case c.SourceAudience == "":
		return configError("SourceAudience", "it is required: the audience that the endpoint accepts")
	}
	return nil
}

// checkClient checks what is said about the client.
func checkClient(c Config) error {
	secret := c.ClientAuth == ClientAuthBasic || c.ClientAuth == ClientAuthPost
	switch {
	case c.ClientAuth < ClientAuthNone || c.ClientAuth > ClientAuthAssertion:
		return configError("ClientAuth", strconv.Itoa(int(c.ClientAuth))+" is none of this package's values")
	case c.Grant == NoGrant && (c.ClientID != "" || c.ClientSecret != "" || c.ClientAuth != ClientAuthNone || c.ClientAssertion != nil):
		return configError("ClientAuth", "there is no client without a grant: leave out ClientID, ClientSecret, ClientAuth and ClientAssertion")
	case c.Grant == ClientCredentials && secret:
		return configError("ClientAuth", "this grant proves the client by an assertion: leave it zero")
	case secret && (c.ClientID == "" || c.ClientSecret == ""):
		return configError("ClientSecret", "ClientAuth needs both ClientID and ClientSecret")
	case !secret && c.ClientSecret != "":
		return configError("ClientSecret", "nothing sends it: set ClientAuth to ClientAuthBasic or ClientAuthPost, or leave it out")
	case c.Grant == ClientCredentials:
		return nil
	case c.ClientAuth == ClientAuthAssertion && c.ClientAssertion == nil:
		return configError("ClientAssertion", "ClientAuthAssertion needs it")
	case c.ClientAuth != ClientAuthAssertion && c.ClientAssertion != nil:
		return configError("ClientAssertion", "nothing sends it: set ClientAuth to ClientAuthAssertion, or leave it out")
	}
	return nil
}

// checkRequest checks what is said about the request.
func checkRequest(c Config) error {
	r := c.Request
	switch {
	case r.Body < Form || r.Body > Empty:
		return configError("Request.Body", strconv.Itoa(int(r.Body))+" is none of this package's bodies")
	case r.Bearer && r.TokenField != "":
		return configError("Request.TokenField", "the token goes into the header, by Bearer: leave one of them out")
	case r.Bearer && c.ClientAuth == ClientAuthBasic:
		return configError("Request.Bearer", "ClientAuthBasic needs the Authorization header itself: use ClientAuthPost")
	case r.Bearer && c.Grant == ClientCredentials:
		return configError("Request.Bearer", "this grant sends the token as client_assertion: leave it false")
	case c.Grant == ClientCredentials && r.TokenField != "":
		return configError("Request.TokenField", "this grant sends the token as client_assertion: leave it empty")
	case r.Body == Empty && !r.Bearer:
		return configError("Request.Bearer", "an empty body has no place for the token: set it, or choose another Body")
	case c.Grant == NoGrant && !r.Bearer && r.TokenField == "":
		return configError("Request.TokenField", "without a grant it must say where the token goes: set it, or Bearer")
	case r.Body == Empty && (c.Grant != NoGrant || len(r.Params) > 0):
		return configError("Request.Body", "an empty body has no place for parameters: use NoGrant, without Params")
	}
	for name, values := range r.Params {
		switch {
		case name == "" || len(values) == 0:
			return configError("Request.Params", "each element must have a name and at least one value")
		case slices.Contains(values, ""):
			return configError("Request.Params", safetext.Quote(name)+" is empty")
		case name == c.tokenField() || name == "client_secret" || name == "client_assertion":
			return configError("Request.Params", safetext.Quote(name)+" is filled from elsewhere: leave it out")
		}
	}
	return nil
}

// checkTargets checks what the token is asked for.
func checkTargets(c Config) error {
	if c.Grant == NoGrant && len(c.Audiences)+len(c.Resources)+len(c.Scopes) > 0 {
		return configError("Scopes", "without a grant there are no Audiences, Resources and Scopes: use Request.Params")
	}
	for _, a := range c.Audiences {
		if a == "" {
			return configError("Audiences", "an element is empty")
		}
	}
	for _, r := range c.Resources {
		// RFC 8707 section 2: an absolute URI without a fragment.
		if u, err := url.Parse(r); err != nil || u.Scheme == "" || strings.Contains(r, "#") {
			return configError("Resources", "each element must be an absolute URI without a fragment")
		}
	}
	for _, s := range c.Scopes {
		if s == "" || strings.ContainsFunc(s, notScope) {
			return configError("Scopes", "each element must be one scope, without spaces")
		}
	}
	return nil
}

// notScope reports whether r cannot be part of a scope (RFC 6749, section 3.3).
func notScope(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }

// checkResponse checks the paths.
func checkResponse(c Config) error {
	for _, p := range []struct{ field, path string }{
		{"TokenPath", c.Response.TokenPath},
		{"ExpiresPath", c.Response.ExpiresPath},
		{"ErrorPath", c.Response.ErrorPath},
		{"MessagePath", c.Response.MessagePath},
	} {
		if p.path != "" && (strings.HasPrefix(p.path, ".") || strings.HasSuffix(p.path, ".") || strings.Contains(p.path, "..")) {
			return configError("Response."+p.field, "want names joined by dots, such as auth.client_token")
		}
	}
	return nil
}
