package hostile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/claims"
)

// Kind says what is to be thought of a variant that is let in.
type Kind string

const (
	// Hostile: somebody else, or something else than the job that was meant.
	Hostile Kind = "hostile"
	// Debatable: the same project and ref, but another person, runner, trigger
	// or lifetime. Many policies let it in, on purpose.
	Debatable Kind = "debatable"
	// Missing: claims were left out. Other platform versions and other kinds of
	// job do that; a policy that lets one in does not look at the claim, or
	// takes its absence for consent.
	Missing Kind = "missing"
	// Routine: the same job in another run, or under another name of its own.
	Routine Kind = "routine"
)

// Variant is a claims set that differs from the identity's.
type Variant struct {
	// ID names the variant, such as "other-branch" or, for one that only leaves
	// a claim out, "absent/ref". It is unique and does not change.
	ID   string
	Kind Kind
	// Story says in one sentence how such a token comes about.
	Story string
	// Changed are the names of the claims that differ from the identity's, as
	// the platform spells them, sorted. It is never empty.
	Changed []string
	// Claims is a *[claims.GitLab] or *[claims.CircleCI], decoded from a payload
	// of its own.
	Claims claims.Model
}

// ErrModel: the identity is neither a *[claims.GitLab] nor a *[claims.CircleCI].
var ErrModel = errors.New("hostile: variants are made of a *claims.GitLab or a *claims.CircleCI, not nil")

// Variants returns the variants of identity m: the named ones that apply to
// it, then one for each claim that none of these changes, then one without each
// claim it has. The error is [ErrModel], or says that m does not encode to
// claims that decode.
func Variants(m claims.Model) ([]Variant, error) {
	switch m := m.(type) {
	case *claims.GitLab:
		if m != nil {
			return variants(m, gitLabEdits(), finishGitLab)
		}
	case *claims.CircleCI:
		if m != nil {
			return variants(m, circleCIEdits(), finishCircleCI)
		}
	}
	return nil, ErrModel
}

// edit makes a variant of a copy of the identity's claims.
type edit struct {
	id    string
	kind  Kind
	story string
	// apply changes c. What it leaves as it was is no variant.
	apply func(c *set)
}

func variants[T any, P claims.ModelOf[T]](m P, edits []edit, finish func(c *set)) ([]Variant, error) {
	identity, names, err := newSet[T, P](m)
	if err != nil {
		return nil, err
	}
	var all []Variant
	covered := map[string]bool{}
	add := func(e edit) error {
		c := identity.clone()
		e.apply(c)
		finish(c)
		changed := identity.differences(c)
		if len(changed) == 0 {
			return nil
		}
		decoded, err := claims.Decode[T, P](c.payload())
		if err != nil {
			return fmt.Errorf("hostile: %s: %w", e.id, err)
		}
		all = append(all, Variant{ID: e.id, Kind: e.kind, Story: e.story, Changed: changed, Claims: P(decoded)})
		for _, name := range changed {
			covered[name] = covered[name] || e.kind != Missing && c.has(name)
		}
		return nil
	}
	for _, e := range edits {
		if err := add(e); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		if covered[name] {
			continue
		}
		if err := add(changeOf(name)); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		if err := add(absenceOf(name)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// changeOf gives one claim another value, of the kind it has.
func changeOf(name string) edit {
	return edit{"changed/" + short(name), Debatable, short(name) + " has another value.", func(c *set) {
		c.put(name, another(name, c.values[name]))
	}}
}

// absenceOf leaves one claim out.
func absenceOf(name string) edit {
	return edit{"absent/" + short(name), Missing, "The token has no " + short(name) + ", as of another version of the platform or another kind of job.", func(c *set) {
		c.drop(name)
	}}
}

// short returns a claim's name without CircleCI's prefix, for IDs and stories.
func short(name string) string { return strings.TrimPrefix(name, prefix) }

func sorted(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// Legitimate returns the claims set of the token itself. One that was made up field
// by field has none; a variant is made of it then; the error says that there is none.
func Legitimate(m claims.Model, variants []Variant) ([]byte, error) {
	if payload := m.RegisteredClaims().Payload(); len(payload) > 0 {
		return payload, nil
	}
	for _, v := range variants {
		if v.ID == "next-run" {
			return v.Claims.RegisteredClaims().Payload(), nil
		}
	}
	return nil, errors.New("made without claims.Decode, and without a job")
}
