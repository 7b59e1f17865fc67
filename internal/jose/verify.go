// Package jose is this module's one use of github.com/lestrrat-go/jwx/v2: it
// parses public keys and checks raw signatures with it. Bytes and standard
// library keys go in and out, so that a newer major version of jwx changes this
// package and no other.
//
// Nothing else of jwx is used, its JWT and key-set handling in particular; a
// test holds the module to that. What a token or a key must look like is
// checked here and in internal/compact, before jwx sees it.
package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// The algorithms that this module verifies (RFC 7518 section 3.1, RFC 8037).
const (
	RS256 = "RS256"
	ES256 = "ES256"
	EdDSA = "EdDSA"
)

// Limits of an RSA key. Above 8192 bits a check costs so much that the key set
// could be used to exhaust the verifier.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

var errExponent = errors.New("the RSA key's exponent is not an odd number from 3 to 2^31-1")

// ErrSignature: the key did not make this signature.
var ErrSignature = errors.New("the signature does not match")

// Verifier checks signatures of the supported algorithms. The zero value is not
// usable; make one with [NewVerifier] and keep it.
type Verifier struct{ rs256, es256, eddsa jws.Verifier }

// NewVerifier returns a Verifier.
func NewVerifier() (*Verifier, error) {
	var v Verifier
	for alg, slot := range map[jwa.SignatureAlgorithm]*jws.Verifier{
		jwa.RS256: &v.rs256, jwa.ES256: &v.es256, jwa.EdDSA: &v.eddsa,
	} {
		made, err := jws.NewVerifier(alg)
		if err != nil {
			return nil, fmt.Errorf("jose: %w", err)
		}
		*slot = made
	}
	return &v, nil
}

// Verify checks that signature is that of input by alg and key. The key must
// be one that [CheckKey] accepts for alg. The error is [ErrSignature].
func (v *Verifier) Verify(alg string, key crypto.PublicKey, input, signature []byte) error {
	var verifier jws.Verifier
	switch alg {
	case RS256:
		verifier = v.rs256
	case ES256:
		// RFC 7518 section 3.4: two 32-byte numbers, whatever their value.
		if len(signature) != 64 {
			return ErrSignature
		}
		verifier = v.es256
	case EdDSA:
		if len(signature) != ed25519.SignatureSize {
			return ErrSignature
		}
		verifier = v.eddsa
	default:
		return ErrSignature
	}
	if err := verifier.Verify(input, signature, key); err != nil {
		return ErrSignature
	}
	return nil
}

// Supported reports whether alg is one of this package's algorithms.
func Supported(alg string) bool { return alg == RS256 || alg == ES256 || alg == EdDSA }

// CheckKey returns nil if key is fit to verify signatures of alg: of that
// algorithm's type, curve and size.
func CheckKey(alg string, key crypto.PublicKey) error {
	switch k := key.(type) {
	case *rsa.PublicKey:
		switch {
		case alg != RS256:
			return fmt.Errorf("an RSA key does not verify %s", alg)
		case k == nil || k.N == nil || k.N.Sign() <= 0:
			return errors.New("the RSA key has no modulus")
		case k.N.BitLen() < minRSABits || k.N.BitLen() > maxRSABits:
			return fmt.Errorf("the RSA key has %d bits; %d to %d are accepted", k.N.BitLen(), minRSABits, maxRSABits)
		case k.N.Bit(0) == 0:
			return errors.New("the RSA key's modulus is even")
		case k.E < 3 || k.E > 1<<31-1 || k.E%2 == 0:
			return errExponent
		}
		return nil
	case *ecdsa.PublicKey:
		switch {
		case alg != ES256:
			return fmt.Errorf("an EC key does not verify %s", alg)
		case k == nil || k.Curve != elliptic.P256():
			return errors.New("the EC key is not on curve P-256")
		}
		if _, err := k.ECDH(); err != nil {
			return errors.New("the EC key is not a point of its curve")
		}
		return nil
	case ed25519.PublicKey:
		switch {
		case alg != EdDSA:
			return fmt.Errorf("an Ed25519 key does not verify %s", alg)
		case len(k) != ed25519.PublicKeySize:
			return fmt.Errorf("the Ed25519 key has %d bytes, not %d", len(k), ed25519.PublicKeySize)
		}
		return nil
	}
	return fmt.Errorf("a key of type %T is not accepted", key)
}
