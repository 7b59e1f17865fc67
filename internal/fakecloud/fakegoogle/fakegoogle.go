// Package fakegoogle is a Google Cloud in miniature: the Security Token
// Service, the IAM Credentials API, and enough of the Cloud Storage JSON API to
// have something worth guarding.
//
// It refuses what Google refuses. A CI token is accepted only with a valid
// signature of its issuer, for an allowed audience, within its time, and if
// the provider's mapping and condition hold; a service account is impersonated
// only by a principal that is bound to it; an object is read only with an
// access token that this server issued, by a member of the bucket. The texts
// of refusals that Google documents or that its users report are Google's; the
// others are this package's own sentences.
//
// One [Server] answers for all hosts, by path, so that one listener, or
// [Server.Client] without any, is all of Google.
package fakegoogle

import (
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/cioidc/cioidc/internal/fakecloud/relyingparty"
)

// Config describes what exists in this cloud.
type Config struct {
	// Providers are the workload identity pool providers. Nil means none.
	Providers []Provider
	// ServiceAccounts are the accounts that can be impersonated. Nil means none.
	ServiceAccounts []ServiceAccount
	// Buckets are the storage buckets. Nil means none.
	Buckets []Bucket
	// Issuer is the iss of the ID tokens of service accounts. Empty means
	// https://accounts.google.com.
	Issuer string
	// Fetch reaches the issuers of CI tokens. Nil means [http.DefaultClient].
	Fetch *http.Client
	// Now returns the current time. Nil means [time.Now].
	Now func() time.Time
}

// Endpoint names one of the server's endpoints.
type Endpoint string

// The endpoints that [Server.Requests] counts.
const (
	Token               Endpoint = "token"
	Introspect          Endpoint = "introspect"
	GenerateAccessToken Endpoint = "generateAccessToken"
	GenerateIDToken     Endpoint = "generateIdToken"
	SignBlob            Endpoint = "signBlob"
	SignJWT             Endpoint = "signJwt"
	Storage             Endpoint = "storage"
	Keys                Endpoint = "keys"
	Unknown             Endpoint = "unknown"
)

// Server is the cloud. It is an [http.Handler] and safe for concurrent use.
type Server struct {
	providers map[string]*Provider
	accounts  map[string]*ServiceAccount
	buckets   map[string]*Bucket
	issuer    string
	party     *relyingparty.Party
	now       func() time.Time
	mux       *http.ServeMux
	grants    grants
	keys      keyring

	uploads sync.RWMutex // guards the Objects of all buckets

	mu        sync.Mutex
	requests  map[Endpoint]int
	misbehave func(Endpoint, http.ResponseWriter, *http.Request) bool
}

var _ http.Handler = (*Server)(nil)

// New returns a server. It fails for a Config that Google would not accept: an
// incomplete or doubled resource, or one over the documented limits.
func New(cfg Config) (*Server, error) {
	s := &Server{
		providers: map[string]*Provider{},
		accounts:  map[string]*ServiceAccount{},
		buckets:   map[string]*Bucket{},
		issuer:    cfg.Issuer,
		now:       cfg.Now,
		mux:       http.NewServeMux(),
		requests:  map[Endpoint]int{},
	}
	if s.issuer == "" {
		s.issuer = "https://accounts.google.com"
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.party = &relyingparty.Party{HTTPClient: cfg.Fetch, Now: s.now}
	for _, p := range cfg.Providers {
		if err := p.check(); err != nil {
			return nil, err
		}
		if s.providers[p.Name()] != nil {
			return nil, fmt.Errorf("fakegoogle: two providers named %s", p.Name())
		}
		s.providers[p.Name()] = &p
	}
	for _, a := range cfg.ServiceAccounts {
		if a.Email == "" || s.accounts[a.Email] != nil {
			return nil, fmt.Errorf("fakegoogle: service account %q is unnamed or doubled", a.Email)
		}
		s.accounts[a.Email] = &a
	}
	for _, b := range cfg.Buckets {
		if b.Name == "" || s.buckets[b.Name] != nil {
			return nil, fmt.Errorf("fakegoogle: bucket %q is unnamed or doubled", b.Name)
		}
		b.Objects = maps.Clone(b.Objects) // uploads change it
		if b.Objects == nil {
			b.Objects = map[string][]byte{}
		}
		s.buckets[b.Name] = &b
	}
	s.routes()
	return s, nil
}

func (s *Server) routes() {
	handle := func(pattern string, e Endpoint, h http.HandlerFunc) {
		s.mux.Handle(pattern, s.counted(e, h))
	}
	handle("POST /v1/token", Token, s.token)
	handle("POST /v1/introspect", Introspect, s.introspect)
	s.mux.HandleFunc("POST /v1/projects/{project}/serviceAccounts/{call}", s.serviceAccount)
	handle("GET /storage/v1/b/{bucket}", Storage, s.bucket)
	handle("GET /storage/v1/b/{bucket}/o", Storage, s.objects)
	handle("GET /storage/v1/b/{bucket}/o/{object}", Storage, s.object)
	handle("GET /download/storage/v1/b/{bucket}/o/{object}", Storage, s.object)
	handle("POST /upload/storage/v1/b/{bucket}/o", Storage, s.upload)
	handle("GET /oauth2/v3/certs", Keys, s.googleKeys)
	handle("GET /service_accounts/v1/jwk/{email}", Keys, s.accountKeys)
	handle("/", Unknown, func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "NOT_FOUND", "Method not found.")
	})
}

func (s *Server) counted(e Endpoint, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests[e]++
		misbehave := s.misbehave
		s.mu.Unlock()
		if misbehave != nil && misbehave(e, w, r) {
			return
		}
		h(w, r)
	}
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Requests returns how many requests reached e, those that [Server.Misbehave]
// took included.
func (s *Server) Requests(e Endpoint) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[e]
}

// Misbehave lets h answer requests in the server's place: every one for which
// it returns true. Nil ends that.
func (s *Server) Misbehave(h func(e Endpoint, w http.ResponseWriter, r *http.Request) (handled bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.misbehave = h
}
