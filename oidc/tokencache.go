package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"sync"

	"github.com/cioidc/cioidc/claims"
)

// tokenCache remembers tokens whose signature was verified, by the SHA-256 of
// their exact bytes; a token has one spelling, since only canonical base64url
// is accepted. It saves reading the token and checking its signature. All else
// is checked again each time: that the key is still in the issuer's set, the
// times, and whatever the configuration decides.
type tokenCache struct {
	shards []cacheShard
}

// cacheShard is a part of the cache with a lock of its own. Its entries are a
// ring in the order in which they came. To find one changes nothing but its
// mark, and that only once: processors that verify the same tokens then do not
// wait for each other's memory.
type cacheShard struct {
	mu      sync.Mutex
	most    int
	entries map[[sha256.Size]byte]*cachedToken
	oldest  *cachedToken // nil if there are none
	_       [cacheLine - 32]byte
}

// cacheLine is at least what processors exchange at once, twice that where they
// fetch lines in pairs.
const cacheLine = 128

// cachedToken is what is kept of a verified token. Only its mark and its links
// change, under the shard's lock.
type cachedToken struct {
	issuer     *issuer
	key        Key
	claims     claims.Model
	sum        [sha256.Size]byte
	used       bool // since it came, or since it was last spared
	prev, next *cachedToken
}

// maxCacheShards keeps the locks from being fought over; a cache so small that
// a shard would hold only a few tokens has one.
const maxCacheShards = 16

func newTokenCache(entries int) *tokenCache {
	n := maxCacheShards
	if entries < 16*maxCacheShards {
		n = 1
	}
	c := &tokenCache{shards: make([]cacheShard, n)}
	for i := range c.shards {
		s := &c.shards[i]
		s.most = entries / n
		s.entries = make(map[[sha256.Size]byte]*cachedToken)
	}
	return c
}

func (c *tokenCache) shard(sum *[sha256.Size]byte) *cacheShard {
	return &c.shards[int(sum[0])%len(c.shards)]
}

// get returns what is kept of a token, or nil.
func (c *tokenCache) get(sum *[sha256.Size]byte) *cachedToken {
	s := c.shard(sum)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[*sum]
	if e != nil && !e.used {
		e.used = true
	}
	return e
}

// put keeps e in place of the oldest entry that was not used lately.
func (c *tokenCache) put(e *cachedToken) {
	s := c.shard(&e.sum)
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.entries[e.sum]; old != nil {
		e.used = old.used
		s.remove(old)
	} else if len(s.entries) >= s.most {
		for s.oldest.used { // ends, at the latest with the first one spared
			s.oldest.used = false
			s.oldest = s.oldest.next
		}
		s.remove(s.oldest)
	}
	s.entries[e.sum] = e
	if s.oldest == nil {
		s.oldest, e.prev, e.next = e, e, e
		return
	}
	e.prev, e.next = s.oldest.prev, s.oldest
	e.prev.next, e.next.prev = e, e
}

// drop forgets e.
func (c *tokenCache) drop(e *cachedToken) {
	s := c.shard(&e.sum)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries[e.sum] == e {
		s.remove(e)
	}
}

func (s *cacheShard) remove(e *cachedToken) {
	delete(s.entries, e.sum)
	if s.oldest == e {
		s.oldest = e.next
	}
	if s.oldest == e { // the only one
		s.oldest = nil
	}
	e.prev.next, e.next.prev = e.next, e.prev
	e.prev, e.next = nil, nil
}

// among returns the key of keys that is k, if there is one.
func (k *Key) among(keys []Key) (*Key, bool) {
	for i := range keys {
		if keys[i].is(k) {
			return &keys[i], true
		}
	}
	for i := range keys {
		if keys[i].equal(k) {
			return &keys[i], true
		}
	}
	return nil, false
}

// is reports whether k and other are the same key in memory.
func (k *Key) is(other *Key) bool {
	if k.ID != other.ID || k.Algorithm != other.Algorithm {
		return false
	}
	switch public := k.Public.(type) {
	case *rsa.PublicKey:
		same, ok := other.Public.(*rsa.PublicKey)
		return ok && same == public
	case *ecdsa.PublicKey:
		same, ok := other.Public.(*ecdsa.PublicKey)
		return ok && same == public
	case ed25519.PublicKey:
		return public.Equal(other.Public)
	}
	return false
}

// equal reports whether k and other are the same key by value: each fetch makes
// keys anew.
func (k *Key) equal(other *Key) bool {
	public, ok := k.Public.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.ID == other.ID && k.Algorithm == other.Algorithm && public.Equal(other.Public)
}
