package oidc

import (
	"context"
	"crypto"
	"errors"
	"fmt"

	"github.com/cioidc/cioidc/internal/jose"
)

// Algorithm is a JWS signature algorithm (RFC 7518 section 3.1, RFC 8037
// section 3.1). There is no "none" and nothing with a shared secret.
type Algorithm string

// The algorithms that tokens may be signed with. GitLab and CircleCI use RS256.
const (
	RS256 Algorithm = jose.RS256 // RSASSA-PKCS1-v1_5 with SHA-256, 2048 to 8192 bits
	ES256 Algorithm = jose.ES256 // ECDSA on P-256 with SHA-256
	EdDSA Algorithm = jose.EdDSA // Ed25519
)

// Key is a public signature key.
type Key struct {
	// ID is the key ID (kid) by which tokens name the key. Required.
	ID string
	// Algorithm is the one algorithm that the key verifies. Required.
	Algorithm Algorithm
	// Public is an *[rsa.PublicKey], an *[ecdsa.PublicKey] on P-256 or an
	// [ed25519.PublicKey], as Algorithm demands. Required.
	Public crypto.PublicKey
}

// KeySet supplies public keys. Implementations must be safe for concurrent use.
type KeySet interface {
	// Keys returns the keys with the given key ID, which is not empty. None and
	// no error means that the issuer has no such key, and the token is refused.
	// An error means that this cannot be said now; one that is not an
	// *[UnavailableError] is wrapped in one.
	Keys(ctx context.Context, keyID string) ([]Key, error)
}

// maxKeysPerID bounds what one token can cost where an issuer publishes several
// keys under one ID.
const maxKeysPerID = 4

// StaticKeySet is a fixed [KeySet], for pinned keys and networks without a way
// to the issuer.
type StaticKeySet []Key

// ParseKeySet parses a JSON Web Key Set (RFC 7517 section 5). Keys that it
// cannot use are left out: those of another type, size, curve or algorithm,
// those of a kind that can be factored, those for encryption, those without a
// kid, and those that are malformed. A set of which nothing is left is an error
// that says why.
func ParseKeySet(jwks []byte) (StaticKeySet, error) {
	set, _, err := parseKeySet(jwks)
	return set, err
}

// parseKeySet is ParseKeySet, and tells which keys were left out.
func parseKeySet(jwks []byte) (StaticKeySet, []jose.Skipped, error) {
	keys, skipped, err := jose.ParseKeySet(jwks)
	if err != nil {
		return nil, nil, fmt.Errorf("oidc: %w", err)
	}
	set := make(StaticKeySet, 0, len(keys))
	for _, k := range keys {
		if k.ID == "" {
			skipped = append(skipped, jose.Skipped{Index: k.Index, Reason: "it has no kid"})
			continue
		}
		set = append(set, Key{ID: k.ID, Algorithm: Algorithm(k.Algorithm), Public: k.Public})
	}
	if len(set) > 0 {
		return set, skipped, nil
	}
	if len(skipped) == 0 {
		return nil, nil, errors.New("oidc: the key set is empty")
	}
	return nil, nil, fmt.Errorf("oidc: the key set has no usable key; of key %d: %s", skipped[0].Index, skipped[0].Reason)
}

// Keys returns the keys of s whose ID is keyID. It does no I/O and never fails.
func (s StaticKeySet) Keys(_ context.Context, keyID string) ([]Key, error) {
	var found []Key
	for _, k := range s {
		if k.ID == keyID {
			found = append(found, k)
		}
	}
	return found, nil
}

var _ KeySet = StaticKeySet(nil)

// check refuses a set that could not verify anything, so that the mistake shows
// when the verifier is made and not when the first token comes.
func (s StaticKeySet) check() error {
	if len(s) == 0 {
		return errors.New("the static key set is empty")
	}
	for i, k := range s {
		if k.ID == "" {
			return fmt.Errorf("key %d of the static key set has no ID", i)
		}
		if err := jose.CheckNewKey(string(k.Algorithm), k.Public); err != nil {
			return fmt.Errorf("key %d of the static key set: %w", i, err)
		}
	}
	return nil
}
