package fakegoogle

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// grant is what an issued access token stands for.
type grant struct {
	principal string   // whom refusals name
	members   []string // every binding member that the bearer satisfies
	scopes    []string
	issued    time.Time
	expires   time.Time
}

const cloudPlatform = "https://www.googleapis.com/auth/cloud-platform"

func (g *grant) scoped(any ...string) bool {
	return slices.Contains(g.scopes, cloudPlatform) || overlap(g.scopes, any)
}

// grants are the access tokens that are still valid.
type grants struct {
	mu      sync.Mutex
	byToken map[string]*grant
}

// issue returns a new access token for g. The prefix tells Google's kinds of
// access token apart: "ya29.d." is a federated one, "ya29.c." a service
// account's.
func (gs *grants) issue(prefix string, g *grant) string {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	if gs.byToken == nil {
		gs.byToken = map[string]*grant{}
	}
	for token, old := range gs.byToken {
		if !g.issued.Before(old.expires) {
			delete(gs.byToken, token)
		}
	}
	token := prefix + random(48)
	gs.byToken[token] = g
	return token
}

func (gs *grants) find(token string, now time.Time) *grant {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	g := gs.byToken[token]
	if g == nil || !now.Before(g.expires) {
		return nil
	}
	return g
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand, since Go 1.24)
	return base64.RawURLEncoding.EncodeToString(b)
}

// bearer returns the grant of the request's access token, and whether the
// request had one at all.
func (s *Server) bearer(r *http.Request) (g *grant, present bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return nil, false
	}
	return s.grants.find(token, s.now()), true
}
