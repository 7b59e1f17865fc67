package oidc_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
)

// mint signs any text at all with a key of one algorithm, and has a verifier
// that knows the key as "k".
type mint struct {
	alg oidc.Algorithm
	key crypto.Signer
	now time.Time
	v   *oidc.Verifier
}

func newMint(t *testing.T, alg oidc.Algorithm) *mint {
	t.Helper()
	m := &mint{alg: alg, now: time.Unix(1790000000, 0)}
	var err error
	switch alg {
	case oidc.RS256:
		m.key, err = rsa.GenerateKey(rand.Reader, 2048)
	case oidc.ES256:
		m.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case oidc.EdDSA:
		_, m.key, err = ed25519.GenerateKey(rand.Reader)
	}
	require.NoError(t, err)
	i := oidc.IssuerOf[claims.Registered]("https://x.example")
	i.Algorithms, i.Keys = []oidc.Algorithm{alg}, oidc.StaticKeySet{{ID: "k", Algorithm: alg, Public: m.key.Public()}}
	m.v = must(t, oidc.Config{Issuers: []oidc.Issuer{i}, Audiences: []string{audience}, Now: func() time.Time { return m.now }})
	return m
}

// signature returns the signature of input.
func (m *mint) signature(t *testing.T, input string) string {
	t.Helper()
	digest := sha256.Sum256([]byte(input))
	var sig []byte
	var err error
	switch key := m.key.(type) {
	case *rsa.PrivateKey:
		sig, err = rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	case *ecdsa.PrivateKey:
		r, s, e := ecdsa.Sign(rand.Reader, key, digest[:])
		sig, err = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), e
	case ed25519.PrivateKey:
		sig = ed25519.Sign(key, []byte(input))
	}
	require.NoError(t, err)
	return b64(string(sig))
}

func (m *mint) header() string { return fmt.Sprintf(`{"alg":%q,"kid":"k","typ":"JWT"}`, m.alg) }

// payload returns claims that are accepted, with enough white space behind for
// an encoding of this many characters modulo 4.
func (m *mint) payload(t *testing.T, rest int) string {
	t.Helper()
	b, err := json.Marshal(map[string]any{
		"iss": "https://x.example", "sub": "s", "aud": audience, "iat": m.now.Unix(), "exp": m.now.Unix() + 3600,
	})
	require.NoError(t, err)
	s := string(b)
	for len(b64(s))%4 != rest {
		s += " "
	}
	return s
}

// slips are what can go wrong with one part in transport, or be done to it, and
// still leave the same bytes for a reader that is not strict.
var slips = map[string]func(part string) string{
	"padded once":                    func(s string) string { return s + "=" },
	"padded twice":                   func(s string) string { return s + "==" },
	"padded by four":                 func(s string) string { return s + "====" },
	"padded in front":                func(s string) string { return "=" + s },
	"padding in the middle":          func(s string) string { return s[:4] + "=" + s[4:] },
	"spaces in front":                func(s string) string { return "    " + s },
	"spaces behind":                  func(s string) string { return s + "    " },
	"space in the middle":            func(s string) string { return s[:5] + " " + s[5:] },
	"tab":                            func(s string) string { return s[:4] + "\t" + s[4:] },
	"line feed in front":             func(s string) string { return "\n" + s },
	"line feed in the middle":        func(s string) string { return s[:8] + "\n" + s[8:] },
	"line feed behind":               func(s string) string { return s + "\n" },
	"carriage return in the middle":  func(s string) string { return s[:8] + "\r" + s[8:] },
	"carriage return and line feed":  func(s string) string { return s + "\r\n" },
	"zero byte":                      func(s string) string { return s + "\x00" },
	"question mark in front":         func(s string) string { return "?" + s },
	"question mark behind":           func(s string) string { return s + "?" },
	"question mark before the last":  func(s string) string { return s[:len(s)-1] + "?" + s[len(s)-1:] },
	"question mark for a character":  func(s string) string { return "?" + s[1:] },
	"question marks for characters":  func(s string) string { return "????" + s[4:] },
	"number signs in front":          func(s string) string { return "####" + s },
	"number signs behind":            func(s string) string { return s + "####" },
	"plus sign, of the other base64": func(s string) string { return s[:2] + "+" + s[3:] },
	"solidus, of the other base64":   func(s string) string { return s[:2] + "/" + s[3:] },
	"percent-encoded":                func(s string) string { return "%65" + s[1:] },
	"letter beyond ASCII":            func(s string) string { return s[:3] + "é" + s[3:] },
	"full-width letter":              func(s string) string { return s[:3] + "Ａ" + s[4:] },
	"byte order mark":                func(s string) string { return "\ufeff" + s },
	"quoted":                         func(s string) string { return `"` + s + `"` },
	"byte that is not UTF-8":         func(s string) string { return s + "\xff" },
}

