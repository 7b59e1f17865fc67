package oidc

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/claims"
)

// circleCIRoot is the issuer of CircleCI's root tokens and the start of the
// issuers of its organizations.
const circleCIRoot = "https://oidc.circleci.com"

// An Issuer is a token issuer to trust, and the model of its claims. Make one
// with [GitLab], [CircleCI], [CircleCIRoot], [CircleCIServer] or [IssuerOf];
// the fields may then be changed.
type Issuer struct {
	// URL must equal the iss claim, byte for byte. The constructors set it.
	URL string
	// Audiences, if set, replace [Config.Audiences] for this issuer. Nil means
	// those of Config.
	Audiences []string
	// Algorithms are the accepted signature algorithms. Nil means RS256.
	Algorithms []Algorithm
	// Keys are the issuer's keys. Nil means a [RemoteKeySet] found by OpenID
	// Connect discovery at URL.
	Keys KeySet

	model *model
}

// model is what the verifier knows of an issuer's tokens beyond RFC 7519.
type model struct {
	err    error // why the constructor's arguments were wrong
	goType reflect.Type
	// codec makes what decodes and copies the Go type. It is made once for each
	// type of a verifier, however many issuers share it.
	codec func() (*codec, error)
	// check tells tokens that the issuer signs for other purposes from job
	// tokens. Nil means nothing to tell.
	check func(claims.Model) *TokenError
	// noEvents refuses security event tokens (RFC 8417), among them the logout
	// tokens of OpenID Connect Back-Channel Logout 1.0 section 2.4: same issuer,
	// same keys, same audience. Tokens of the platforms that this package knows
	// need no such check, since they must name a project.
	noEvents bool
	// guard refuses jobs that the owner of a project does not fully control.
	// Nil means none.
	guard func(claims.Model, *Config) *DeniedError
	// allow decides on CircleCI organizations at run time; nil for all other
	// issuers.
	allow func(ctx context.Context, organizationID string) (bool, error)
}

// IssuerOf trusts the issuer at url, a platform that this package does not
// know, whose claims are modelled by T. It checks what RFC 7519 asks for and
// knows nothing of forks or reruns: [Config.Authorize] has to. A token with an
// events claim is refused: it reports an event, such as a logout (RFC 8417
// section 2.2), and is nobody's identity. IssuerOf is not for
// GitLab and CircleCI: [NewVerifier] refuses their models here, since the
// checks that belong to them would be missing.
func IssuerOf[T any, P claims.ModelOf[T]](url string) Issuer {
	m := modelOf[T, P]()
	t := reflect.TypeFor[T]()
	for _, own := range []reflect.Type{reflect.TypeFor[claims.GitLab](), reflect.TypeFor[claims.CircleCI]()} {
		if m.err == nil && contains(t, own) {
			m.err = fmt.Errorf("IssuerOf[%v] would leave out the checks that belong to %v; use oidc.GitLab or oidc.CircleCI", t, own)
		}
	}
	m.noEvents = true
	return Issuer{URL: url, model: m}
}

// contains reports whether t is, or embeds, own or another name for it.
func contains(t, own reflect.Type) bool {
	if t.ConvertibleTo(own) {
		return true
	}
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.Anonymous && contains(f.Type, own) {
			return true
		}
	}
	return false
}

// codec decodes and copies the claims of one Go type.
type codec struct {
	decode func(*claims.Set) (claims.Model, error)
	// copy returns a shallow copy, for claims that several callers get.
	copy func(claims.Model) claims.Model
	// token is copy, with a token to hold it.
	token func(claims.Model) (claims.Model, *Token)
	// order returns the order in which the claims came last.
	order func() *claims.Order
}

func modelOf[T any, P claims.ModelOf[T]]() *model {
	return &model{goType: reflect.TypeFor[T](), codec: codecOf[T, P]}
}

func codecOf[T any, P claims.ModelOf[T]]() (*codec, error) {
	d, err := claims.NewDecoder[T, P]()
	if err != nil {
		return nil, err
	}
	return &codec{
		decode: func(s *claims.Set) (claims.Model, error) {
			c, err := d.Decode(s)
			if err != nil {
				return nil, err
			}
			return P(c), nil
		},
		copy: func(c claims.Model) claims.Model {
			again := *(*T)(c.(P))
			return P(&again)
		},
		token: func(c claims.Model) (claims.Model, *Token) {
			// In one piece of memory: most of what a remembered token costs, but
			// for its hash, is to get memory for it.
			both := new(struct {
				token  Token
				claims T
			})
			both.claims = *(*T)(c.(P))
			return P(&both.claims), &both.token
		},
		order: d.Order,
	}, nil
}

