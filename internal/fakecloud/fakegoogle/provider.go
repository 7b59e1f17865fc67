package fakegoogle

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
)

// Provider is an OIDC provider of a workload identity pool. Project, Pool, ID
// and IssuerURI are required.
type Provider struct {
	// Project is the project's number.
	Project string
	// Pool and ID name the pool and, in it, the provider.
	Pool, ID string
	// IssuerURI must equal the iss of a token, byte for byte.
	IssuerURI string
	// AllowedAudiences are the accepted aud values, at most 10 of 256 bytes.
	// Nil means the provider's own name, with and without "https:".
	AllowedAudiences []string
	// Subject is the claim mapped to google.subject. Empty means "sub".
	Subject string
	// Attributes maps names of custom attributes to claims. Nil means none.
	Attributes map[string]string
	// Require are claims and the string value each must have: the part of an
	// attribute condition that is a conjunction of equalities. Nil means none.
	Require map[string]string
	// Condition is the rest of the attribute condition. Nil means none.
	Condition func(claims map[string]any) bool
	// Disabled providers are refused as if they did not exist.
	Disabled bool
}

// The limits of the provider resource (iam/v1, workloadIdentityPools.providers).
const (
	maxSubject        = 127
	maxAudiences      = 10
	maxAudience       = 256
	maxAttributes     = 50
	defaultSubject    = "sub"
	principalPrefix   = "principal:"
	principalSetStart = "principalSet:"
)

var (
	resourceName  = regexp.MustCompile(`^//iam\.googleapis\.com/projects/[0-9]+/locations/global/workloadIdentityPools/[a-z0-9-]+/providers/[a-z0-9-]+$`)
	looseName     = regexp.MustCompile(`^//iam\.googleapis\.com/projects/[^/]+/locations/global/workloadIdentityPools/[^/]+/providers/[^/]+$`)
	attributeName = regexp.MustCompile(`^[a-z0-9_]{1,100}$`)
)

// Name returns the provider's full resource name, which is the audience of a
// token request: //iam.googleapis.com/projects/...
func (p *Provider) Name() string { return p.pool() + "/providers/" + p.ID }

func (p *Provider) pool() string {
	return "//iam.googleapis.com/projects/" + p.Project + "/locations/global/workloadIdentityPools/" + p.Pool
}

func (p *Provider) check() error {
	switch {
	case !resourceName.MatchString(p.Name()):
		return fmt.Errorf("fakegoogle: provider %q: not a resource name", p.Name())
	case p.IssuerURI == "":
		return fmt.Errorf("fakegoogle: provider %s: no issuer", p.Name())
	case len(p.AllowedAudiences) > maxAudiences:
		return fmt.Errorf("fakegoogle: provider %s: more than %d allowed audiences", p.Name(), maxAudiences)
	case len(p.Attributes) > maxAttributes:
		return fmt.Errorf("fakegoogle: provider %s: more than %d attributes", p.Name(), maxAttributes)
	}
	for _, aud := range p.AllowedAudiences {
		if aud == "" || len(aud) > maxAudience {
			return fmt.Errorf("fakegoogle: provider %s: allowed audience of %d bytes", p.Name(), len(aud))
		}
	}
	for name := range p.Attributes {
		if !attributeName.MatchString(name) {
			return fmt.Errorf("fakegoogle: provider %s: Invalid mapped attribute key: %s", p.Name(), name)
		}
	}
	return nil
}

// audiences are the aud values that p accepts.
func (p *Provider) audiences() []string {
	if len(p.AllowedAudiences) > 0 {
		return p.AllowedAudiences
	}
	return []string{p.Name(), "https:" + p.Name()}
}

// identity maps claims to the principal they make, or returns the refusal.
func (p *Provider) identity(claims map[string]any) (*grant, *oauthError) {
	claim := p.Subject
	if claim == "" {
		claim = defaultSubject
	}
	value, present := claims[claim]
	if !present || value == nil || value == "" {
		return nil, &oauthError{"unauthorized_client", "Could not obtain a value for google.subject from the given credential."}
	}
	subject, ok := value.(string)
	if !ok {
		return nil, &oauthError{"unauthorized_client", "The mapped attribute 'google.subject' must be of type STRING."}
	}
	if len(subject) > maxSubject {
		return nil, &oauthError{"invalid_request", "The size of mapped attribute google.subject exceeds the 127 bytes limit. Either modify your attribute mapping or the incoming assertion to produce a mapped attribute that is less than 127 bytes."}
	}
	g := &grant{
		principal: principalPrefix + p.pool() + "/subject/" + subject,
		members:   []string{principalSetStart + p.pool() + "/*"},
	}
	g.members = append(g.members, g.principal)
	for name, claim := range p.Attributes {
		switch value := claims[claim].(type) {
		case nil:
		case string:
			g.members = append(g.members, principalSetStart+p.pool()+"/attribute."+name+"/"+value)
		default:
			return nil, &oauthError{"unauthorized_client", "The mapped attribute 'attribute." + name + "' must be of type STRING."}
		}
	}
	if !p.accepts(claims) {
		return nil, &oauthError{"unauthorized_client", "The given credential is rejected by the attribute condition."}
	}
	return g, nil
}

func (p *Provider) accepts(claims map[string]any) bool {
	for claim, want := range p.Require {
		if got, ok := claims[claim].(string); !ok || got != want {
			return false
		}
	}
	return p.Condition == nil || p.Condition(claims)
}

// Principal returns the member string of the identity whose google.subject is
// subject, for the bindings of [ServiceAccount] and [Bucket].
func (p *Provider) Principal(subject string) string {
	return principalPrefix + p.pool() + "/subject/" + subject
}

// PrincipalSet returns the member string of every identity whose attribute
// name has the given value.
func (p *Provider) PrincipalSet(name, value string) string {
	return principalSetStart + p.pool() + "/attribute." + name + "/" + value
}

// audienceOf returns the values of an aud claim, nil if it has another type.
func audienceOf(claims map[string]any) []string {
	switch aud := claims["aud"].(type) {
	case string:
		return []string{aud}
	case []any:
		var out []string
		for _, v := range aud {
			s, ok := v.(string)
			if !ok {
				return nil
			}
			out = append(out, s)
		}
		return out
	}
	return nil
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// unescape undoes the percent-encoding of a path segment that arrived encoded
// twice, as some clients send it.
func unescape(s string) string {
	if out, err := url.PathUnescape(s); err == nil {
		return out
	}
	return s
}
