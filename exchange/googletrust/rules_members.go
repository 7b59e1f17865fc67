package googletrust

import (
	"slices"
	"strings"

	"github.com/cioidc/cioidc/internal/safetext"
)

// memberRules look at the bindings.
func memberRules() []rule {
	return []rule{
		{
			id: "G002", kind: TooBroad, witnesses: []string{anyHostile},
			story: "every token that gets into the pool has the role, those of providers that are added later as well",
			fix:   "name an attribute: principalSet://.../attribute.NAME/VALUE",
			find: func(l *linted, r report) {
				for _, m := range l.members {
					if m.kind == "*" {
						r(PartBindings, m.value.Position, Critical, "the member is the whole pool")
					}
				}
			},
		},
		{
			id: "G003", kind: TooBroad, witnesses: []string{"other-project", "sibling-suffix", "subgroup"},
			story: "every project of the namespace or organization has the role, those that ordinary members make as well",
			fix:   "map an attribute to the project's ID, and name that",
			find: func(l *linted, r report) {
				for _, m := range l.members {
					of := l.claimsOf(m.attributeOf())
					coarse := len(of) > 0 && !slices.ContainsFunc(of, func(c string) bool {
						return !slices.Contains([]string{"namespace_id", "namespace_path", "org-id", "aud", "iss"}, c)
					})
					if coarse {
						r(PartBindings, m.value.Position, High, safetext.Quote(m.value.Text)+" is a whole namespace or organization")
					}
				}
			},
		},
		{
			id: "G018", kind: TooBroad,
			story: "attributes belong to the pool, not to the provider: a token of the weaker provider with the same value has the role",
			fix:   "give each issuer a pool of its own, or put the issuer into the value",
			find: func(l *linted, r report) {
				for _, m := range l.members {
					for _, p := range l.options.Pool {
						if p != l.provider && p.IssuerURI.Text != l.provider.IssuerURI.Text && p.Attribute(m.attributeOf()) != nil {
							r(PartBindings, m.value.Position, High, m.attributeOf()+" is mapped by a provider for another issuer as well: "+safetext.Quote(p.IssuerURI.Text))
						}
					}
				}
			},
		},
		{
			id: "G019", kind: Broken,
			story: "what follows the attribute is one value, to its end: no token has it",
			fix:   "map one attribute to both claims, and name that",
			find: func(l *linted, r report) {
				for _, m := range l.members {
					if strings.Contains(m.value.Text[strings.Index(m.value.Text, m.kind)+len(m.kind):], "/attribute.") {
						r(PartBindings, m.value.Position, High, "two attributes are chained in one member")
					}
				}
			},
		},
		{
			id: "G021", kind: Note,
			story: "whoever gets through a weak condition has this as well",
			fix:   "give a role for what the job does, on what it does it to",
			find: func(l *linted, r report) {
				seen := map[*Binding]bool{}
				for _, m := range l.members {
					role := m.binding.Role
					if !seen[m.binding] && slices.Contains([]string{"roles/owner", "roles/editor", "roles/iam.serviceAccountTokenCreator"}, role) {
						seen[m.binding] = true
						r(PartBindings, m.binding.Position, Info, role+" is a very wide role")
					}
				}
			},
		},
		{
			id: "G023", kind: TooBroad, witnesses: []string{anyHostile},
			story: "each member alone is enough: they are alternatives, not conditions that must all hold",
			fix:   "map one attribute to all the claims, and name that",
			find: func(l *linted, r report) {
				first := map[*Binding]string{}
				for _, m := range l.members {
					kind, seen := first[m.binding]
					if seen && kind != m.kind && m.kind != "*" && kind != "*" {
						r(PartBindings, m.value.Position, Medium, kind+" and "+m.kind+" are members of one binding")
						return
					}
					if !seen {
						first[m.binding] = m.kind
					}
				}
			},
		},
		{
			id: "G025", kind: Broken,
			story: "IAM keeps the member, and it means nobody",
			fix:   "write principalSet://iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/attribute.NAME/VALUE",
			find: func(l *linted, r report) {
				for _, b := range l.doc.Bindings {
					for _, v := range b.Members {
						if _, problem := parseMember(v.Text); problem != "" {
							r(PartBindings, v.Position, High, problem)
						}
					}
				}
			},
		},
	}
}
