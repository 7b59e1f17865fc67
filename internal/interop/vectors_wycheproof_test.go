package interop

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/compact"
	"github.com/cioidc/cioidc/internal/jose"
)

// vector is one test of Wycheproof, with the key set of its group.
type vector struct {
	id      int
	comment string
	valid   bool
	raw     string
	keys    []byte
}

// vectors returns the tests of a file by their tcId.
func vectors(t *testing.T, name string) map[int]vector {
	t.Helper()
	data, err := fs.ReadFile(wycheproof.TestVectors, name)
	require.NoError(t, err)
	var file struct {
		NumberOfTests int
		TestGroups    []struct {
			Public, Private json.RawMessage
			Tests           []struct {
				ID       int `json:"tcId"`
				Comment  string
				Result   string
				JWS, JWE json.RawMessage
			}
		}
	}
	require.NoError(t, json.Unmarshal(data, &file))
	all := make(map[int]vector, file.NumberOfTests)
	for _, g := range file.TestGroups {
		keys := g.Public
		if keys == nil {
			keys = g.Private
		}
		var set struct{ Keys json.RawMessage }
		require.NoError(t, json.Unmarshal(keys, &set))
		if set.Keys == nil {
			keys = slices.Concat([]byte(`{"keys":[`), keys, []byte(`]}`))
		}
		for _, c := range g.Tests {
			require.Contains(t, []string{"valid", "invalid"}, c.Result)
			text := c.JWS
			if text == nil {
				text = c.JWE
			}
			v := vector{id: c.ID, comment: c.Comment, valid: c.Result == "valid", keys: keys}
			if json.Unmarshal(text, &v.raw) != nil {
				v.raw = string(text) // JSON serialization
			}
			all[c.ID] = v
		}
	}
	require.Len(t, all, file.NumberOfTests)
	return all
}

// kindOf names the kind of an error of VerifyCompact.
func kindOf(err error) string {
	kinds := map[string]error{
		"malformed": compact.ErrMalformed, "unsupported": compact.ErrUnsupported,
		"unknown key": jose.ErrUnknownKey, "signature": jose.ErrSignature,
	}
	for name, kind := range kinds {
		if errors.Is(err, kind) {
			return name
		}
	}
	return "none of the kinds"
}

// headerAlgorithm returns the alg of a token, spelled as badly as it may be.
func headerAlgorithm(raw string) string {
	part, _, _ := strings.Cut(raw, ".")
	letters := strings.Map(func(r rune) rune {
		if strings.ContainsRune("?!@#$%^&*() \t\r\n=", r) {
			return -1
		}
		return r
	}, part)
	text, _ := base64.RawURLEncoding.DecodeString(letters)
	var h struct {
		Alg string `json:"alg"`
	}
	_ = json.Unmarshal(text, &h)
	return h.Alg
}

// refused are vectors marked valid that are not accepted here: the kind of the
// error, the token's alg, and the vectors' tcIds. RSASSA-PSS, SHA-384, SHA-512
// and P-521 are not among the algorithms of this module; HMAC and encryption
// have no place where the keys are public.
type refused map[string]map[string][]int

