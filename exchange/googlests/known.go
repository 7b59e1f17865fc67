package googlests

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/safetext"
)

// Known is what the owner of a job knows of the pool provider. It changes no
// request: it only explains a refusal, setting what the provider has beside
// what the token says.
type Known struct {
	// IssuerURL is the provider's issuer. Empty means that it is not known.
	IssuerURL string
	// AllowedAudiences are the provider's audiences. Nil means that they are not
	// known.
	AllowedAudiences []string
	// Mapping is the provider's attribute mapping, from a name such as
	// "google.subject" to its expression. Nil means that it is not known.
	Mapping map[string]string
	// Condition is the provider's attribute condition. It is shown, not
	// evaluated. Empty means that it is not known.
	Condition string
}

// clone returns a copy that the caller cannot change; of nil an empty one.
func (k *Known) clone() Known {
	if k == nil {
		return Known{}
	}
	c := Known{IssuerURL: k.IssuerURL, AllowedAudiences: slices.Clone(k.AllowedAudiences), Condition: k.Condition}
	c.Mapping = maps.Clone(k.Mapping)
	return c
}

// add sets what is known beside the evidence of c.
func (k *Known) add(c *exchange.Cause, token *peek.Token) {
	switch c.ID {
	case "google-audience":
		if len(k.AllowedAudiences) > 0 {
			c.Evidence = append(c.Evidence, exchange.Evidence{Name: "allowed audiences", Token: list(token.Audience), Configured: list(k.AllowedAudiences)})
		}
	case "google-issuer":
		if k.IssuerURL != "" && c.Evidence[0].Configured == "" {
			c.Evidence[0].Configured = k.IssuerURL
		}
	case "google-condition":
		if k.Condition != "" {
			c.Evidence = append(c.Evidence, exchange.Evidence{Name: "attribute condition", Configured: k.Condition})
		}
	case "google-subject-length":
		k.addLength(c, token)
	}
}

// plain is an expression that reads one claim and does nothing to it.
var plain = regexp.MustCompile(`^\s*assertion(?:\.([A-Za-z_]\w*)|\[\s*(?:'([^'\\]+)'|"([^"\\]+)")\s*\])\s*$`)

// addLength names the claim that is too long, if the mapping is plain. Of any
// other it cannot be told without evaluating it.
func (k *Known) addLength(c *exchange.Cause, token *peek.Token) {
	expression := k.Mapping["google.subject"]
	if expression == "" {
		return
	}
	c.Evidence = append(c.Evidence, exchange.Evidence{Name: "mapping of google.subject", Configured: expression})
	name, value, ok := mapped(expression, token)
	if !ok {
		c.Certain = false
		return
	}
	c.Certain = len(value) > maxSubject
	if c.Certain {
		c.Summary = "google.subject is mapped to the claim " + safetext.Quote(name) + ", which has " + strconv.Itoa(len(value)) + " bytes; at most " + strconv.Itoa(maxSubject) + " are allowed"
	}
	c.Evidence = append(c.Evidence, exchange.Evidence{Name: "bytes of " + name, Token: strconv.Itoa(len(value)), Configured: "at most " + strconv.Itoa(maxSubject)})
}

// mapped returns the claim that a plain expression reads, and its value. It
// reports false for any other expression, and if the claim is no text.
func mapped(expression string, token *peek.Token) (name, value string, ok bool) {
	m := plain.FindStringSubmatch(expression)
	if m == nil || token.Claims == nil {
		return "", "", false
	}
	name = m[1] + m[2] + m[3]
	raw, _ := token.Claims.RegisteredClaims().Lookup(name)
	return name, value, json.Unmarshal(raw, &value) == nil
}

// tooLong reports whether google.subject is certainly longer than it may be.
func (k *Known) tooLong(token *peek.Token) bool {
	_, value, ok := mapped(k.Mapping["google.subject"], token)
	return ok && len(value) > maxSubject
}
