package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/compact"
)

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func decode(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	require.NoError(t, err)
	return b
}

func number(t *testing.T, text string) *big.Int { return new(big.Int).SetBytes(decode(t, text)) }

// The key sets of the examples. RFC 7515 gives its keys no kid and no alg.
func rfcSet(jwks ...string) []byte { return []byte(`{"keys":[` + strings.Join(jwks, ",") + `]}`) }

func rsaJWK(n, more string) string {
	return fmt.Sprintf(`{"kty":"RSA","n":%q,"e":"AQAB"%s}`, n, more)
}

func ecJWK(crv, x, y, more string) string {
	return fmt.Sprintf(`{"kty":"EC","crv":%q,"x":%q,"y":%q%s}`, crv, x, y, more)
}

func octJWK(k, more string) string { return fmt.Sprintf(`{"kty":"oct","k":%q%s}`, k, more) }

const (
	bilbo = `,"kid":"bilbo.baggins@hobbiton.example","use":"sig"`
	mac   = `,"kid":"018c0ae5-4d9b-471b-bfd6-eef314bc7037","use":"sig","alg":"HS256"`
)

// The compact tokens of the examples.
var (
	rfc7515A1 = encode("{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}") + "." + rfc7515Payload + "." + rfc7515A1Signature
	rfc7515A2 = encode(`{"alg":"RS256"}`) + "." + rfc7515Payload + "." + rfc7515A2Signature
	rfc7515A3 = encode(`{"alg":"ES256"}`) + "." + rfc7515Payload + "." + rfc7515A3Signature
	rfc7515A4 = encode(`{"alg":"ES512"}`) + "." + encode("Payload") + "." + rfc7515A4Signature
	rfc7515A5 = encode(`{"alg":"none"}`) + "." + rfc7515Payload + "."
	rfc7520S1 = rfc7520Token("RS256", "bilbo.baggins@hobbiton.example", rfc7520Payload, rfc7520Signature41)
	rfc7520S2 = rfc7520Token("PS384", "bilbo.baggins@hobbiton.example", rfc7520Payload, rfc7520Signature42)
	rfc7520S3 = rfc7520Token("ES512", "bilbo.baggins@hobbiton.example", rfc7520Payload, rfc7520Signature43)
	rfc7520S4 = rfc7520Token("HS256", "018c0ae5-4d9b-471b-bfd6-eef314bc7037", rfc7520Payload, rfc7520Signature44)
	rfc7520S5 = rfc7520Token("HS256", "018c0ae5-4d9b-471b-bfd6-eef314bc7037", "", rfc7520Signature44)
	rfc8037A4 = encode(`{"alg":"EdDSA"}`) + "." + encode("Example of Ed25519 signing") + "." + rfc8037Signature
)

func rfc7520Token(alg, kid, payload, signature string) string {
	return encode(fmt.Sprintf(`{"alg":%q,"kid":%q}`, alg, kid)) + "." + payload + "." + signature
}

