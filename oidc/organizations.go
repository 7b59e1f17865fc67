package oidc

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/cioidc/cioidc/claims"
)

// CircleCIOrganizations trusts the issuers of those CircleCI organizations that
// allow accepts, for services whose tenants come and go while they run. Allow
// is asked for each token, by the organization's UUID in lower case, before
// anything is fetched; false refuses the token with [ErrIssuer], and an error
// is wrapped in an *[UnavailableError]. It must be safe for concurrent use.
//
// Key sets of at most 1,000 organizations are kept; that of the one whose token
// was not seen for longest gives way. An organization that is configured by
// [CircleCI] as well is not asked about. [Issuer.Keys], if set, are the keys of
// all organizations. In all else this is like [CircleCI]. A configuration can
// have it once.
func CircleCIOrganizations(allow func(ctx context.Context, organizationID string) (bool, error)) Issuer {
	m := circleCI(func(c *claims.CircleCI) *TokenError {
		id, _ := organizationOf(c.Issuer)
		return checkOrganization(c, id)
	})
	if m.err == nil && allow == nil {
		m.err = errors.New("CircleCIOrganizations wants a function that says which organizations are allowed")
	}
	m.allow = allow
	return Issuer{URL: circleCIRoot, model: m}
}

// maxOrganizations bounds the key sets that are kept for organizations that are
// not configured one by one.
const maxOrganizations = 1000

// organizationOf returns the UUID in the issuer of a CircleCI organization. Only
// the one spelling that CircleCI uses is taken: the rest of the text is fixed,
// so that nothing of a token gets into a URL but a UUID.
func organizationOf(issuer string) (id string, ok bool) {
	id, ok = strings.CutPrefix(issuer, circleCIRoot+"/org/")
	return id, ok && claims.IsUUID(id) && id == strings.ToLower(id)
}

// organizations are the issuers that CircleCIOrganizations has allowed.
type organizations struct {
	template *issuer
	allow    func(context.Context, string) (bool, error)
	options  *RemoteKeySetOptions
	pinned   bool // whether the template's keys are those of all organizations

	mu    sync.Mutex
	known map[string]*organization
	ring  organization // its next is the newest, its previous the oldest
}

type organization struct {
	issuer     *issuer
	prev, next *organization
}

func newOrganizations(template *issuer, allow func(context.Context, string) (bool, error), options *RemoteKeySetOptions) *organizations {
	o := &organizations{template: template, allow: allow, options: options, known: make(map[string]*organization)}
	o.ring.prev, o.ring.next = &o.ring, &o.ring
	return o
}

// issuer returns the issuer at url, of organization id, if it is allowed.
func (o *organizations) issuer(ctx context.Context, url, id string) (*issuer, error) {
	allowed, err := o.allow(ctx, id)
	if err != nil {
		var u *UnavailableError
		if errors.As(err, &u) {
			return nil, u
		}
		return nil, &UnavailableError{Op: OpAuthorize, Issuer: url, Err: err}
	}
	if !allowed {
		return nil, &TokenError{Reason: ErrIssuer, Issuer: url, Claim: "iss", Detail: "organization " + id + " is not allowed"}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.known[url]
	if e == nil {
		if e, err = o.make(url); err != nil {
			return nil, err
		}
		if len(o.known) >= maxOrganizations {
			oldest := o.ring.prev
			oldest.unlink()
			delete(o.known, oldest.issuer.url)
		}
		o.known[e.issuer.url] = e
	} else {
		e.unlink()
	}
	e.prev, e.next = &o.ring, o.ring.next
	e.prev.next, e.next.prev = e, e
	return e.issuer, nil
}

func (o *organizations) make(url string) (*organization, error) {
	url = strings.Clone(url) // Not a part of the token's text.
	iss := *o.template
	iss.url = url
	if !o.pinned {
		keys, err := newRemoteKeySet("", url, o.options)
		if err != nil {
			return nil, err
		}
		iss.keys = keys
	}
	return &organization{issuer: &iss}, nil
}

func (e *organization) unlink() {
	e.prev.next, e.next.prev = e.next, e.prev
}

// issuers returns those that are kept now.
func (o *organizations) issuers() []*issuer {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make([]*issuer, 0, len(o.known))
	for e := o.ring.next; e != &o.ring; e = e.next {
		all = append(all, e.issuer)
	}
	return all
}
