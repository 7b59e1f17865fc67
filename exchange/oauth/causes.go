package oauth

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/cause"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/internal/unreached"
)

// causes explains a refusal of the token that says said, which is nil where no
// CI token was sent. Each service has codes or texts of its own, so there is no
// need to know which service it is. An unknown one has no cause rather than a
// wrong one.
func (x *exchanger) causes(e *exchange.Error, said *peek.Token, header http.Header) []exchange.Cause {
	if said == nil {
		said = &peek.Token{}
	}
	r := &refused{exchanger: x, Error: e, said: said, location: header.Get("Location"), fromOkta: isOkta(x.service) || header.Get("X-Okta-Request-Id") != ""}
	for _, explain := range []func() []exchange.Cause{r.okta, r.entra, r.vault, r.publisher, r.oauth, r.redirect} {
		if causes := explain(); len(causes) > 0 {
			return causes
		}
	}
	return nil
}

type refused struct {
	*exchanger
	*exchange.Error
	said *peek.Token
	// location is where an answer wants the request to go.
	location string
	// fromOkta: it is Okta that answered, under its own domain or a custom one.
	fromOkta bool
}

// of returns the ID of the cause that the answer has if it is a service's.
func (r *refused) of(service string) string { return cause.Of(service, r.Code, r.Description) }

func (r *refused) says(words string) bool { return strings.Contains(r.Description, words) }

func (r *refused) issuer() exchange.Evidence {
	return exchange.Evidence{Name: "iss", Token: r.said.Issuer}
}

func (r *refused) subject() exchange.Evidence {
	return exchange.Evidence{Name: "sub", Token: r.said.Subject}
}

func (r *refused) audience() exchange.Evidence {
	return exchange.Evidence{Name: "aud", Token: strings.Join(r.said.Audience, ", "), Configured: r.SourceAudience}
}

// quoted is a value of the token for the end of a sentence. It is empty for one
// that is not there: where the token was not the source's, nobody here has read
// it.
func quoted(value string) string {
	if value == "" {
		return ""
	}
	return ", " + safetext.Quote(value)
}

// claim returns what the token says under name, and false if it may not be
// shown, because it names a person.
func (r *refused) claim(name string) (string, bool) {
	if name == "user_login" || name == "user_email" {
		return "", false
	}
	if r.said.Claims == nil {
		return "", true
	}
	raw, ok := r.said.Claims.RegisteredClaims().Lookup(name)
	if !ok {
		return "", true
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, true
	}
	return string(raw), true
}

// redirect explains an endpoint that is elsewhere.
func (r *refused) redirect() []exchange.Cause {
	c, ok := unreached.Redirect(r.StatusCode, r.TokenURL, r.location)
	if !ok {
		return nil
	}
	return []exchange.Cause{c}
}

// oauth explains the codes of RFC 6749 section 5.2 and RFC 8693 section 2.2.2
// that leave little doubt.
func (r *refused) oauth() []exchange.Cause {
	switch r.of(cause.OAuth) {
	case "oauth-client":
		return []exchange.Cause{{
			ID:       "oauth-client",
			Summary:  "the endpoint does not know the client, or does not accept how it proves who it is",
			Action:   "compare ClientID, ClientSecret and ClientAuth with the client's registration, and with a client assertion the issuer, subject and audience that it may have",
			Evidence: []exchange.Evidence{{Name: "client_id", Configured: r.ClientID}, r.issuer(), r.subject(), r.audience()},
		}}
	case "oauth-grant":
		return []exchange.Cause{{
			ID:       "oauth-grant",
			Summary:  "the endpoint does not offer this grant, or not to this client",
			Action:   "allow the grant for the client, or use another of the grants of package oauth",
			Evidence: []exchange.Evidence{{Name: "grant", Configured: r.Grant.String()}},
		}}
	case "oauth-scope":
		return []exchange.Cause{{
			ID:       "oauth-scope",
			Summary:  "the endpoint does not give one of the scopes",
			Action:   "compare Scopes with what the client may have",
			Evidence: []exchange.Evidence{{Name: "scope", Configured: strings.Join(r.Scopes, " ")}},
		}}
	case "oauth-target":
		return []exchange.Cause{{
			ID:      "oauth-target",
			Summary: "the endpoint gives no token for this audience or resource (RFC 8693 section 2.2.2)",
			Action:  "compare Audiences and Resources with what it serves",
			Evidence: []exchange.Evidence{
				{Name: "audience", Configured: strings.Join(r.Audiences, " ")},
				{Name: "resource", Configured: strings.Join(r.Resources, " ")},
			},
		}}
	}
	return nil
}