// The JSON serializations of the examples.
var (
	rfc7515A6 = fmt.Sprintf(`{"payload":%q,"signatures":[`+
		`{"protected":%q,"header":{"kid":"2010-12-29"},"signature":%q},`+
		`{"protected":%q,"header":{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"},"signature":%q}]}`,
		rfc7515Payload, encode(`{"alg":"RS256"}`), rfc7515A2Signature, encode(`{"alg":"ES256"}`), rfc7515A3Signature)
	rfc7515A7 = fmt.Sprintf(`{"payload":%q,"protected":%q,"header":{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"},"signature":%q}`,
		rfc7515Payload, encode(`{"alg":"ES256"}`), rfc7515A3Signature)
	rfc7520S5JSON = fmt.Sprintf(`{"protected":%q,"signature":%q}`,
		encode(`{"alg":"HS256","kid":"018c0ae5-4d9b-471b-bfd6-eef314bc7037"}`), rfc7520Signature44)
	rfc7520S6 = fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"header":{"kid":"018c0ae5-4d9b-471b-bfd6-eef314bc7037"},"signature":%q}]}`,
		rfc7520Payload, encode(`{"alg":"HS256"}`), rfc7520Signature46)
	rfc7520S7 = fmt.Sprintf(`{"payload":%q,"header":{"alg":"HS256","kid":"018c0ae5-4d9b-471b-bfd6-eef314bc7037"},"signature":%q}`,
		rfc7520Payload, rfc7520Signature47)
	rfc7520S8 = fmt.Sprintf(`{"payload":%q,"signatures":[`+
		`{"protected":%q,"header":{"kid":"bilbo.baggins@hobbiton.example"},"signature":%q},`+
		`{"header":{"alg":"ES512","kid":"bilbo.baggins@hobbiton.example"},"signature":%q},`+
		`{"protected":%q,"signature":%q}]}`,
		rfc7520Payload, encode(`{"alg":"RS256"}`), rfc7520Signature48RSA, rfc7520Signature48EC,
		encode(`{"alg":"HS256","kid":"018c0ae5-4d9b-471b-bfd6-eef314bc7037"}`), rfc7520Signature44)
)

func TestExamplesOfTheRFCs(t *testing.T) {
	rfc7515 := rfcSet(
		octJWK(rfc7515A1Key, ""), rsaJWK(rfc7515A2N, ""), ecJWK("P-256", rfc7515A3X, rfc7515A3Y, ""), ecJWK("P-521", rfc7515A4X, rfc7515A4Y, ""))
	rfc7520 := rfcSet(rsaJWK(rfc7520N, bilbo), ecJWK("P-521", rfc7520X, rfc7520Y, bilbo), octJWK(rfc7520K, mac))
	rfc8037 := rfcSet(fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","x":%q}`, rfc8037X))
	const (
		joe   = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"
		quote = "It\u2019s a dangerous business, Frodo, going out your door. You step onto the road, and if you don't keep your feet, " +
			"there\u2019s no knowing where you might be swept off to."
	)
	cut := func(raw string) string { // without the payload, as in RFC 7515 appendix F
		parts := strings.Split(raw, ".")
		return parts[0] + ".." + parts[2]
	}
	for name, c := range map[string]struct {
		raw     string
		set     []byte
		payload string
		kind    error // nil: accepted
	}{
		"RFC 7515 A.1, RFC 7519 3.1: HS256":      {rfc7515A1, rfc7515, "", compact.ErrUnsupported},
		"RFC 7515 A.2: RS256":                    {rfc7515A2, rfc7515, joe, nil},
		"RFC 7515 A.3: ES256":                    {rfc7515A3, rfc7515, joe, nil},
		"RFC 7515 A.4: ES512":                    {rfc7515A4, rfc7515, "", compact.ErrUnsupported},
		"RFC 7515 A.5, RFC 7519 6.1: none":       {rfc7515A5, rfc7515, "", compact.ErrUnsupported},
		"RFC 7515 A.6: general JSON":             {rfc7515A6, rfc7515, "", compact.ErrMalformed},
		"RFC 7515 A.7: flattened JSON":           {rfc7515A7, rfc7515, "", compact.ErrMalformed},
		"RFC 7515 A.2 with the keys of RFC 7520": {rfc7515A2, rfc7520, "", ErrSignature},
		"RFC 7515 A.3 with the keys of RFC 7520": {rfc7515A3, rfc7520, "", ErrUnknownKey},
		"RFC 7515 A.2 without its payload":       {cut(rfc7515A2), rfc7515, "", ErrSignature},
		"RFC 7520 4.1: RS256":                    {rfc7520S1, rfc7520, quote, nil},
		"RFC 7520 4.2: PS384":                    {rfc7520S2, rfc7520, "", compact.ErrUnsupported},
		"RFC 7520 4.3: ES512":                    {rfc7520S3, rfc7520, "", compact.ErrUnsupported},
		"RFC 7520 4.4: HS256":                    {rfc7520S4, rfc7520, "", compact.ErrUnsupported},
		"RFC 7520 4.5: detached content":         {rfc7520S5, rfc7520, "", compact.ErrUnsupported},
		"RFC 7520 4.5: in JSON":                  {rfc7520S5JSON, rfc7520, "", compact.ErrMalformed},
		"RFC 7520 4.1, content detached":         {cut(rfc7520S1), rfc7520, "", ErrSignature},
		"RFC 7520 4.6: unprotected kid":          {rfc7520S6, rfc7520, "", compact.ErrMalformed},
		"RFC 7520 4.7: nothing protected":        {rfc7520S7, rfc7520, "", compact.ErrMalformed},
		"RFC 7520 4.8: three signatures":         {rfc7520S8, rfc7520, "", compact.ErrMalformed},
		"RFC 7520 4.1 with the keys of RFC 7515": {rfc7520S1, rfc7515, "", ErrUnknownKey},
		"RFC 8037 A.4: Ed25519":                  {rfc8037A4, rfc8037, "Example of Ed25519 signing", nil},
	} {
		t.Run(name, func(t *testing.T) {
			payload, err := VerifyCompact(c.raw, c.set)
			if c.kind == nil {
				require.NoError(t, err)
				assert.Equal(t, c.payload, string(payload))
				for i := range c.raw { // no character can be another one
					if c.raw[i] == '.' {
						continue
					}
					other := c.raw[:i] + string('A'+(c.raw[i]-'A'+1)%26) + c.raw[i+1:]
					_, err := VerifyCompact(other, c.set)
					require.Error(t, err, "with another character at %d", i)
				}
				return
			}
			assert.Nil(t, payload)
			assert.ErrorIs(t, err, c.kind)
		})
	}
}