func TestVectorsOfWycheproof(t *testing.T) {
	for name, want := range map[string]struct {
		accepted []int
		refused  refused
		kinds    map[string]int // of the vectors marked invalid
	}{
		"json_web_signature_test.json": {
			accepted: []int{18, 33, 259, 260, 261, 262, 263, 345, 349, 378},
			refused: refused{
				"unsupported": {
					"HS256": {1, 348, 352, 357, 358, 359, 376, 377},
					"RS384": {264, 265, 266, 267},
					"RS512": {268, 269, 270, 271},
					"PS256": {272, 273, 274, 275, 287, 288},
					"PS384": {320, 321, 322, 323, 346, 350},
					"PS512": {325, 326, 327, 328},
					"ES512": {347, 351},
				},
				// A question mark stands in the header or the payload, where
				// base64url has none.
				"malformed": {"HS256": {372, 373}},
			},
			kinds: map[string]int{"malformed": 39, "unsupported": 67, "unknown key": 7, "signature": 242},
		},
		"json_web_key_test.json": {
			accepted: []int{5},
			refused:  refused{"unsupported": {"HS256": {2, 13}, "HS384": {14}, "HS512": {15}}},
			kinds:    map[string]int{"unsupported": 11, "unknown key": 10},
		},
		"json_web_crypto_test.json": {
			accepted: []int{18, 33},
			refused:  refused{"unsupported": {"HS256": {1, 48}, "A256KW": {50}, "ECDH-ES+A128KW": {67}}},
			kinds:    map[string]int{"malformed": 41, "unsupported": 27, "unknown key": 3, "signature": 6},
		},
	} {
		t.Run(name, func(t *testing.T) {
			all := vectors(t, name)
			var accepted []int
			got, kinds := refused{}, map[string]int{}
			for _, id := range slices.Sorted(maps.Keys(all)) {
				v := all[id]
				payload, err := jose.VerifyCompact(v.raw, v.keys)
				if err == nil {
					accepted = append(accepted, id)
					assert.True(t, v.valid, "%d, %s", id, v.comment)
					sent, err := base64.RawURLEncoding.DecodeString(strings.Split(v.raw, ".")[1])
					assert.NoError(t, err)
					assert.Equal(t, string(sent), string(payload))
					continue
				}
				assert.Nil(t, payload)
				kind := kindOf(err)
				if !v.valid {
					kinds[kind]++
					continue
				}
				alg := headerAlgorithm(v.raw)
				if got[kind] == nil {
					got[kind] = map[string][]int{}
				}
				got[kind][alg] = append(got[kind][alg], id)
			}
			assert.Equal(t, want.accepted, accepted)
			assert.Equal(t, want.refused, got)
			assert.Equal(t, want.kinds, kinds)
			t.Logf("%d vectors; accepted: %v", len(all), accepted)
			for _, kind := range slices.Sorted(maps.Keys(got)) {
				for _, alg := range slices.Sorted(maps.Keys(got[kind])) {
					t.Logf("marked valid, refused as %s: %s: %v", kind, alg, got[kind][alg])
				}
			}
			for _, kind := range slices.Sorted(maps.Keys(kinds)) {
				t.Logf("marked invalid, refused as %s: %d vectors", kind, kinds[kind])
			}
		})
	}
}

// The one refusal of a vector that its key's strength decides is made by the
// structure of the key's primes: its length is one that is accepted.
func TestVectorsOfWycheproofRefuseStructuredPrimes(t *testing.T) {
	for name, id := range map[string]int{"json_web_key_test.json": 7, "json_web_crypto_test.json": 46} {
		v := vectors(t, name)[id]
		require.NotEmpty(t, v.raw)
		_, err := jose.VerifyCompact(v.raw, v.keys)
		assert.ErrorIs(t, err, jose.ErrUnknownKey)
		keys, skipped, err := jose.ParseKeySet(v.keys)
		require.NoError(t, err)
		assert.Empty(t, keys)
		require.Len(t, skipped, 1)
		assert.Contains(t, skipped[0].Reason, "primes with a structure")
		// But for that it would do: its size is accepted, and it made the signature.
		key := rsaOf(t, v.keys)
		require.NoError(t, jose.CheckKey(jose.RS256, key))
		parts, err := compact.Split(v.raw)
		require.NoError(t, err)
		signature, err := compact.Decode("signature", parts.Signature)
		require.NoError(t, err)
		verifier, err := jose.NewVerifier()
		require.NoError(t, err)
		assert.NoError(t, verifier.Verify(jose.RS256, key, []byte(parts.SigningInput), signature))
	}
}

func rsaOf(t *testing.T, jwks []byte) *rsa.PublicKey {
	t.Helper()
	var set struct {
		Keys []struct{ N, E string }
	}
	if json.Unmarshal(jwks, &set) != nil || len(set.Keys) != 1 {
		t.Fatalf("not a set of one key: %s", jwks)
	}
	n, err := base64.RawURLEncoding.DecodeString(set.Keys[0].N)
	require.NoError(t, err)
	require.Equal(t, "AQAB", set.Keys[0].E)
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537}
}
