// Package fakeaws is an AWS account in miniature: an IAM with OpenID Connect
// providers and roles, and the Security Token Service in front of it.
//
// It speaks the Query protocol (form in, XML out), for which AWS's own clients
// are the judges, and refuses what AWS refuses. AssumeRoleWithWebIdentity
// accepts a CI token only with a valid signature of a provider's issuer, for
// one of its client IDs, within its time, and if the role's trust policy holds.
// GetCallerIdentity accepts only requests signed, by Signature Version 4, with
// credentials of a session that this account issued and that has not expired.
// The codes and texts of refusals are AWS's where they are known.
//
// The trust policies it understands are those that use StringEquals and
// StringLike; [New] refuses any other, so that no condition is ever ignored.
package fakeaws

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/cioidc/cioidc/internal/fakecloud/relyingparty"
)

// Config describes what exists in the account.
type Config struct {
	// AccountID has 12 digits. Required.
	AccountID string
	// Providers are the IAM OpenID Connect providers. Nil means none.
	Providers []Provider
	// Roles are the IAM roles. Nil means none.
	Roles []Role
	// Fetch reaches the issuers. Nil means [http.DefaultClient].
	Fetch *http.Client
	// Now returns the current time. Nil means [time.Now].
	Now func() time.Time
}

// Provider is an IAM OpenID Connect provider.
type Provider struct {
	// URL is the issuer, byte for byte as in iss.
	URL string
	// ClientIDs are the audiences accepted, at most 100.
	ClientIDs []string
}

// Role is an IAM role.
type Role struct {
	// Name is the role's name, with its path if it has one: "deploy" or
	// "ci/deploy".
	Name string
	// TrustPolicy is the role's trust policy, a JSON document.
	TrustPolicy string
	// MaxSession is the longest session, 1 to 12 hours. Zero means 1 hour.
	MaxSession time.Duration
}

// The actions that [Server.Requests] counts by name.
const (
	AssumeRoleWithWebIdentity = "AssumeRoleWithWebIdentity"
	GetCallerIdentity         = "GetCallerIdentity"
)

// Server is the account's STS. It is an [http.Handler] and safe for concurrent
// use.
type Server struct {
	account   string
	providers map[string]*Provider // by URL
	roles     map[string]*role     // by ARN
	party     *relyingparty.Party
	now       func() time.Time
	sessions  sessions

	mu        sync.Mutex
	requests  map[string]int
	misbehave func(action string, w http.ResponseWriter, r *http.Request) bool
}

var _ http.Handler = (*Server)(nil)

type role struct {
	Role
	arn, id string
	policy  *trustPolicy
}

var (
	accountPattern = regexp.MustCompile(`^[0-9]{12}$`)
	rolePattern    = regexp.MustCompile(`^([!-.0-~]+/)*[\w+=,.@-]{1,64}$`)
)

// New returns a server. It fails for a Config that AWS would not accept, and
// for a trust policy with a condition that this package does not evaluate.
func New(cfg Config) (*Server, error) {
	if !accountPattern.MatchString(cfg.AccountID) {
		return nil, fmt.Errorf("fakeaws: account ID %q is not 12 digits", cfg.AccountID)
	}
	s := &Server{
		account:   cfg.AccountID,
		providers: map[string]*Provider{},
		roles:     map[string]*role{},
		now:       cfg.Now,
		requests:  map[string]int{},
	}
	if s.now == nil {
		s.now = time.Now
	}
	// AWS accepts a token until 5 minutes after exp, and from 5 minutes before
	// nbf and iat.
	s.party = &relyingparty.Party{HTTPClient: cfg.Fetch, Now: s.now, Skew: skew}
	for _, p := range cfg.Providers {
		host, ok := strings.CutPrefix(p.URL, "https://")
		if !ok || host == "" || len(p.URL) > 255 || len(p.ClientIDs) == 0 || len(p.ClientIDs) > 100 || s.providers[p.URL] != nil {
			return nil, fmt.Errorf("fakeaws: provider %q: it needs an https URL that no other has, and 1 to 100 client IDs", p.URL)
		}
		s.providers[p.URL] = &p
	}
	for _, r := range cfg.Roles {
		made, err := s.newRole(r)
		if err != nil {
			return nil, fmt.Errorf("fakeaws: role %q: %w", r.Name, err)
		}
		s.roles[made.arn] = made
	}
	return s, nil
}

func (s *Server) newRole(r Role) (*role, error) {
	if !rolePattern.MatchString(r.Name) {
		return nil, fmt.Errorf("not a role name")
	}
	if r.MaxSession == 0 {
		r.MaxSession = time.Hour
	}
	if r.MaxSession < time.Hour || r.MaxSession > 12*time.Hour {
		return nil, fmt.Errorf("MaxSession %v is not between 1 and 12 hours", r.MaxSession)
	}
	policy, err := parseTrustPolicy(r.TrustPolicy)
	if err != nil {
		return nil, err
	}
	made := &role{Role: r, arn: "arn:aws:iam::" + s.account + ":role/" + r.Name, id: "AROA" + randomID(), policy: policy}
	if s.roles[made.arn] != nil {
		return nil, fmt.Errorf("there are two of it")
	}
	return made, nil
}

// providerARN returns the ARN of p, which trust policies name.
func (s *Server) providerARN(p *Provider) string {
	return "arn:aws:iam::" + s.account + ":oidc-provider/" + strings.TrimPrefix(p.URL, "https://")
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q, err := readQuery(w, r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "MalformedQueryString", "The request is not a readable form.")
		return
	}
	action := q.form.Get("Action")
	s.mu.Lock()
	s.requests[action]++
	misbehave := s.misbehave
	s.mu.Unlock()
	if misbehave != nil && misbehave(action, w, r) {
		return
	}
	version := q.form.Get("Version")
	switch {
	case version == apiVersion && action == AssumeRoleWithWebIdentity:
		s.assumeRoleWithWebIdentity(w, q)
	case version == apiVersion && action == GetCallerIdentity:
		s.getCallerIdentity(w, q)
	default:
		refuse(w, http.StatusBadRequest, "InvalidAction", fmt.Sprintf("Could not find operation %s for version %s", action, version))
	}
}

// Requests returns how many requests for action came, those that
// [Server.Misbehave] took included.
func (s *Server) Requests(action string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[action]
}

// Misbehave lets h answer requests in the server's place: every one for which
// it returns true. Nil ends that. The body is read by then.
func (s *Server) Misbehave(h func(action string, w http.ResponseWriter, r *http.Request) (handled bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.misbehave = h
}
