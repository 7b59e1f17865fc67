package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/internal/nearname"
)

func copySpec(s Spec) Spec {
	s.Audiences = slices.Clone(s.Audiences)
	s.Rules = copyRules(s.Rules)
	s.Deny = copyRules(s.Deny)
	s.Tests = slices.Clone(s.Tests)
	for i := range s.Tests {
		s.Tests[i].Claims = slices.Clone(s.Tests[i].Claims)
	}
	return s
}

func copyRules(rules []Rule) []Rule {
	rules = slices.Clone(rules)
	for i := range rules {
		r := &rules[i]
		r.Claims, r.Allow, r.When = maps.Clone(r.Claims), maps.Clone(r.Allow), slices.Clone(r.When)
		for name, m := range r.Claims {
			m.Values = slices.Clone(m.Values)
			r.Claims[name] = m
		}
	}
	return rules
}

// digest hashes the JSON text of a sorted copy without positions.
func digest(s Spec) string {
	s = copySpec(s)
	s.Tests = nil
	slices.Sort(s.Audiences)
	for _, rules := range [][]Rule{s.Rules, s.Deny} {
		slices.SortFunc(rules, func(a, b Rule) int { return strings.Compare(a.Name, b.Name) })
		for i := range rules {
			r := &rules[i]
			r.Position = Position{}
			for name, m := range r.Claims {
				if m.Position = (Position{}); m.Op == "" {
					m.Op = Equal
				}
				slices.Sort(m.Values)
				r.Claims[name] = m
			}
			for j := range r.When {
				r.When[j].Position = Position{}
			}
			slices.SortFunc(r.When, func(a, b When) int {
				return strings.Compare(a.CEL+"\x00"+a.Message, b.CEL+"\x00"+b.Message)
			})
		}
	}
	text, err := json.Marshal(s)
	if err != nil { // Strings only: this does not happen.
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// suggestion returns "; did you mean ...?" if a known name is near.
func suggestion(name string, known []string) string {
	best, distance := "", 4
	plain := strings.NewReplacer("_", "", "-", "").Replace(lower(name))
	for _, k := range known {
		if d := nearname.Distance(plain, strings.NewReplacer("_", "", "-", "").Replace(k)); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}
