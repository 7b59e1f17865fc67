package jose

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/compact"
)

// edKey returns the Ed25519 key of this number, and its JWK with more members.
func edKey(number byte, more string) (ed25519.PrivateKey, string) {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = number
	key := ed25519.NewKeyFromSeed(seed)
	return key, fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","x":%q%s}`, base64.RawURLEncoding.EncodeToString(key.Public().(ed25519.PublicKey)), more)
}

func edToken(key ed25519.PrivateKey, header, payload string) string {
	input := encode(header) + "." + encode(payload)
	return input + "." + encode(string(ed25519.Sign(key, []byte(input))))
}

func TestVerifyCompactChoosesKeys(t *testing.T) {
	key, jwk := edKey(1, "")
	_, named := edKey(1, `,"kid":"k"`)
	other := func(number byte, more string) string {
		_, jwk := edKey(number, more)
		return jwk
	}
	anonymous, withID := edToken(key, `{"alg":"EdDSA"}`, "p"), edToken(key, `{"alg":"EdDSA","kid":"k"}`, "p")
	for name, c := range map[string]struct {
		raw  string
		set  []byte
		want error
	}{
		"no kid, one key":            {anonymous, rfcSet(jwk), nil},
		"no kid, key with one":       {anonymous, rfcSet(named), nil},
		"no kid, fourth key":         {anonymous, rfcSet(other(2, ""), other(3, ""), other(4, ""), jwk), nil},
		"no kid, fifth key":          {anonymous, rfcSet(other(2, ""), other(3, ""), other(4, ""), other(5, ""), jwk), ErrSignature},
		"no kid, other keys between": {anonymous, rfcSet(rsaJWK(rfc7515A2N, ""), rsaJWK(rfc7520N, ""), rsaJWK(rfc7517A1N, ""), ecJWK("P-256", rfc7515A3X, rfc7515A3Y, ""), jwk), nil},
		"no kid, no key of the alg":  {anonymous, rfcSet(rsaJWK(rfc7515A2N, "")), ErrUnknownKey},
		"kid":                        {withID, rfcSet(other(2, ""), named), nil},
		"kid, key without":           {withID, rfcSet(jwk), ErrUnknownKey},
		"kid of another key":         {withID, rfcSet(jwk, other(2, `,"kid":"k"`)), ErrSignature},
		"kid twice":                  {withID, rfcSet(other(2, `,"kid":"k"`), named), nil},
		"kid of a key of other type": {withID, rfcSet(rsaJWK(rfc7515A2N, `,"kid":"k"`)), ErrUnknownKey},
		"unusable key":               {anonymous, rfcSet(other(1, `,"use":"enc"`)), ErrUnknownKey},
		"no keys":                    {anonymous, rfcSet(), ErrUnknownKey},
		"alg of another type":        {edToken(key, `{"alg":"RS256"}`, "p"), rfcSet(jwk), ErrUnknownKey},
		"alg that is not supported":  {edToken(key, `{"alg":"ES256K"}`, "p"), rfcSet(jwk), compact.ErrUnsupported},
		"crit":                       {edToken(key, `{"alg":"EdDSA","crit":["x"],"x":1}`, "p"), rfcSet(jwk), compact.ErrUnsupported},
		"no alg":                     {edToken(key, `{}`, "p"), rfcSet(jwk), compact.ErrMalformed},
		"payload that is padded":     {strings.Replace(anonymous, ".cA.", ".cA==.", 1), rfcSet(jwk), compact.ErrMalformed},
		"signature that is padded":   {anonymous + "==", rfcSet(jwk), compact.ErrMalformed},
		"no signature":               {anonymous[:strings.LastIndexByte(anonymous, '.')+1], rfcSet(jwk), compact.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			payload, err := VerifyCompact(c.raw, c.set)
			if c.want == nil {
				require.NoError(t, err)
				assert.Equal(t, "p", string(payload))
				return
			}
			assert.Nil(t, payload)
			assert.ErrorIs(t, err, c.want)
		})
	}
	payload, err := VerifyCompact(edToken(key, `{"alg":"EdDSA"}`, ""), rfcSet(jwk))
	require.NoError(t, err)
	assert.Empty(t, payload)
	_, err = VerifyCompact(anonymous, []byte(jwk))
	assert.ErrorContains(t, err, "not a JSON Web Key Set: it has no member keys")
	_, err = VerifyCompact(anonymous, []byte(`[`+jwk+`]`))
	assert.ErrorContains(t, err, "not a JSON Web Key Set: not a JSON object")
}
