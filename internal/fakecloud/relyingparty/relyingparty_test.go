package relyingparty

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const issuer = "https://issuer.example/org/1"

var now = time.Unix(1_800_000_000, 0)

var testKeys = sync.OnceValue(func() (k struct {
	rsa, other *rsa.PrivateKey
	ec         *ecdsa.PrivateKey
}) {
	var errs [3]error
	k.rsa, errs[0] = rsa.GenerateKey(rand.Reader, 2048)
	k.other, errs[1] = rsa.GenerateKey(rand.Reader, 2048)
	k.ec, errs[2] = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err := errors.Join(errs[:]...); err != nil {
		panic(err)
	}
	return k
})

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b64(b)
}

type m = map[string]any

func rsaJWK(kid string, key *rsa.PrivateKey) m {
	return m{"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes())}
}

func ecJWK(kid string, key *ecdsa.PrivateKey) m {
	return m{"kty": "EC", "crv": "P-256", "kid": kid, "x": b64(key.X.FillBytes(make([]byte, 32))), "y": b64(key.Y.FillBytes(make([]byte, 32)))}
}

func goodClaims() m {
	return m{"iss": issuer, "sub": "s", "aud": "a", "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Unix() + 60}
}

func sign(header, claims any) string {
	in := encode(header) + "." + encode(claims)
	sum := sha256.Sum256([]byte(in))
	if h, _ := header.(m); h["alg"] == "ES256" {
		r, s, err := ecdsa.Sign(rand.Reader, testKeys().ec, sum[:])
		if err != nil {
			panic(err)
		}
		return in + "." + b64(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
	}
	sig, err := rsa.SignPKCS1v15(nil, testKeys().rsa, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return in + "." + b64(sig)
}

// failing is a document that comes with a status that says not to use it.
type failing struct {
	status int
	doc    any
}

// web answers as an issuer would; a URL that is not in it cannot be reached.
type web map[string]any

func (w web) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	doc, ok := w[r.URL.String()]
	if !ok {
		return nil, errors.New("unreachable")
	}
	status := http.StatusOK
	if failing, ok := doc.(failing); ok {
		status, doc = failing.status, failing.doc
	}
	b, err := json.Marshal(doc)
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(string(b))), Request: r}, err
}

const (
	discoveryURL = issuer + "/.well-known/openid-configuration"
	jwksURL      = "https://keys.example/jwks"
)

func goodWeb() web {
	return web{
		discoveryURL: m{"issuer": issuer, "jwks_uri": jwksURL},
		jwksURL:      m{"keys": []any{rsaJWK("k1", testKeys().rsa), ecJWK("k2", testKeys().ec)}},
	}
}

func TestVerify(t *testing.T) {
	rs, es := m{"alg": "RS256", "kid": "k1"}, m{"alg": "ES256", "kid": "k2"}
	with := func(name string, v any) m { c := goodClaims(); c[name] = v; return c }
	without := func(name string) m { c := goodClaims(); delete(c, name); return c }
	good := sign(rs, goodClaims())
	parts := strings.Split(good, ".")
	signedES := sign(es, goodClaims())
	tests := []struct {
		name  string
		raw   string
		web   func(web)
		skew  time.Duration
		kind  Kind // zero: accepted
		claim string
	}{
		{name: "RS256", raw: good},
		{name: "ES256", raw: sign(es, goodClaims())},
		{name: "no nbf", raw: sign(rs, without("nbf"))},
		{name: "times in strings", raw: sign(rs, with("exp", "1800000060"))},
		{name: "no kid, one key", raw: sign(m{"alg": "RS256"}, goodClaims()), web: func(w web) { w[jwksURL] = m{"keys": []any{rsaJWK("k1", testKeys().rsa)}} }},
		{name: "expired within the skew", raw: sign(rs, with("exp", now.Unix()-299)), skew: 5 * time.Minute},
		{name: "ahead within the skew", raw: sign(rs, with("iat", now.Unix()+300)), skew: 5 * time.Minute},

		{name: "expired this second", raw: sign(rs, with("exp", now.Unix())), kind: KindExpired, claim: "exp"},
		{name: "expired beyond the skew", raw: sign(rs, with("exp", now.Unix()-300)), skew: 5 * time.Minute, kind: KindExpired, claim: "exp"},
		{name: "nbf ahead", raw: sign(rs, with("nbf", now.Unix()+1)), kind: KindNotYet, claim: "nbf"},
		{name: "iat ahead", raw: sign(rs, with("iat", now.Unix()+301)), skew: 5 * time.Minute, kind: KindNotYet, claim: "iat"},
		{name: "no exp", raw: sign(rs, without("exp")), kind: KindClaim, claim: "exp"},
		{name: "fractional exp", raw: sign(rs, with("exp", 1800000060.5)), kind: KindClaim, claim: "exp"},
		{name: "no iss", raw: sign(rs, without("iss")), kind: KindClaim, claim: "iss"},
		{name: "claims of another token", raw: parts[0] + "." + encode(with("sub", "t")) + "." + parts[2], kind: KindSignature},
		{name: "claims of another token, expired", raw: parts[0] + "." + encode(with("exp", 1)) + "." + parts[2], kind: KindSignature},
		{name: "signed by another key", raw: good, web: func(w web) { w[jwksURL] = m{"keys": []any{rsaJWK("k1", testKeys().other)}} }, kind: KindSignature},
		{name: "ES256 signature of a wrong length", raw: sign(es, goodClaims()) + "AAAA", kind: KindSignature},
		{name: "ES256 signature of 30 bytes", raw: signedES[:strings.LastIndexByte(signedES, '.')+41], kind: KindSignature},
		{name: "kid unknown", raw: sign(m{"alg": "RS256", "kid": "k9"}, goodClaims()), kind: KindKeys},
		{name: "no kid, several keys", raw: sign(m{"alg": "RS256"}, goodClaims()), web: func(w web) {
			w[jwksURL] = m{"keys": []any{rsaJWK("k1", testKeys().rsa), rsaJWK("k3", testKeys().other)}}
		}, kind: KindKeys},
		{name: "key for encryption", raw: good, web: func(w web) {
			k := rsaJWK("k1", testKeys().rsa)
			k["use"] = "enc"
			w[jwksURL] = m{"keys": []any{k}}
		}, kind: KindKeys},
		{name: "key not on the curve", raw: sign(es, goodClaims()), web: func(w web) {
			k := ecJWK("k2", testKeys().ec)
			k["x"] = b64([]byte{1})
			w[jwksURL] = m{"keys": []any{k}}
		}, kind: KindKeys},
		{name: "issuer unreachable", raw: good, web: func(w web) { delete(w, discoveryURL) }, kind: KindKeys},
		{name: "keys answer 503", raw: good, web: func(w web) { w[jwksURL] = failing{503, w[jwksURL]} }, kind: KindKeys},
		{name: "document of another issuer", raw: good, web: func(w web) { w[discoveryURL] = m{"issuer": "https://x.example", "jwks_uri": jwksURL} }, kind: KindKeys},
		{name: "alg none", raw: sign(m{"alg": "none", "kid": "k1"}, goodClaims()), kind: KindMalformed},
		{name: "alg HS256", raw: sign(m{"alg": "HS256", "kid": "k1"}, goodClaims()), kind: KindMalformed},
		{name: "crit", raw: sign(m{"alg": "RS256", "kid": "k1", "crit": []string{"exp"}}, goodClaims()), kind: KindMalformed},
		{name: "two parts", raw: parts[0] + "." + parts[1], kind: KindMalformed},
		{name: "not a JWT", raw: "glcbt-64_abc", kind: KindMalformed},
		{name: "trailing newline", raw: good + "\n", kind: KindMalformed},
		{name: "payload null", raw: sign(rs, nil), kind: KindMalformed},
		{name: "payload an array", raw: sign(rs, []int{1}), kind: KindMalformed},
		{name: "payload with trailing data", raw: parts[0] + "." + b64([]byte("{} {}")) + "." + parts[2], kind: KindMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := goodWeb()
			if tt.web != nil {
				tt.web(w)
			}
			p := &Party{HTTPClient: &http.Client{Transport: w}, Now: func() time.Time { return now }, Skew: tt.skew}
			claims, err := p.Verify(context.Background(), tt.raw)
			if tt.kind == 0 {
				require.NoError(t, err)
				assert.Equal(t, issuer, claims["iss"])
				assert.Equal(t, "s", claims["sub"])
				assert.IsType(t, json.Number(""), claims["iat"])
				return
			}
			var refused *Error
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, tt.kind, refused.Kind, "%v", err)
			assert.Equal(t, tt.claim, refused.Claim)
			assert.Nil(t, claims)
			assert.NotContains(t, err.Error(), parts[1])
		})
	}
}

func TestUnverified(t *testing.T) {
	raw := sign(m{"alg": "RS256", "kid": "nobody"}, goodClaims())
	claims, err := Unverified(raw)
	require.NoError(t, err)
	assert.Equal(t, issuer, claims["iss"])

	var refused *Error
	_, err = Unverified("a.b")
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, KindMalformed, refused.Kind)
}

func TestVerifyHonoursContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p := &Party{HTTPClient: &http.Client{Transport: goodWeb()}, Now: func() time.Time { return now }}
	_, err := p.Verify(ctx, sign(m{"alg": "RS256", "kid": "k1"}, goodClaims()))
	var refused *Error
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, KindKeys, refused.Kind)
	assert.ErrorIs(t, err, context.Canceled)
}
