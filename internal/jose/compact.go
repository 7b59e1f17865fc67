package jose

import (
	"errors"

	"github.com/cioidc/cioidc/internal/compact"
)

// ErrUnknownKey: the key set has no usable key for the token.
var ErrUnknownKey = errors.New("no usable key for this token")

// maxTried is how many keys a token may have tried: as many as package oidc
// tries of those with the token's kid.
const maxTried = 4

// VerifyCompact checks raw, a JWS in compact form, with the keys of a JSON Web
// Key Set and returns its payload, whatever that holds. A token with a kid is
// checked with the keys of that ID, one without with all that fit its alg, at
// most four in either case.
//
// It is scaffolding for tests and not called by the library: published vectors
// and examples, whose payloads are no claims and whose keys have no issuer,
// reach through it the functions that package oidc verifies tokens with.
//
// The error is or wraps compact.ErrMalformed, compact.ErrUnsupported,
// [ErrUnknownKey] or [ErrSignature], or tells of a text that is no key set.
func VerifyCompact(raw string, jwks []byte) ([]byte, error) {
	parts, err := compact.SplitJWS(raw)
	if err != nil {
		return nil, err
	}
	payload, err := compact.Decode("payload", parts.Payload)
	if err != nil {
		return nil, err
	}
	signature, err := compact.Decode("signature", parts.Signature)
	if err != nil {
		return nil, err
	}
	header, err := compact.ParseHeader(parts.Header)
	if err != nil {
		return nil, err
	}
	if !Supported(header.Algorithm) {
		return nil, &compact.Error{Kind: compact.ErrUnsupported, Detail: "alg is not one of RS256, ES256 and EdDSA"}
	}
	keys, _, err := ParseKeySet(jwks)
	if err != nil {
		return nil, err
	}
	v, err := NewVerifier()
	if err != nil {
		return nil, err
	}
	tried := 0
	for _, k := range keys {
		if k.Algorithm != header.Algorithm || header.KeyID != "" && k.ID != header.KeyID {
			continue
		}
		if tried++; tried > maxTried {
			break
		}
		if v.Verify(k.Algorithm, k.Public, []byte(parts.SigningInput), signature) == nil {
			return payload, nil
		}
	}
	if tried == 0 {
		return nil, ErrUnknownKey
	}
	return nil, ErrSignature
}
