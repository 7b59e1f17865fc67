package awstrust

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cioidc/cioidc/internal/jsontree"
	"github.com/cioidc/cioidc/internal/safetext"
)

// keyType is what kind of value a condition key has.
type keyType uint8

const (
	stringKey keyType = iota
	boolKey
	dateKey
	addressKey
)

// keyValue is what a request has for a condition key.
type keyValue struct {
	kind keyType
	// present says whether the key is there; Unknown if that cannot be told.
	present Truth
	values  []string
	// multi says that the key is a list by nature.
	multi bool
	// unsure says that the key is there but not with which value.
	unsure bool
	// assumption is what the value or its presence depends on.
	assumption string
	// why says why a key is not there.
	why string
}

func absent(format string, args ...any) keyValue {
	return keyValue{present: False, why: fmt.Sprintf(format, args...)}
}

func oneValue(kind keyType, value string) keyValue {
	return keyValue{kind: kind, present: True, values: []string{value}}
}

func perhaps(format string, args ...any) keyValue {
	return keyValue{present: Unknown, assumption: fmt.Sprintf(format, args...)}
}

func withValue(kind keyType, format string, args ...any) keyValue {
	return keyValue{kind: kind, present: True, unsure: true, assumption: fmt.Sprintf(format, args...)}
}

// environment answers for the condition keys of one request.
type environment struct {
	*simulation
	keys map[string]Key // by their names in lower case
}

func (s *simulation) environment() *environment {
	e := &environment{simulation: s, keys: map[string]Key{}}
	for _, k := range Keys(s.provider.URL) {
		e.keys[strings.ToLower(k.Name)] = k
	}
	return e
}

// lookup returns what the request has for a key, in whatever case that is
// written.
func (e *environment) lookup(key string) keyValue {
	name, prefix := strings.ToLower(key), strings.ToLower(e.provider.prefix())+":"
	if strings.Contains(key, "${") {
		return perhaps("the key %s, which is a template that nobody filled in, names something of the token", safetext.Quote(key))
	}
	if k, ok := e.keys[name]; ok {
		return e.claim(k)
	}
	switch {
	case name == prefix+circleCIProject && e.provider.prefix() == circleCIHost && e.token.claims.Get(circleCIProject) != nil:
		return perhaps("AWS sets %s for CircleCI's root issuer, which it lists for the issuers of organizations only", safetext.Quote(key))
	case strings.HasPrefix(name, prefix):
		return absent("AWS makes no condition key of this claim")
	case strings.HasPrefix(name, "sts:"), strings.HasPrefix(name, "aws:"):
		return e.global(name)
	}
	return absent("the provider's keys begin with %s", safetext.Quote(e.provider.prefix()+":"))
}

// claim returns the value of a key that is set from a claim.
func (e *environment) claim(k Key) keyValue {
	switch k.Claim {
	case "aud":
		if e.audience == "" {
			return withValue(stringKey, "AWS takes the token's audience as it is")
		}
		return oneValue(stringKey, e.audience)
	case "oaud":
		return perhaps("AWS sets %s for this issuer, which is documented for accounts.google.com only", safetext.Quote(k.Name))
	}
	n := e.token.claims.Get(k.Claim)
	if n == nil {
		return absent("the token has no claim %s", safetext.Quote(k.Claim))
	}
	switch {
	case n.Kind == jsontree.String && !k.Multivalued:
		return oneValue(stringKey, n.Text)
	case n.Kind == jsontree.String:
		return keyValue{present: True, multi: true, values: []string{n.Text}}
	case n.Kind == jsontree.Null:
		return perhaps("AWS sets %s from a claim that is null", safetext.Quote(k.Name))
	case n.Kind == jsontree.Array && k.Multivalued:
		v := keyValue{present: True, multi: true}
		for _, element := range n.Elements {
			if element.Kind != jsontree.String {
				return withValue(stringKey, "AWS makes a text of %v in the claim %s", element.Kind, safetext.Quote(k.Claim))
			}
			v.values = append(v.values, element.Text)
		}
		return v
	}
	return withValue(stringKey, "AWS makes a text of the claim %s, which is %v, as it is written", safetext.Quote(k.Claim), n.Kind)
}

// global returns the value of a key that does not come from the issuer's
// claims. Name is in lower case.
func (e *environment) global(name string) keyValue {
	if v, ok := e.token.tagKey(name); ok {
		return v
	}
	r := e.request
	given := func(kind keyType, ok bool, value, what string) keyValue {
		if !ok {
			return withValue(kind, "%s of the request fits", what)
		}
		return oneValue(kind, value)
	}
	switch name {
	case "sts:rolesessionname":
		return given(stringKey, r.SessionName != "", r.SessionName, "the session name")
	case "sts:sourceidentity":
		if n := e.token.claims.Get(sourceIdentityClaim); n != nil && n.Kind == jsontree.String {
			return oneValue(stringKey, n.Text)
		} else if n == nil {
			return absent("the token has no claim %s", safetext.Quote(sourceIdentityClaim))
		}
	case "sts:roleauthorizedbyidp":
		if e.token.claims.Get(rolesClaim) == nil {
			return perhaps("AWS sets sts:RoleAuthorizedByIdp for a token that lists no roles")
		}
		if e.byRoles == True {
			return oneValue(boolKey, "true")
		}
	case "aws:sourceip":
		return given(addressKey, r.SourceIP.IsValid(), r.SourceIP.String(), "the source address")
	case "aws:currenttime":
		return given(dateKey, !r.Time.IsZero(), r.Time.UTC().Format(time.RFC3339), "the time")
	case "aws:epochtime":
		return given(dateKey, !r.Time.IsZero(), strconv.FormatInt(r.Time.Unix(), 10), "the time")
	case "aws:principalaccount":
		return given(stringKey, e.provider.AccountID != "", e.provider.AccountID, "the account")
	case "aws:userid":
		return given(stringKey, e.provider.AccountID != "", e.provider.ARN(), "the account")
	case "aws:principalarn":
		return absent("a web identity has no ARN")
	}
	return perhaps("the request meets the condition on %s, which the token does not decide", safetext.Quote(name))
}
