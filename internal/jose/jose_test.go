package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVerify(t *testing.T) {
	v, err := NewVerifier()
	require.NoError(t, err)
	input := []byte("signing input")
	digest := sha256.Sum256(input)

	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	rsaSig, err := rsa.SignPKCS1v15(rand.Reader, rsaKey, crypto.SHA256, digest[:])
	require.NoError(t, err)
	pss, err := rsa.SignPSS(rand.Reader, rsaKey, crypto.SHA256, digest[:], nil)
	require.NoError(t, err)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	r, s, err := ecdsa.Sign(rand.Reader, ecKey, digest[:])
	require.NoError(t, err)
	ecSig := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	der, err := ecdsa.SignASN1(rand.Reader, ecKey, digest[:])
	require.NoError(t, err)
	edPublic, edKey, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	edSig := ed25519.Sign(edKey, input)

	for name, c := range map[string]struct {
		alg string
		key crypto.PublicKey
		sig []byte
		ok  bool
	}{
		"RS256":                    {RS256, &rsaKey.PublicKey, rsaSig, true},
		"ES256":                    {ES256, &ecKey.PublicKey, ecSig, true},
		"EdDSA":                    {EdDSA, edPublic, edSig, true},
		"PSS as RS256":             {RS256, &rsaKey.PublicKey, pss, false},
		"RSA with leading zero":    {RS256, &rsaKey.PublicKey, append([]byte{0}, rsaSig...), false},
		"ES256 as ASN.1":           {ES256, &ecKey.PublicKey, der, false},
		"ES256 with leading zeros": {ES256, &ecKey.PublicKey, append([]byte{0, 0}, ecSig...), false},
		"ES256 of zeros":           {ES256, &ecKey.PublicKey, make([]byte, 64), false},
		"EdDSA too long":           {EdDSA, edPublic, append(edSig, 0), false},
		"no signature":             {RS256, &rsaKey.PublicKey, nil, false},
		"key of another type":      {RS256, edPublic, edSig, false},
		"unknown algorithm":        {"HS256", &rsaKey.PublicKey, rsaSig, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := v.Verify(c.alg, c.key, input, c.sig)
			if c.ok {
				assert.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, ErrSignature)
			}
			assert.ErrorIs(t, v.Verify(c.alg, c.key, []byte("other input"), c.sig), ErrSignature)
		})
	}
}

func TestCheckKey(t *testing.T) {
	odd := func(bits int) *big.Int {
		n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
		return n.Add(n, big.NewInt(1))
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	require.NoError(t, err)
	good, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		alg  string
		key  crypto.PublicKey
		want string
	}{
		"RSA 2048":            {RS256, &rsa.PublicKey{N: odd(2048), E: 65537}, ""},
		"RSA 8192, e 3":       {RS256, &rsa.PublicKey{N: odd(8192), E: 3}, ""},
		"RSA 2047":            {RS256, &rsa.PublicKey{N: odd(2047), E: 65537}, "has 2047 bits"},
		"RSA 8193":            {RS256, &rsa.PublicKey{N: odd(8193), E: 65537}, "has 8193 bits"},
		"RSA even":            {RS256, &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537}, "is even"},
		"RSA e 1":             {RS256, &rsa.PublicKey{N: odd(2048), E: 1}, "exponent"},
		"RSA e even":          {RS256, &rsa.PublicKey{N: odd(2048), E: 4}, "exponent"},
		"RSA e large":         {RS256, &rsa.PublicKey{N: odd(2048), E: 1<<31 + 1}, "exponent"},
		"RSA without modulus": {RS256, &rsa.PublicKey{E: 3}, "no modulus"},
		"RSA nil":             {RS256, (*rsa.PublicKey)(nil), "no modulus"},
		"RSA for ES256":       {ES256, &rsa.PublicKey{N: odd(2048), E: 3}, "does not verify ES256"},
		"P-256":               {ES256, &good.PublicKey, ""},
		"P-256 for RS256":     {RS256, &good.PublicKey, "does not verify RS256"},
		"P-521":               {ES256, &p521.PublicKey, "not on curve P-256"},
		"P-256 nil":           {ES256, (*ecdsa.PublicKey)(nil), "not on curve P-256"},
		"off the curve":       {ES256, &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}, "not a point"},
		"Ed25519 short":       {EdDSA, make(ed25519.PublicKey, 31), "has 31 bytes"},
		"Ed25519 for RS256":   {RS256, make(ed25519.PublicKey, 32), "does not verify RS256"},
		"by value":            {RS256, rsa.PublicKey{N: odd(2048), E: 3}, "type rsa.PublicKey"},
		"secret":              {RS256, []byte("secret"), "type []uint8"},
		"nothing":             {RS256, nil, "type <nil>"},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckKey(c.alg, c.key)
			if c.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, c.want)
			}
		})
	}
}