// GitLab trusts the GitLab instance at url, such as https://gitlab.com: the
// value of its tokens' iss claim, which on self-managed instances can be set
// apart from the instance's address. Claims are [claims.GitLab].
//
// GitLab signs the ID tokens of users who log in with the same issuer and in
// the same key set. Such a token is refused: it lacks project_id, pipeline_id
// and job_id. Jobs of forks are denied unless [Config.AllowForks] is set.
//
// IDs and paths are unique within one instance only, and whoever runs an
// instance can make it say anything: decide by issuer and ID together.
func GitLab(url string) Issuer {
	m := modelOf[claims.GitLab]()
	m.check = checkGitLab
	m.guard = guardGitLab
	if strings.HasPrefix(url+"/", circleCIRoot+"/") {
		m.err = fmt.Errorf("%s is CircleCI's; use oidc.CircleCI or oidc.CircleCIRoot", quoteURL(url))
	}
	return Issuer{URL: url, model: m}
}

// CircleCI trusts the tokens that CircleCI's cloud issues for jobs of one
// organization, by its UUID. Claims are [claims.CircleCI].
//
// CircleCI streams audit logs with tokens of the same issuer and the same
// default audience. Such a token is refused: it has no project-id. Jobs rerun
// with SSH and pull requests of forks are denied unless [Config.AllowSSHRerun]
// or [Config.AllowForks] is set.
func CircleCI(organizationID string) Issuer {
	id := strings.ToLower(organizationID)
	m := circleCI(func(c *claims.CircleCI) *TokenError { return checkOrganization(c, id) })
	if m.err == nil && !claims.IsUUID(id) {
		m.err = fmt.Errorf("CircleCI wants the organization's UUID, not %s; find it under Organization Settings, Overview", quote(organizationID))
	}
	return Issuer{URL: circleCIRoot + "/org/" + id, model: m}
}

// CircleCIRoot trusts tokens of CircleCI's root issuer,
// https://oidc.circleci.com, from these organizations only, by their UUIDs. All
// customers of CircleCI share that issuer, so at least one is required, and so
// is the token's org-id. In all else it is like [CircleCI].
func CircleCIRoot(organizationIDs ...string) Issuer {
	ids, err := parseOrganizations("CircleCIRoot", organizationIDs)
	m := circleCI(func(c *claims.CircleCI) *TokenError {
		switch {
		case c.OrganizationID == "":
			return missing(claimOrgID, "tokens of the root issuer are told apart by it alone")
		case !slices.Contains(ids, strings.ToLower(c.OrganizationID)):
			return notListed(c)
		}
		return nil
	})
	if m.err == nil {
		m.err = err
	}
	return Issuer{URL: circleCIRoot, model: m}
}

// CircleCIServer trusts the issuer at issuerURL, the value of the iss claim, of
// a self-hosted CircleCI server, for jobs of these organizations only, by their
// UUIDs; at least one is required. A token must name its organization in org-id
// or, where the server is too old to send that, its issuer must end in
// /org/UUID. In all else it is like [CircleCI].
func CircleCIServer(issuerURL string, organizationIDs ...string) Issuer {
	ids, err := parseOrganizations("CircleCIServer", organizationIDs)
	own := ""
	if i := strings.LastIndex(issuerURL, "/org/"); i >= 0 {
		own = strings.ToLower(issuerURL[i+len("/org/"):])
	}
	if err == nil && claims.IsUUID(own) && !slices.Contains(ids, own) {
		err = fmt.Errorf("the issuer %s is that of organization %s, which CircleCIServer was not given", quoteURL(issuerURL), own)
	}
	m := circleCI(func(c *claims.CircleCI) *TokenError {
		switch id := strings.ToLower(c.OrganizationID); {
		case id == "" && !slices.Contains(ids, own):
			return missing(claimOrgID, "and the issuer does not name the organization either")
		case id != "" && !slices.Contains(ids, id):
			return notListed(c)
		}
		return nil
	})
	if m.err == nil {
		m.err = err
	}
	return Issuer{URL: issuerURL, model: m}
}

func parseOrganizations(constructor string, given []string) ([]string, error) {
	if len(given) == 0 {
		return nil, errors.New(constructor + " wants at least one organization's UUID")
	}
	ids := make([]string, len(given))
	for i, id := range given {
		if !claims.IsUUID(id) {
			return nil, fmt.Errorf("%s wants organizations' UUIDs, not %s", constructor, quote(id))
		}
		ids[i] = strings.ToLower(id)
	}
	return ids, nil
}

// sameButFor says how two issuers differ that look alike, or "". It is asked for
// each token of an issuer that is not trusted, so it parses nothing.
func sameButFor(got, want string) string {
	switch {
	case strings.TrimSuffix(got, "/") == strings.TrimSuffix(want, "/"):
		return "they differ only by a trailing slash"
	case strings.EqualFold(got, want):
		return "they differ only by case"
	case withoutScheme(got) == withoutScheme(want):
		return "they differ only by the scheme"
	}
	return ""
}

func withoutScheme(url string) string {
	return strings.TrimPrefix(strings.TrimPrefix(url, "https://"), "http://")
}
