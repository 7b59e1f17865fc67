package interop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"
	gojose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/jose"
)

// keysAgree asserts that the keys taken from a set are read alike by go-jose and
// by the standard library, and returns how many there are.
func keysAgree(t testing.TB, set []byte) int {
	t.Helper()
	keys, _, err := jose.ParseKeySet(set)
	if err != nil {
		return 0
	}
	var plain struct {
		Keys []json.RawMessage `json:"keys"`
	}
	require.NoError(t, json.Unmarshal(set, &plain))
	for _, k := range keys {
		require.Less(t, k.Index, len(plain.Keys))
		text := plain.Keys[k.Index]
		var members map[string]any
		require.NoError(t, json.Unmarshal(text, &members))
		kid, _ := members["kid"].(string)
		require.Equal(t, kid, k.ID)
		require.Contains(t, []any{nil, k.Algorithm}, members["alg"])
		require.Contains(t, []any{nil, "sig"}, members["use"])
		require.NotContains(t, members, "d")
		byStandard, err := standardKey(members)
		require.NoError(t, err, "%s", text)
		require.True(t, byStandard.(interface{ Equal(crypto.PublicKey) bool }).Equal(k.Public), "%s", text)
		// go-jose reads members that belong to other types of key, and certificates.
		for name := range members {
			if !slices.Contains([]string{"kty", "crv", "kid", "alg", "use", "n", "e", "x", "y"}, name) || members["kty"] != "RSA" && (name == "n" || name == "e") ||
				members["kty"] == "RSA" && (name == "x" || name == "y" || name == "crv") || members["kty"] == "OKP" && name == "y" {
				delete(members, name)
			}
		}
		own, err := json.Marshal(members)
		require.NoError(t, err)
		var byGoJOSE gojose.JSONWebKey
		require.NoError(t, byGoJOSE.UnmarshalJSON(own), "%s", text)
		require.True(t, byGoJOSE.Valid(), "%s", text)
		require.True(t, byGoJOSE.Key.(interface{ Equal(crypto.PublicKey) bool }).Equal(k.Public), "%s", text)
		require.Equal(t, k.ID, byGoJOSE.KeyID)
	}
	return len(keys)
}

// standardKey makes the public key that RFC 7518 section 6 and RFC 8037 section
// 2 describe.
func standardKey(members map[string]any) (crypto.PublicKey, error) {
	number := func(name string) []byte {
		s, _ := members[name].(string)
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			return nil
		}
		return b
	}
	crv := members["crv"]
	switch kty := members["kty"]; {
	case kty == "RSA":
		e := new(big.Int).SetBytes(number("e"))
		return &rsa.PublicKey{N: new(big.Int).SetBytes(number("n")), E: int(e.Int64())}, nil
	case kty == "EC" && crv == "P-256":
		x, y := number("x"), number("y")
		if len(x) != 32 || len(y) != 32 {
			return nil, fmt.Errorf("coordinates of %d and %d bytes", len(x), len(y))
		}
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	case kty == "OKP" && crv == "Ed25519":
		return ed25519.PublicKey(number("x")), nil
	}
	return nil, fmt.Errorf("kty %v, crv %v", members["kty"], crv)
}

// differentialKeySets returns the sets of Wycheproof's groups, each key on its
// own and all of them together.
func differentialKeySets(t testing.TB) []string {
	t.Helper()
	var sets, all []string
	for _, name := range []string{"json_web_signature_test.json", "json_web_key_test.json", "json_web_crypto_test.json"} {
		data, err := fs.ReadFile(wycheproof.TestVectors, name)
		require.NoError(t, err)
		var file struct {
			TestGroups []struct{ Public, Private json.RawMessage }
		}
		require.NoError(t, json.Unmarshal(data, &file))
		for _, g := range file.TestGroups {
			for _, text := range []json.RawMessage{g.Public, g.Private} {
				if text == nil {
					continue
				}
				var set struct{ Keys []json.RawMessage }
				require.NoError(t, json.Unmarshal(text, &set))
				if set.Keys == nil {
					set.Keys = []json.RawMessage{text}
				}
				for _, k := range set.Keys {
					all = append(all, string(k))
					sets = append(sets, `{"keys":[`+string(k)+`]}`)
				}
			}
		}
	}
	const ed = `"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`
	for _, more := range []string{"", `,"kid":"k"`, `,"use":"sig","key_ops":["verify"],"alg":"EdDSA"`, `,"ext":true,"x5u":"x"`, `,"kid":""`, `,"iat":1,"exp":2e9`} {
		sets = append(sets, `{"keys":[{`+ed+more+`}]}`)
	}
	return append(sets, `{"keys":[`+strings.Join(all, ",")+`]}`, `{"keys":[]}`)
}

func TestDifferentialKeySets(t *testing.T) {
	keys := 0
	for _, set := range differentialKeySets(t) {
		keys += keysAgree(t, []byte(set))
	}
	assert.GreaterOrEqual(t, keys, 20)
	t.Logf("%d keys are accepted, by all three alike", keys)
}

// Whatever is published, the keys that are taken from it are read by the others
// too, and are the same.
func FuzzDifferentialKeySet(f *testing.F) {
	for _, set := range differentialKeySets(f) {
		f.Add([]byte(set))
	}
	f.Fuzz(func(t *testing.T, set []byte) { keysAgree(t, set) })
}
