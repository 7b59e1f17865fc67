package oidc_test

import (
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// A token whose text can be changed so that it stays valid would be used twice.
// Of the three algorithms ES256 leaves such a choice: s or n-s.
func TestReplayOfASignatureInAnotherForm(t *testing.T) {
	resign := func(raw string, f func(signature []byte) []byte) string {
		i := strings.LastIndexByte(raw, '.') + 1
		signature, err := base64.RawURLEncoding.DecodeString(raw[i:])
		require.NoError(t, err)
		return raw[:i] + base64.RawURLEncoding.EncodeToString(f(signature))
	}
	t.Run("ES256", func(t *testing.T) {
		s := new(askedStore)
		d := newDesk(t, oidc.ES256)
		trusted := oidc.IssuerOf[claims.Registered](d.issuer.URL())
		trusted.Algorithms = []oidc.Algorithm{oidc.ES256}
		v := must(t, oidc.Config{
			Issuers: []oidc.Issuer{trusted}, Audiences: []string{audience}, HTTPClient: oidctest.Client(d.issuer),
			Now: func() time.Time { return d.now }, Replay: s,
		})
		raw := d.issuer.Sign(d.claims(nil))
		other := resign(raw, func(signature []byte) []byte {
			n := elliptic.P256().Params().N
			return append(signature[:32:32], new(big.Int).Sub(n, new(big.Int).SetBytes(signature[32:])).FillBytes(make([]byte, 32))...)
		})
		require.NotEqual(t, raw, other)
		_, err := d.v.Verify(t.Context(), other)
		require.NoError(t, err, "it is as valid as the first")
		_, err = v.Verify(t.Context(), raw)
		require.NoError(t, err)
		_, err = v.Verify(t.Context(), other)
		requireReplayed(t, err)
		_, err = v.Verify(t.Context(), d.issuer.Sign(d.claims(withClaim("sub", "another"))))
		require.NoError(t, err)
	})
	t.Run("EdDSA", func(t *testing.T) {
		d := newDesk(t, oidc.EdDSA)
		order, ok := new(big.Int).SetString("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed", 16)
		require.True(t, ok)
		_, err := d.v.Verify(t.Context(), resign(d.issuer.Sign(d.claims(nil)), func(signature []byte) []byte {
			s := slices.Clone(signature[32:])
			slices.Reverse(s) // RFC 8032 writes the lowest byte first.
			s = new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(s)
			slices.Reverse(s)
			return append(signature[:32:32], s...)
		}))
		requireToken(t, err, oidc.ErrSignature)
	})
	t.Run("RS256", func(t *testing.T) {
		issuer, v := bench(t)
		keys, err := oidc.ParseKeySet(issuer.JWKS())
		require.NoError(t, err)
		var n *big.Int
		for _, k := range keys {
			if k.ID == issuer.KeyID() {
				n = k.Public.(*rsa.PublicKey).N
			}
		}
		require.NotNil(t, n)
		fits := false
		for i := 0; !fits; i++ {
			raw := issuer.GitLab(audience, withClaim("i", i))
			other := resign(raw, func(signature []byte) []byte {
				sum := new(big.Int).Add(new(big.Int).SetBytes(signature), n)
				if fits = sum.BitLen() <= 8*len(signature); fits {
					return sum.FillBytes(make([]byte, len(signature)))
				}
				return signature
			})
			if fits {
				_, err := v.Verify(t.Context(), other)
				requireToken(t, err, oidc.ErrSignature)
			}
		}
	})
}
