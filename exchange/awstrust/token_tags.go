package awstrust

import (
	"slices"
	"strings"

	"github.com/cioidc/cioidc/internal/jsontree"
	"github.com/cioidc/cioidc/internal/safetext"
)

// The members of the claim of tags, of which each may be a claim of its own
// instead, behind a slash.
const (
	principalTags  = "principal_tags"
	transitiveTags = "transitive_tag_keys"
)

// sessionTags are the tags that a token gives its session.
type sessionTags struct {
	values     map[string]string // by name in lower case
	names      []string
	transitive []string
}

// tagged reports whether the token brings tags, in whatever form.
func (t token) tagged() bool {
	return slices.ContainsFunc(t.claims.Members, func(m jsontree.Member) bool {
		return m.Name == tagsClaim || strings.HasPrefix(m.Name, tagsClaim+"/")
	})
}

// tags returns the token's tags.
func (t token) tags() (sessionTags, *refusal) {
	tags := sessionTags{values: map[string]string{}}
	bad := invalid("principal_tags passed in claim is not in correct format.", "the session tags are not in the form that AWS takes")
	set := func(name string, n *jsontree.Node) {
		if _, ok := tags.values[strings.ToLower(name)]; !ok {
			tags.names = append(tags.names, name)
		}
		tags.values[strings.ToLower(name)] = n.Text
	}
	texts := func(n *jsontree.Node) bool {
		return n.Kind == jsontree.Array && !slices.ContainsFunc(n.Elements, func(e *jsontree.Node) bool { return e.Kind != jsontree.String })
	}
	for _, m := range t.claims.Members {
		if name, ok := strings.CutPrefix(m.Name, tagsClaim+"/"+principalTags+"/"); ok {
			if m.Value.Kind != jsontree.String {
				return tags, bad
			}
			set(name, m.Value)
		}
	}
	all := t.claims.Get(tagsClaim)
	if all == nil {
		return tags, nil
	}
	if list := all.Get(transitiveTags); list != nil && texts(list) {
		for _, e := range list.Elements {
			tags.transitive = append(tags.transitive, e.Text)
		}
	}
	principal := all.Get(principalTags)
	if principal == nil {
		return tags, nil
	}
	if principal.Kind != jsontree.Object {
		return tags, bad
	}
	for _, m := range principal.Members {
		if !texts(m.Value) || len(m.Value.Elements) != 1 {
			return tags, bad
		}
		set(m.Name, m.Value.Elements[0])
	}
	return tags, nil
}

// tagKey returns the value of a condition key that is set from tags, if name,
// which is in lower case, is one.
func (t token) tagKey(name string) (keyValue, bool) {
	tag, one := strings.CutPrefix(name, "aws:requesttag/")
	list := name == "aws:tagkeys" || name == "sts:transitivetagkeys"
	if !one && !list {
		return keyValue{}, false
	}
	tags, _ := t.tags() // a wrong form was refused before
	if one {
		if value, ok := tags.values[tag]; ok {
			return oneValue(stringKey, value), true
		}
		return absent("the token has no tag %s", safetext.Quote(tag)), true
	}
	values := tags.names
	if name == "sts:transitivetagkeys" {
		values = tags.transitive
	}
	if len(values) == 0 {
		return absent("the token has no tags of that kind"), true
	}
	return keyValue{present: True, multi: true, values: values}, true
}

// checkRoles holds the list of roles that a token may have against the role.
func (t token) checkRoles(role string) (authorized Truth, no *refusal) {
	n := t.claims.Get(rolesClaim)
	if n == nil {
		return False, nil
	}
	var roles []string
	switch n.Kind {
	case jsontree.String:
		roles = strings.Split(n.Text, ";")
	case jsontree.Array:
		for _, e := range n.Elements {
			roles = append(roles, e.Text)
		}
	}
	switch {
	case role == "":
		return Unknown, &refusal{why: "the token lists the roles it is for", assumption: "the role is among those that the token's claim " + safetext.Quote(rolesClaim) + " lists"}
	case slices.Contains(roles, role):
		return True, nil
	}
	return False, invalid("The target role ARN is not present in the roles claim of the identity token", "the role is not among those that the token lists")
}
