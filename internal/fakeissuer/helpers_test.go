package fakeissuer

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var clock = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	iat = "1772366400" // clock, in seconds
	aud = "https://deploy.example.com"
)

func fixed() time.Time { return clock }

// open returns an issuer whose mistakes fail t.
func open(t *testing.T, opts Options) *Issuer {
	t.Helper()
	if opts.Now == nil {
		opts.Now = fixed
	}
	if opts.Fatal == nil {
		opts.Fatal = func(err error) { t.Fatal(err) }
	}
	i, err := New(opts)
	require.NoError(t, err)
	t.Cleanup(i.Close)
	return i
}

// token is a token taken apart.
type token struct {
	header, payload string
	names           []string // of the claims, in order
	claims          map[string]string
	kid             string
}

func take(t *testing.T, raw string) token {
	t.Helper()
	parts := strings.Split(raw, ".")
	require.Len(t, parts, 3)
	decode := func(s string) string {
		data, err := base64.RawURLEncoding.Strict().DecodeString(s)
		require.NoError(t, err)
		return string(data)
	}
	tok := token{header: decode(parts[0]), payload: decode(parts[1])}
	tok.names, tok.claims = members(t, tok.payload)
	_, h := members(t, tok.header)
	if kid, ok := h["kid"]; ok {
		require.NoError(t, json.Unmarshal([]byte(kid), &tok.kid))
	}
	return tok
}

// members returns the names of a JSON object in order, and their values as
// they are written.
func members(t *testing.T, object string) ([]string, map[string]string) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(object))
	start, err := dec.Token()
	require.NoError(t, err)
	require.Equal(t, json.Delim('{'), start)
	var names []string
	values := map[string]string{}
	for dec.More() {
		name, err := dec.Token()
		require.NoError(t, err)
		var value json.RawMessage
		require.NoError(t, dec.Decode(&value))
		names = append(names, name.(string))
		values[name.(string)] = string(value)
	}
	return names, values
}

// fetch gets a URL through client and requires this status.
func fetch(t *testing.T, client *http.Client, url string, status int) (http.Header, string) {
	t.Helper()
	res, err := client.Get(url)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, status, res.StatusCode, "%s: %s", url, body)
	return res.Header, string(body)
}

// servedKeys returns the keys found from an issuer URL by discovery.
func servedKeys(t *testing.T, client *http.Client, issuer string) []map[string]any {
	t.Helper()
	var doc struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	_, body := fetch(t, client, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", 200)
	require.NoError(t, json.Unmarshal([]byte(body), &doc))
	require.Equal(t, issuer, doc.Issuer)
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	_, body = fetch(t, client, doc.JWKSURI, 200)
	require.NoError(t, json.Unmarshal([]byte(body), &set))
	return set.Keys
}

// verify checks raw against these keys with the standard library alone, by the
// kid and algorithm of its header.
func verify(keys []map[string]any, raw string) error {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return fmt.Errorf("%d parts", len(parts))
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		return err
	}
	var header struct{ Alg, Kid string }
	if err := json.Unmarshal(data, &header); err != nil {
		return err
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return err
	}
	input := []byte(parts[0] + "." + parts[1])
	digest := sha256.Sum256(input)
	for _, k := range keys {
		if k["kid"] != header.Kid {
			continue
		}
		if k["alg"] != header.Alg || k["use"] != "sig" {
			return fmt.Errorf("key is for %v %v", k["use"], k["alg"])
		}
		n := func(name string) *big.Int {
			b, err := base64.RawURLEncoding.DecodeString(k[name].(string))
			if err != nil {
				panic(err)
			}
			return new(big.Int).SetBytes(b)
		}
		switch header.Alg {
		case "RS256":
			return rsa.VerifyPKCS1v15(&rsa.PublicKey{N: n("n"), E: int(n("e").Int64())}, crypto.SHA256, digest[:], sig)
		case "ES256":
			point := make([]byte, 65)
			point[0] = 4 // uncompressed
			n("x").FillBytes(point[1:33])
			n("y").FillBytes(point[33:])
			pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
			if err != nil {
				return err
			}
			if len(sig) == 64 && ecdsa.Verify(pub, digest[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
				return nil
			}
			return fmt.Errorf("bad ES256 signature")
		case "EdDSA":
			if ed25519.Verify(ed25519.PublicKey(n("x").FillBytes(make([]byte, 32))), input, sig) {
				return nil
			}
			return fmt.Errorf("bad EdDSA signature")
		}
	}
	return fmt.Errorf("no key %q", header.Kid)
}

// thumbprintOf computes RFC 7638 from a served key, apart from the code under test.
func thumbprintOf(k map[string]any) string {
	var b bytes.Buffer
	switch k["kty"] {
	case "RSA":
		fmt.Fprintf(&b, `{"e":%q,"kty":"RSA","n":%q}`, k["e"], k["n"])
	case "EC":
		fmt.Fprintf(&b, `{"crv":%q,"kty":"EC","x":%q,"y":%q}`, k["crv"], k["x"], k["y"])
	case "OKP":
		fmt.Fprintf(&b, `{"crv":%q,"kty":"OKP","x":%q}`, k["crv"], k["x"])
	}
	sum := sha256.Sum256(b.Bytes())
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
