package googletrust

import (
	"github.com/cioidc/cioidc/internal/cloudnames"
	"github.com/cioidc/cioidc/internal/trustmodel"
)

// Document is what decides on Google's side: a provider, which says whose tokens
// enter the pool and what they are called there, and the role bindings, which say
// what those who have entered may do.
type Document struct {
	// Provider is made by [ParseProvider], or by hand. Nil refuses every token.
	Provider *Provider
	// Bindings are the role bindings that name members of the pool; see
	// [ParseBindings]. Nil means that they are not known: only the provider is
	// looked at then. An empty list that is not nil lets nobody do anything.
	Bindings []Binding
}

// Part says in which of the two a thing stands.
type Part string

// The two parts, which are two texts and mostly two files.
const (
	PartProvider Part = "provider"
	PartBindings Part = "bindings"
)

// Position is where something stands in the text of its part. The zero Position
// is that of what is not written there.
type Position = trustmodel.Position

// Value is a text and where it stands.
type Value struct {
	Text     string
	Position Position
}

// Provider is an OpenID Connect provider of a workload identity pool.
type Provider struct {
	// ProjectNumber, Pool and ID are the parts of the provider's name. Empty means
	// not known: what depends on it is not compared.
	ProjectNumber, Pool, ID string
	// State is "ACTIVE" or "DELETED". Empty means ACTIVE.
	State string
	// Disabled says that the provider takes no tokens.
	Disabled bool
	// IssuerURI is what a token's iss must be, byte for byte.
	IssuerURI Value
	// AllowedAudiences are the audiences that the provider takes. None means that
	// only the provider's own name is one: see [Provider.Audiences].
	AllowedAudiences []Value
	// InlineKeys says that the issuer's keys were uploaded with the provider and
	// are not fetched. Nothing else here depends on it.
	InlineKeys bool
	// Mapping is the attribute mapping, in the order it is written.
	Mapping []Attribute
	// Condition is the attribute condition, in CEL. An empty text means none.
	Condition Value
	// Position is that of the provider's opening brace.
	Position Position
}

// Attribute is one line of a mapping.
type Attribute struct {
	// Name is "google.subject", "google.groups" or begins with "attribute.".
	Name string
	// Expression says in CEL how to make the value of a token's claims.
	Expression Value
	// Position is that of the name.
	Position Position
}

// Binding gives a role to members.
type Binding struct {
	// Resource is what the role is on, such as a service account's email address.
	// No text says it: set it where it matters to a reader. It decides nothing.
	Resource string
	// Role is the role, such as "roles/iam.workloadIdentityUser". Empty means that
	// it is not known. It decides nothing.
	Role string
	// Members are who gets it: each has to be a principal of the pool to count here.
	Members []Value
	// Condition is the binding's own condition, in CEL. It is not evaluated; with
	// one, a binding may or may not apply. An empty text means none.
	Condition Value
	// Position is that of the binding's opening brace.
	Position Position
}

// Name returns the provider's full name, which begins with "//iam.googleapis.com/",
// or "" if a part of it is not known.
func (p *Provider) Name() string {
	if p.ProjectNumber == "" || p.Pool == "" || p.ID == "" {
		return ""
	}
	return "//iam.googleapis.com/projects/" + p.ProjectNumber + "/locations/global/workloadIdentityPools/" + p.Pool + "/providers/" + p.ID
}

// Audiences returns the values of aud that the provider takes: AllowedAudiences,
// or for want of any the provider's full name with and without "https:". It
// returns nil if that is not known.
func (p *Provider) Audiences() []string {
	if len(p.AllowedAudiences) == 0 {
		if name := p.Name(); name != "" {
			return []string{name, "https:" + name}
		}
		return nil
	}
	list := make([]string, len(p.AllowedAudiences))
	for i, v := range p.AllowedAudiences {
		list[i] = v.Text
	}
	return list
}

// Attribute returns the line of the mapping with this name, or nil.
func (p *Provider) Attribute(name string) *Attribute {
	for i := range p.Mapping {
		if p.Mapping[i].Name == name {
			return &p.Mapping[i]
		}
	}
	return nil
}

func (p *Provider) pool() cloudnames.Pool {
	return cloudnames.Pool{Project: p.ProjectNumber, ID: p.Pool}
}
