package googletrust

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/cioidc/cioidc/internal/cloudnames"
	"github.com/cioidc/cioidc/internal/safetext"
)

// Limits of Google on a provider and on what a token is mapped to.
const (
	MaxSubject    = cloudnames.MaxSubject // bytes of google.subject
	MaxMapped     = 8192                  // bytes of all mapped values together
	MaxExpression = 2048                  // characters of one expression of the mapping
	MaxCondition  = 4096                  // characters of the condition
	MaxAttributes = 50                    // custom attributes
	MaxName       = 100                   // characters of a custom attribute's name
	MaxAudiences  = 10                    // allowed audiences
	MaxAudience   = 256                   // characters of one
)

var customName = regexp.MustCompile(`^[a-z0-9_]{1,100}$`)

// refusedToSave returns why Google would not save the provider, and where the
// reason stands; or "".
func (p *Provider) refusedToSave() (problem string, at Position) {
	switch {
	case !strings.HasPrefix(p.IssuerURI.Text, "https://"):
		return fmt.Sprintf("issuerUri is %s, and must begin with https://", safetext.Quote(p.IssuerURI.Text)), p.IssuerURI.Position
	case len(p.AllowedAudiences) > MaxAudiences:
		return fmt.Sprintf("%d allowed audiences; Google takes %d", len(p.AllowedAudiences), MaxAudiences), p.AllowedAudiences[MaxAudiences].Position
	case p.Attribute("google.subject") == nil:
		return "google.subject is not mapped: tokens need a name in the pool", Position{}
	case utf8.RuneCountInString(p.Condition.Text) > MaxCondition:
		return fmt.Sprintf("the condition has %d characters; Google takes %d", utf8.RuneCountInString(p.Condition.Text), MaxCondition), p.Condition.Position
	}
	for _, a := range p.AllowedAudiences {
		if n := utf8.RuneCountInString(a.Text); n == 0 || n > MaxAudience {
			return fmt.Sprintf("an allowed audience of %d characters; Google takes 1 to %d", n, MaxAudience), a.Position
		}
	}
	custom := 0
	for _, a := range p.Mapping {
		name, ok := strings.CutPrefix(a.Name, "attribute.")
		switch {
		case ok && !customName.MatchString(name):
			return fmt.Sprintf("%s is no name that Google takes for an attribute: after attribute. come 1 to %d of a-z, 0-9 and _", safetext.Quote(a.Name), MaxName), a.Position
		case !ok && a.Name != "google.subject" && a.Name != "google.groups":
			return fmt.Sprintf("%s cannot be mapped: google.subject, google.groups and names that begin with attribute. can", safetext.Quote(a.Name)), a.Position
		case strings.TrimSpace(a.Expression.Text) == "":
			return fmt.Sprintf("the mapping of %s is empty", a.Name), a.Expression.Position
		case utf8.RuneCountInString(a.Expression.Text) > MaxExpression:
			return fmt.Sprintf("the mapping of %s has %d characters; Google takes %d", a.Name, utf8.RuneCountInString(a.Expression.Text), MaxExpression), a.Expression.Position
		}
		if ok {
			if custom++; custom > MaxAttributes {
				return fmt.Sprintf("more than %d custom attributes, which is what Google takes", MaxAttributes), a.Position
			}
		}
	}
	return "", Position{}
}