// unused changes the bits of the last character that belong to no byte; the
// part must not be a whole number of three bytes.
func unused(s string) string { return lastBits(s) }

func unb64(t *testing.T, s string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	require.NoError(t, err)
	return string(b)
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

func digest512(s string) []byte {
	digest := sha512.Sum512([]byte(s))
	return digest[:]
}

// assemble returns the token of a header and a payload after slip was made in
// one of the parts: before the signing, so that the signature is that of the
// text as sent, or after it.
func (m *mint) assemble(t *testing.T, parts [2]string, part int, before bool, slip func(string) string) string {
	t.Helper()
	if before {
		parts[part] = slip(parts[part])
	}
	token := []string{parts[0], parts[1], m.signature(t, parts[0]+"."+parts[1])}
	if !before {
		token[part] = slip(token[part])
	}
	return strings.Join(token, ".")
}

func TestEncodingsThatAreRefused(t *testing.T) {
	for _, alg := range []oidc.Algorithm{oidc.RS256, oidc.ES256, oidc.EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			m := newMint(t, alg)
			refuse := func(name, raw string) {
				t.Helper()
				tok, err := m.v.Verify(t.Context(), raw)
				assert.Nil(t, tok)
				require.Error(t, err, name)
				var e *oidc.TokenError
				require.ErrorAs(t, err, &e, name)
				assert.Same(t, oidc.ErrMalformed, e.Reason, name)
			}
			for rest := range 4 {
				if rest == 1 {
					continue // No text is encoded to such a length.
				}
				parts := [2]string{b64(m.header()), b64(m.payload(t, rest))}
				_, err := m.v.Verify(t.Context(), m.assemble(t, parts, 0, false, strings.Clone))
				require.NoError(t, err)
				for name, slip := range slips {
					for i, part := range []string{"header", "payload", "signature"} {
						refuse(part+": "+name, m.assemble(t, parts, i, false, slip))
						if i < 2 {
							refuse(part+", signed: "+name, m.assemble(t, parts, i, true, slip))
						}
					}
				}
				if rest != 0 {
					refuse("payload: unused bits", m.assemble(t, parts, 1, false, unused))
					refuse("payload, signed: unused bits", m.assemble(t, parts, 1, true, unused))
				}
				for i := range 3 { // One character more than whole bytes have.
					more := "AAAA"[:4-(len(strings.Split(m.assemble(t, parts, i, false, strings.Clone), ".")[i])+3)%4]
					refuse("a length of no bytes", m.assemble(t, parts, i, false, func(s string) string { return s + more }))
				}
			}
			// The other two parts have lengths of their own.
			for pad := range 3 {
				header := m.header() + strings.Repeat(" ", pad)
				parts := [2]string{b64(header), b64(m.payload(t, 2))}
				_, err := m.v.Verify(t.Context(), m.assemble(t, parts, 0, false, strings.Clone))
				require.NoError(t, err, "white space around the header")
				if len(parts[0])%4 != 0 {
					refuse("header: unused bits", m.assemble(t, parts, 0, false, unused))
					refuse("header, signed: unused bits", m.assemble(t, parts, 0, true, unused))
				}
			}
			refuse("signature: unused bits", m.assemble(t, [2]string{b64(m.header()), b64(m.payload(t, 0))}, 2, false, unused))
		})
	}
}