// RFC 8037 appendix A: the key of A.2, the signing input and signature of A.4.
func TestRFC8037(t *testing.T) {
	keys, skipped, err := ParseKeySet([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	require.NoError(t, err)
	require.Empty(t, skipped)
	sig, err := base64.RawURLEncoding.DecodeString("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")
	require.NoError(t, err)
	v, err := NewVerifier()
	require.NoError(t, err)
	assert.NoError(t, v.Verify(EdDSA, keys[0].Public, []byte("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"), sig))
}

// No key set makes the parser panic, and what it returns is fit for use.
func FuzzParseKeySet(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"a"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"","e":"AQAB","use":"sig"},{"kty":"oct","k":"AA"},5,null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, _, err := ParseKeySet(data)
		if err != nil {
			require.Empty(t, keys)
		}
		for _, k := range keys {
			require.NoError(t, CheckKey(k.Algorithm, k.Public))
		}
	})
}

// jwkOf returns the members of a good RSA key.
func jwkOf(t *testing.T) (n string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return base64.RawURLEncoding.EncodeToString(key.N.Bytes())
}

// What a key is made of is what was checked: the rest of its members, known to
// jwx or not, neither change it nor spoil it.
func TestParseKeySetReadsOneText(t *testing.T) {
	n := jwkOf(t)
	const ec = `"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"`
	const ed = `"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`
	good := `"kty":"RSA","n":"` + n + `","e":"AQAB"`
	for more, alg := range map[string]string{
		good: RS256, good + `,"kid":"a","use":"sig","alg":"RS256","key_ops":["sign","verify"]`: RS256,
		good + `,"crv":"P-256"`: RS256, good + `,"x5c":5,"x5t":{},"oth":[]`: RS256, good + `,"D":"AQAB"`: RS256,
		`"kty":"RSA","n":"` + n + `","e":"AAEAAQ"`: RS256, `"kty":"RSA","n":"` + n + `","e":"Aw"`: RS256, `"kty":"RSA","n":"` + n + `","e":"f____w"`: RS256,
		ec: ES256, ec + `,"use":"sig","alg":"ES256"`: ES256,
		ed: EdDSA, ed + `,"y":5,"n":"AA"`: EdDSA,
	} {
		keys, skipped, err := ParseKeySet([]byte(`{"keys":[{` + more + `}],"more":1}`))
		require.NoError(t, err)
		assert.Empty(t, skipped)
		if assert.Len(t, keys, 1, more) {
			assert.Equal(t, alg, keys[0].Algorithm)
			assert.NoError(t, CheckKey(alg, keys[0].Public))
		}
	}
	keys, _, err := ParseKeySet([]byte(`{"keys":[{` + good + `}]}`))
	require.NoError(t, err)
	assert.Equal(t, 65537, keys[0].Public.(*rsa.PublicKey).E)
	assert.Equal(t, n, base64.RawURLEncoding.EncodeToString(keys[0].Public.(*rsa.PublicKey).N.Bytes()))

	rsaWith := func(n, e string) string { return `"kty":"RSA","n":"` + n + `","e":"` + e + `"` }
	for more, reason := range map[string]string{
		rsaWith(n, "AQAAAAAAAQAB"):         "the RSA key's exponent is not an odd number from 3 to 2^31-1", // 2^64 + 65537
		rsaWith(n, "AAAAAAMAAAAAAQAB"):     "the RSA key's exponent is not an odd number from 3 to 2^31-1",
		rsaWith(n, "gAAAAQ"):               "the RSA key's exponent is not an odd number from 3 to 2^31-1", // 2^31 + 1
		rsaWith(n, "AQ"):                   "the RSA key's exponent is not an odd number from 3 to 2^31-1",
		rsaWith(n, "Ag"):                   "the RSA key's exponent is not an odd number from 3 to 2^31-1",
		rsaWith(n, ""):                     "its e is missing or not canonical base64url",
		rsaWith(n, "AR"):                   "its e is missing or not canonical base64url",
		rsaWith(n+"=", "AQAB"):             "its n is missing or not canonical base64url",
		`"kty":"RSA","n":5,"e":"AQAB"`:     "its n is missing or not canonical base64url",
		ec[:len(ec)-2] + `="`:              "its y is missing or not canonical base64url",
		`"kty":"EC","crv":"P-256"`:         "its x is missing or not canonical base64url",
		ed + `,"k":"AA"`:                   "it is a private or symmetric key",
		ed + `,"d":null`:                   "it is a private or symmetric key",
		good + `,"use":"enc"`:              "its use is not sig",
		good + `,"use":null`:               "its use is not sig",
		good + `,"key_ops":"verify"`:       "its key_ops do not have verify",
		good + `,"key_ops":[]`:             "its key_ops do not have verify",
		good + `,"key_ops":["verifyx"]`:    "its key_ops do not have verify",
		good + `,"alg":"PS256"`:            "its alg is not RS256, the one accepted for its type",
		good + `,"alg":null`:               "its alg is not RS256, the one accepted for its type",
		ec + `,"alg":"RS256"`:              "its alg is not ES256, the one accepted for its type",
		ed + `,"alg":"Ed25519"`:            "its alg is not EdDSA, the one accepted for its type",
		good + `,"kid":null`:               "its kid is not a string",
		good + `,"kid":5`:                  "its kid is not a string",
		`"kty":"EC","crv":"secp256k1"`:     `its kty "EC" with crv "secp256k1" is not supported`,
		`"kty":"OKP","crv":"X25519"`:       `its kty "OKP" with crv "X25519" is not supported`,
		`"kty":"rsa"`:                      `its kty "rsa" with crv "" is not supported`,
		`"KTY":"RSA","N":"` + n + `"`:      `its kty "" with crv "" is not supported`,
		`"kty":"` + string(make40()) + `"`: `its kty "` + string(make40()[:32]) + `" with crv "" is not supported`,
	} {
		keys, skipped, err := ParseKeySet([]byte(`{"keys":[{"kty":"x"},{` + more + `}]}`))
		require.NoError(t, err)
		assert.Empty(t, keys, more)
		if assert.Len(t, skipped, 2, more) {
			assert.Equal(t, reason, skipped[1].Reason)
			assert.Equal(t, 1, skipped[1].Index)
		}
	}
}