// The examples that are refused are good ones: what refuses them is a rule, and
// not a slip in copying them.
func TestRefusedExamplesOfTheRFCsAreGood(t *testing.T) {
	split := func(raw string) (input, signature []byte) {
		i := strings.LastIndexByte(raw, '.')
		return []byte(raw[:i]), decode(t, raw[i+1:])
	}
	hs256 := func(k, raw string) {
		t.Helper()
		input, signature := split(raw)
		h := hmac.New(sha256.New, decode(t, k))
		h.Write(input)
		assert.True(t, hmac.Equal(signature, h.Sum(nil)))
	}
	es512 := func(x, y, raw string) {
		t.Helper()
		input, signature := split(raw)
		require.Len(t, signature, 132)
		digest := sha512.Sum512(input)
		key := &ecdsa.PublicKey{Curve: elliptic.P521(), X: number(t, x), Y: number(t, y)}
		assert.True(t, ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(signature[:66]), new(big.Int).SetBytes(signature[66:])))
	}
	key := &rsa.PublicKey{N: number(t, rfc7520N), E: 65537}
	rs256 := func(raw string) {
		t.Helper()
		input, signature := split(raw)
		digest := sha256.Sum256(input)
		assert.NoError(t, rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature))
	}
	hs256(rfc7515A1Key, rfc7515A1)
	es512(rfc7515A4X, rfc7515A4Y, rfc7515A4)
	input, signature := split(rfc7520S2)
	digest := sha512.Sum384(input)
	assert.NoError(t, rsa.VerifyPSS(key, crypto.SHA384, digest[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
	es512(rfc7520X, rfc7520Y, rfc7520S3)
	hs256(rfc7520K, rfc7520S4)
	hs256(rfc7520K, encode(`{"alg":"HS256"}`)+"."+rfc7520Payload+"."+rfc7520Signature46)
	hs256(rfc7520K, "."+rfc7520Payload+"."+rfc7520Signature47)
	rs256(encode(`{"alg":"RS256"}`) + "." + rfc7520Payload + "." + rfc7520Signature48RSA)
	es512(rfc7520X, rfc7520Y, "."+rfc7520Payload+"."+rfc7520Signature48EC)
}

// RFC 7517 appendix A.1: of two public keys, the one for encryption is left
// out. Appendix A.3: symmetric keys have no place in a set.
func TestKeySetsOfRFC7517(t *testing.T) {
	keys, skipped, err := ParseKeySet(rfcSet(
		ecJWK("P-256", rfc7517A1X, rfc7517A1Y, `,"use":"enc","kid":"1"`),
		rsaJWK(rfc7517A1N, `,"alg":"RS256","kid":"2011-04-29"`),
	))
	require.NoError(t, err)
	assert.Equal(t, []Skipped{{Index: 0, ID: "1", Reason: "its use is not sig"}}, skipped)
	require.Len(t, keys, 1)
	assert.Equal(t, "2011-04-29", keys[0].ID)
	assert.Equal(t, RS256, keys[0].Algorithm)
	// RFC 7638 section 3.1 gives the thumbprint of this key.
	n := base64.RawURLEncoding.EncodeToString(keys[0].Public.(*rsa.PublicKey).N.Bytes())
	thumbprint := sha256.Sum256([]byte(`{"e":"AQAB","kty":"RSA","n":"` + n + `"}`))
	assert.Equal(t, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", base64.RawURLEncoding.EncodeToString(thumbprint[:]))
	// But for its use, the other one would do.
	keys, _, err = ParseKeySet(rfcSet(ecJWK("P-256", rfc7517A1X, rfc7517A1Y, "")))
	require.NoError(t, err)
	assert.Len(t, keys, 1)

	symmetric := rfcSet(
		octJWK(rfc7517A3K, `,"alg":"A128KW"`), octJWK(rfc7515A1Key, `,"kid":"HMAC key used in JWS spec Appendix A.1 example"`),
	)
	keys, skipped, err = ParseKeySet(symmetric)
	require.NoError(t, err)
	assert.Empty(t, keys)
	require.Len(t, skipped, 2)
	for _, s := range skipped {
		assert.Equal(t, "it is a private or symmetric key", s.Reason)
	}
	_, err = VerifyCompact(rfc7515A1, symmetric)
	assert.ErrorIs(t, err, compact.ErrUnsupported)
}