// White space inside the JSON of a header is nobody's harm.
func TestWhiteSpaceInHeader(t *testing.T) {
	for _, alg := range []oidc.Algorithm{oidc.RS256, oidc.ES256, oidc.EdDSA} {
		m := newMint(t, alg)
		for _, header := range []string{`{ "kid" : "k", "alg" : "%s" }`, "{\"kid\":\"k\",\n\t\"alg\":\"%s\"}", " \r\n{\"kid\":\"k\",\"alg\":\"%s\"}\t"} {
			input := b64(fmt.Sprintf(header, alg)) + "." + b64(m.payload(t, 0))
			_, err := m.v.Verify(t.Context(), input+"."+m.signature(t, input))
			assert.NoError(t, err, "%s %q", alg, header)
		}
	}
}

// Signatures that are none: numbers that are zero or too large, the encodings
// of other standards, and what a signature may not be longer or shorter by.
func TestSignaturesThatAreRefused(t *testing.T) {
	n := elliptic.P256().Params().N
	number := func(minus int64) string {
		b := n.Bytes()
		b[31] -= byte(minus)
		return string(b)
	}
	zero, one := strings.Repeat("\x00", 32), strings.Repeat("\x00", 31)+"\x01"
	shared := func(good string) map[string]string {
		return map[string]string{
			"zeros":              strings.Repeat("\x00", len(good)),
			"ones":               strings.Repeat("\xff", len(good)),
			"zero in front":      "\x00" + good,
			"zero behind":        good + "\x00",
			"one byte less":      good[:len(good)-1],
			"first byte missing": good[1:],
			"twice":              good + good,
			"one byte":           "\x00",
			"of something else":  "",
			"last bit flipped":   good[:len(good)-1] + string([]byte{good[len(good)-1] ^ 1}),
			"first bit flipped":  string([]byte{good[0] ^ 0x80}) + good[1:],
			"halves swapped":     good[len(good)/2:] + good[:len(good)/2],
			"bytes in reverse":   reversed(good),
		}
	}
	for _, alg := range []oidc.Algorithm{oidc.RS256, oidc.ES256, oidc.EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			m := newMint(t, alg)
			input := b64(m.header()) + "." + b64(m.payload(t, 0))
			good := unb64(t, m.signature(t, input))
			cases := shared(good)
			cases["of something else"] = unb64(t, m.signature(t, input+" "))
			switch key := m.key.(type) {
			case *ecdsa.PrivateKey:
				digest := sha256.Sum256([]byte(input))
				der, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
				require.NoError(t, err)
				cases["ASN.1"] = string(der)
				values := map[string]string{"0": zero, "1": one, "n-1": number(1), "n": number(0)}
				for rn, r := range values {
					for sn, s := range values {
						cases["r "+rn+", s "+sn] = r + s
					}
				}
				cases["r too large"] = strings.Repeat("\xff", 32) + good[32:]
				cases["s too large"] = good[:32] + strings.Repeat("\xff", 32)
				cases["numbers of 33 bytes"] = "\x00" + good[:32] + "\x00" + good[32:]
			case *rsa.PrivateKey:
				digest := sha256.Sum256([]byte(input))
				pss, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], nil)
				require.NoError(t, err)
				cases["PSS"] = string(pss)
				bare, err := rsa.SignPKCS1v15(nil, key, 0, digest[:])
				require.NoError(t, err)
				cases["no name of the hash"] = string(bare)
				cases["the modulus"] = string(key.N.Bytes())
			case ed25519.PrivateKey:
				hashed, err := key.Sign(nil, digest512(input), &ed25519.Options{Hash: crypto.SHA512})
				require.NoError(t, err)
				cases["Ed25519ph"] = string(hashed)
				withContext, err := key.Sign(nil, []byte(input), &ed25519.Options{Context: "x"})
				require.NoError(t, err)
				cases["Ed25519ctx"] = string(withContext)
			}
			for name, signature := range cases {
				tok, err := m.v.Verify(t.Context(), input+"."+b64(signature))
				assert.Nil(t, tok, name)
				if assert.Error(t, err, name) {
					assert.Same(t, oidc.ErrSignature, requireToken(t, err, oidc.ErrSignature).Reason, name)
				}
			}
		})
	}
}