func make40() []byte { return []byte("0123456789012345678901234567890123456789") }

// Keys keep their place in the set, and a skipped one its ID.
func TestParseKeySetOrder(t *testing.T) {
	const ed = `"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`
	keys, skipped, err := ParseKeySet([]byte(`{"keys":[5,{"kid":"a","kty":"oct"},{` + ed + `},{"kid":"\u0062",` + ed + `},{"kid":"c",` + ed + `,"use":"enc"}]}`))
	require.NoError(t, err)
	require.Len(t, keys, 2)
	assert.Equal(t, 2, keys[0].Index)
	assert.Equal(t, "", keys[0].ID)
	assert.Equal(t, 3, keys[1].Index)
	assert.Equal(t, "b", keys[1].ID)
	assert.Equal(t, []Skipped{
		{0, "", "it is not an object"}, {1, "a", `its kty "oct" with crv "" is not supported`}, {4, "c", "its use is not sig"},
	}, skipped)
}

func TestParseKeySetRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                      "not a JSON Web Key Set: nothing where a JSON object should be at byte 0",
		`[]`:                    "not a JSON Web Key Set: not a JSON object at byte 0",
		`{}`:                    "not a JSON Web Key Set: it has no member keys",
		`{"Keys":[]}`:           "not a JSON Web Key Set: it has no member keys",
		`{"kty":"RSA"}`:         "not a JSON Web Key Set: it has no member keys",
		`{"keys":null}`:         "not a JSON Web Key Set: its member keys is not an array",
		`{"keys":{}}`:           "not a JSON Web Key Set: its member keys is not an array",
		`{"keys":[]}{}`:         "not a JSON Web Key Set: text after the JSON object at byte 11",
		`{"keys":[],"KEYS":[]}`: `not a JSON Web Key Set: members "keys" and "KEYS" differ only by case at byte 11`,
		many(1001):              "the JSON Web Key Set has 1001 keys, more than the 1000 that are read",
	} {
		keys, skipped, err := ParseKeySet([]byte(text))
		assert.EqualError(t, err, want)
		assert.Nil(t, keys)
		assert.Nil(t, skipped)
	}
	keys, skipped, err := ParseKeySet([]byte(many(1000)))
	assert.NoError(t, err)
	assert.Empty(t, keys)
	assert.Len(t, skipped, 1000)
}

func many(n int) string { return `{"keys":[5` + strings.Repeat(",5", n-1) + `]}` }
