package awstrust

import (
	"strings"
)

// platform is whose tokens a provider is for, as far as its URL tells.
type platform uint8

const (
	otherPlatform platform = iota // a GitLab instance, as a rule
	gitLabCom
	circleCIOrganization
	circleCIRoot
	gitHub
)

func platformOf(prefix string) platform {
	switch {
	case prefix == gitLabHost:
		return gitLabCom
	case prefix == circleCIHost:
		return circleCIRoot
	case strings.HasPrefix(prefix, circleCIHost+"/"):
		return circleCIOrganization
	case prefix == gitHubHost:
		return gitHub
	}
	return otherPlatform
}

// linted is a statement as the rules see it.
type linted struct {
	*Statement
	doc      *Document
	options  *LintOptions
	prefixes []string // of the providers that it names
	prefix   string   // the first of these
	platform platform
	live     []*Condition // those that AWS keeps
}

const providerResource = ":oidc-provider/"

func read(doc *Document, i int, o *LintOptions) *linted {
	s := &linted{Statement: &doc.Statements[i], doc: doc, options: o}
	for _, p := range s.Principals {
		if _, prefix, ok := strings.Cut(p.Name, providerResource); ok && p.Kind == "Federated" {
			_, bare, isURL := strings.Cut(prefix, "://")
			if !isURL {
				bare = prefix
			}
			s.prefixes = append(s.prefixes, strings.TrimSuffix(bare, "/"))
		}
	}
	if len(s.prefixes) > 0 {
		s.prefix = s.prefixes[0]
		s.platform = platformOf(s.prefix)
	}
	for j := range s.Conditions {
		if !s.Conditions[j].Superseded {
			s.live = append(s.live, &s.Conditions[j])
		}
	}
	return s
}

// forProviders reports whether the statement names an OpenID Connect provider.
func (s *linted) forProviders() bool { return len(s.prefixes) > 0 }

// relevant reports whether the statement lets web identities in.
func (s *linted) relevant() bool {
	return s.forProviders() && s.Effect == Allow && s.acts(webIdentity)
}

// acts reports whether the statement is about an action.
func (s *linted) acts(action string) bool {
	for _, v := range s.Actions {
		if wildcards(strings.ToLower(v.Text)).match(strings.ToLower(action)) {
			return true
		}
	}
	return len(s.NotActions) > 0
}

// claimOf returns the claim that a key of one of the statement's providers is
// set from, or would be.
func (s *linted) claimOf(key string) (claim string, ours bool) {
	for _, prefix := range s.prefixes {
		if len(key) > len(prefix) && key[len(prefix)] == ':' && strings.EqualFold(key[:len(prefix)], prefix) {
			return strings.ToLower(key[len(prefix)+1:]), true
		}
	}
	return "", false
}

// on returns the conditions on a claim.
func (s *linted) on(claim string) (out []*Condition) {
	for _, c := range s.live {
		if name, ok := s.claimOf(c.Key); ok && name == claim {
			out = append(out, c)
		}
	}
	return out
}

// demands reports whether a condition wants the key to be there and to have one
// of its values.
func (c *Condition) demands() bool {
	return strings.HasPrefix(c.Operator.Name, "String") && !c.Operator.negated() && !c.Operator.IfExists && c.Operator.Set != forAllValues
}

// like reports whether * and ? in the values are wildcards.
func (c *Condition) like() bool { return c.Operator.Name == "StringLike" }

// wanted is a value that a claim must have, in which * and ? may be wildcards.
type wanted struct {
	text string
	like bool
	at   Position
}

// wild reports whether the text has a wildcard.
func (w wanted) wild() bool { return w.like && strings.ContainsAny(w.text, "*?") }

// wants returns the values that a claim is asked to have.
func (s *linted) wants(claim string) (out []wanted) {
	for _, c := range s.on(claim) {
		if !c.demands() {
			continue
		}
		for _, v := range c.Values {
			out = append(out, wanted{v.Text, c.like(), v.Position})
		}
	}
	return out
}

// pinned reports whether a claim must have one of some exact values.
func (s *linted) pinned(claim string) bool {
	for _, c := range s.on(claim) {
		if !c.demands() || len(c.Values) == 0 {
			continue
		}
		exact := true
		for _, v := range c.Values {
			exact = exact && !(wanted{v.Text, c.like(), v.Position}).wild()
		}
		if exact {
			return true
		}
	}
	return false
}

// restricted reports whether a claim must have a value that not every token has.
func (s *linted) restricted(claim string) bool {
	for _, c := range s.on(claim) {
		if !c.demands() || len(c.Values) == 0 {
			continue
		}
		all := false
		for _, v := range c.Values {
			all = all || c.like() && strings.Trim(v.Text, "*") == ""
		}
		if !all {
			return true
		}
	}
	return false
}

// projectPinned reports whether the project is named by its ID, apart from the
// subject.
func (s *linted) projectPinned() bool {
	switch s.platform {
	case gitLabCom:
		return s.pinned("project_id")
	case circleCIOrganization:
		return s.pinned(circleCIProject)
	}
	return false
}

// gitLab reports whether the tokens are GitLab's: of gitlab.com, or of an
// instance whose subjects look like it.
func (s *linted) gitLab() bool {
	if s.platform == gitLabCom {
		return true
	}
	if s.platform != otherPlatform {
		return false
	}
	for _, w := range s.wants("sub") {
		for _, start := range []string{"project_path:", "project_id:", "namespace_path:", "namespace_id:"} {
			if strings.HasPrefix(w.text, start) {
				return true
			}
		}
	}
	return false
}

func (s *linted) circleCI() bool {
	return s.platform == circleCIOrganization || s.platform == circleCIRoot
}

// part returns what a GitLab subject, or a pattern for one, says of a component.
func (w wanted) part(name string) (value string, ok bool) {
	_, rest, ok := strings.Cut(":"+w.text, ":"+name+":")
	if !ok {
		return "", false
	}
	value, _, _ = strings.Cut(rest, ":")
	return value, true
}
