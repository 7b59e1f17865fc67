package oidc_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
)

// The private keys that RFC 7515 appendices A.2 and A.3 and RFC 8037 appendix
// A.1 print: known to everybody, and so of no use but for this.
const (
	rfc7515P = "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2" +
		"KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc"
	rfc7515Q = "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_" +
		"HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc"
	rfc7515D = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
	rfc8037D = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
)

func rfcNumber(t *testing.T, text string) *big.Int {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	require.NoError(t, err)
	return new(big.Int).SetBytes(b)
}

// rfcKeys returns the keys of the examples.
func rfcKeys(t *testing.T) map[oidc.Algorithm]crypto.Signer {
	t.Helper()
	p, q := rfcNumber(t, rfc7515P), rfcNumber(t, rfc7515Q)
	one := big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	rs := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537},
		D:         new(big.Int).ModInverse(big.NewInt(65537), phi), Primes: []*big.Int{p, q},
	}
	rs.Precompute()
	require.NoError(t, rs.Validate())
	es, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), rfcNumber(t, rfc7515D).Bytes())
	require.NoError(t, err)
	seed, err := base64.RawURLEncoding.DecodeString(rfc8037D)
	require.NoError(t, err)
	return map[oidc.Algorithm]crypto.Signer{oidc.RS256: rs, oidc.ES256: es, oidc.EdDSA: ed25519.NewKeyFromSeed(seed)}
}

// A token with the header of RFC 7515 A.2 or A.3 or of RFC 8037 A.4, made with
// the key of that example, names no key: it is refused for that, and for
// nothing else. With a kid it is accepted.
func TestExamplesOfTheRFCsNameNoKey(t *testing.T) {
	now := time.Unix(1300819000, 0)
	for alg, key := range rfcKeys(t) {
		i := oidc.IssuerOf[claims.Registered]("https://joe.example")
		i.Algorithms, i.Keys = []oidc.Algorithm{alg}, oidc.StaticKeySet{{ID: "k", Algorithm: alg, Public: key.Public()}}
		v := must(t, oidc.Config{Issuers: []oidc.Issuer{i}, Audiences: []string{audience}, Now: func() time.Time { return now }})
		m := &mint{alg: alg, key: key}
		token := func(header string) string {
			input := b64(header) + "." + b64(`{"iss":"https://joe.example",`+"\r\n"+` "exp":1300819380,`+"\r\n"+
				` "http://example.com/is_root":true,"sub":"s","aud":"`+audience+`","iat":1300819000}`)
			return input + "." + m.signature(t, input)
		}
		_, err := v.Verify(t.Context(), token(fmt.Sprintf(`{"alg":%q}`, alg)))
		e := requireToken(t, err, oidc.ErrUnknownKey)
		assert.Equal(t, "the token has no kid", e.Detail)
		_, err = v.Verify(t.Context(), token(fmt.Sprintf(`{"alg":%q,"kid":"k"}`, alg)))
		assert.NoError(t, err)
	}
}

// The examples as they are printed: "joe" is no issuer that can be configured,
// and the payload of RFC 8037 is no set of claims. RFC 7519 6.1 is not signed.
func TestExamplesOfTheRFCsAsPrinted(t *testing.T) {
	keys := rfcKeys(t)
	const joe = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	_, err := oidc.NewVerifier(oidc.Config{Issuers: []oidc.Issuer{oidc.IssuerOf[claims.Registered]("joe")}, Audiences: []string{audience}})
	assert.ErrorContains(t, err, `issuer "joe"`)
	digest := sha256.Sum256([]byte(b64(`{"alg":"RS256"}`) + "." + joe))
	a2, err := rsa.SignPKCS1v15(rand.Reader, keys[oidc.RS256].(*rsa.PrivateKey), crypto.SHA256, digest[:])
	require.NoError(t, err)
	require.Equal(t, "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2Vt", b64(string(a2))[:44], "the RFC's own signature")

	for raw, c := range map[string]struct {
		alg  oidc.Algorithm
		want error
	}{
		b64(`{"alg":"RS256"}`) + "." + joe + "." + b64(string(a2)): {oidc.RS256, oidc.ErrIssuer},
		b64(`{"alg":"ES256"}`) + "." + joe + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q": {
			oidc.ES256, oidc.ErrIssuer},
		b64(`{"alg":"EdDSA"}`) + "." + b64("Example of Ed25519 signing") +
			".hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg": {oidc.EdDSA, oidc.ErrMalformed},
		b64("{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}") + "." + joe + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk": {oidc.RS256, oidc.ErrIssuer},
		b64(`{"alg":"none"}`) + "." + joe + ".": {oidc.RS256, oidc.ErrUnsupported},
	} {
		i := oidc.IssuerOf[claims.Registered]("https://joe.example")
		i.Algorithms, i.Keys = []oidc.Algorithm{c.alg}, oidc.StaticKeySet{{ID: "k", Algorithm: c.alg, Public: keys[c.alg].Public()}}
		v := must(t, oidc.Config{Issuers: []oidc.Issuer{i}, Audiences: []string{audience}})
		tok, err := v.Verify(t.Context(), raw)
		assert.Nil(t, tok)
		requireToken(t, err, c.want)
	}
}
