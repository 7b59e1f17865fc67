package fakeissuer

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestThumbprintsOfTheRFCs(t *testing.T) {
	// RFC 7638, section 3.1, and RFC 8037, appendix A.3.
	rsaKey := jwk{Type: "RSA", ID: "2011-04-29", Algorithm: "RS256", E: "AQAB", N: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}
	assert.Equal(t, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", rsaKey.thumbprint())
	ed := jwk{Type: "OKP", Curve: "Ed25519", X: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
	assert.Equal(t, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", ed.thumbprint())
}

func TestKeySetShape(t *testing.T) {
	for _, platform := range []string{GitLabPlatform, CircleCIPlatform} {
		for alg, want := range map[string][]string{
			RS256: {"kty", "kid", "e", "n", "use", "alg"},
			ES256: {"kty", "kid", "crv", "x", "y", "use", "alg"},
			EdDSA: {"kty", "kid", "crv", "x", "use", "alg"},
		} {
			t.Run(platform+" "+alg, func(t *testing.T) {
				i := open(t, Options{Platform: platform, Algorithm: alg})
				body, err := i.JWKS()
				require.NoError(t, err)
				var set struct{ Keys []json.RawMessage }
				require.NoError(t, json.Unmarshal(body, &set))
				if platform == GitLabPlatform {
					require.Len(t, set.Keys, 2, "login and job tokens")
				} else {
					require.Len(t, set.Keys, 1)
				}
				for _, raw := range set.Keys {
					names, _ := members(t, string(raw))
					assert.Equal(t, want, names)
					var k map[string]any
					require.NoError(t, json.Unmarshal(raw, &k))
					assert.Equal(t, thumbprintOf(k), k["kid"])
					assert.Equal(t, alg, k["alg"])
					assert.Equal(t, "sig", k["use"])
					if alg == RS256 {
						n, err := base64.RawURLEncoding.DecodeString(k["n"].(string))
						require.NoError(t, err)
						assert.Len(t, n, 2048/8)
						assert.Equal(t, "AQAB", k["e"])
					}
				}

				// The served keys verify the tokens, in memory and over TCP.
				mint := map[string]func(*Issuer) string{
					GitLabPlatform:   func(i *Issuer) string { return i.GitLab(aud) },
					CircleCIPlatform: func(i *Issuer) string { return i.CircleCI(aud) },
				}[platform]
				require.NoError(t, verify(servedKeys(t, Client(i), i.URL()), mint(i)))
				srv := httptest.NewUnstartedServer(nil)
				served := open(t, Options{URL: "http://" + srv.Listener.Addr().String() + "/below", Platform: platform, Algorithm: alg})
				srv.Config.Handler = served
				srv.Start()
				defer srv.Close()
				keys := servedKeys(t, srv.Client(), served.URL())
				require.NoError(t, verify(keys, mint(served)))
				assert.ErrorContains(t, verify(keys, mint(i)), "no key", "another issuer's token")
			})
		}
	}
}

func TestLoginKeySize(t *testing.T) {
	i := open(t, Options{LoginKeyBits: 3072})
	keys := servedKeys(t, Client(i), i.URL())
	for n, want := range []int{3072, 2048} {
		modulus, err := base64.RawURLEncoding.DecodeString(keys[n]["n"].(string))
		require.NoError(t, err)
		assert.Len(t, modulus, want/8)
	}
	require.NoError(t, verify(keys, i.Login(aud)))
}

func TestCertificates(t *testing.T) {
	for _, alg := range []string{RS256, ES256, EdDSA} {
		i := open(t, Options{Algorithm: alg, X5C: true})
		keys := servedKeys(t, Client(i), i.URL())
		prints := i.Thumbprints()
		require.Len(t, prints, len(keys))
		for n, k := range keys {
			chain := k["x5c"].([]any)
			require.Len(t, chain, 1)
			der, err := base64.StdEncoding.DecodeString(chain[0].(string))
			require.NoError(t, err)
			cert, err := x509.ParseCertificate(der)
			require.NoError(t, err)
			require.NoError(t, cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature))
			sum := sha1.Sum(der)
			assert.Equal(t, hex.EncodeToString(sum[:]), prints[n])
			if k["kid"] == i.KeyID() {
				assert.True(t, i.PublicKey().(interface{ Equal(crypto.PublicKey) bool }).Equal(cert.PublicKey))
			}
			j, err := publicJWK(cert.PublicKey)
			require.NoError(t, err)
			assert.Equal(t, k["kid"], j.ID)
		}
		assert.Equal(t, prints, i.Thumbprints(), "the certificates stay the same")
	}
	plain := open(t, Options{})
	_, body := fetch(t, Client(plain), plain.KeysURL(), 200)
	assert.NotContains(t, body, "x5c")
}

func TestRotate(t *testing.T) {
	i := open(t, Options{Algorithm: ES256})
	client := Client(i)
	login, first := i.Login(aud), i.GitLab(aud)
	i.Rotate(true)
	second := i.GitLab(aud)
	keys := servedKeys(t, client, i.URL())
	require.Len(t, keys, 3)
	for _, raw := range []string{login, first, second} {
		require.NoError(t, verify(keys, raw))
	}
	assert.NotEqual(t, take(t, first).kid, take(t, second).kid)

	i.Rotate(false)
	keys = servedKeys(t, client, i.URL())
	require.Len(t, keys, 2)
	require.NoError(t, verify(keys, login))
	require.NoError(t, verify(keys, i.GitLab(aud)))
	assert.ErrorContains(t, verify(keys, first), "no key")
	assert.ErrorContains(t, verify(keys, second), "no key")
}

func TestOpenIssuersHaveDifferentKeys(t *testing.T) {
	seen := map[string]bool{}
	for range 3 {
		a, err := New(Options{Algorithm: EdDSA})
		require.NoError(t, err)
		a.KeyID()
		a.Rotate(false) // the withdrawn key must not turn up elsewhere
		a.Close()
	}
	for range 8 {
		i := open(t, Options{Algorithm: EdDSA})
		for _, k := range servedKeys(t, Client(i), i.URL()) {
			assert.False(t, seen[k["kid"].(string)])
			seen[k["kid"].(string)] = true
		}
		old := i.KeyID()
		i.Rotate(false)
		assert.NotEqual(t, old, i.KeyID())
		assert.False(t, seen[i.KeyID()])
		seen[i.KeyID()] = true
	}
}

func TestClosedIssuersGiveTheirKeysBack(t *testing.T) {
	spec := keySpec{algorithm: ES256}
	p := keyPool{}
	k, err := p.take(spec)
	require.NoError(t, err)
	p.put([]*key{k})
	again, err := p.take(spec)
	require.NoError(t, err)
	assert.Same(t, k, again)
	other, err := p.take(spec)
	require.NoError(t, err)
	assert.NotSame(t, k, other)

	a := open(t, Options{Algorithm: ES256})
	a.GitLab(aud)
	taken := a.ring.taken
	require.Len(t, taken, 2)
	a.Close()
	a.Close() // gives nothing back twice
	pool.mu.Lock()
	defer pool.mu.Unlock()
	for _, k := range taken {
		n := 0
		for _, free := range pool.free[spec] {
			if free == k {
				n++
			}
		}
		assert.Equal(t, 1, n)
	}
}

func TestKeysOfAnotherIssuer(t *testing.T) {
	org := open(t, Options{URL: CircleCIURL(CircleCIOrganizationID), Algorithm: ES256})
	root := open(t, Options{URL: CircleCIRootURL, KeysOf: org})
	client := Client(org, root)
	raw := org.CircleCI(aud, RootIssuer)
	require.NoError(t, verify(servedKeys(t, client, root.URL()), raw))
	root.Rotate(false)
	assert.Equal(t, root.KeyID(), org.KeyID())
	root.Close()
	require.NoError(t, verify(servedKeys(t, client, org.URL()), org.CircleCI(aud)), "a borrower closes nothing")
}

func TestCompactWithKeysNoIssuerHas(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	require.NoError(t, err)
	raw, err := Compact(key, `{"alg":"ES256"}`, `{}`)
	require.NoError(t, err)
	sig := raw[bytes.LastIndexByte([]byte(raw), '.')+1:]
	assert.Equal(t, base64.RawURLEncoding.EncodedLen(2*66), len(sig))

	_, err = Compact(nil, "", "")
	assert.EqualError(t, err, "fakeissuer: a <nil> is no RSA, ECDSA or Ed25519 key")
	_, err = newKey(keySpec{algorithm: "HS256"})
	var bad *OptionError
	require.ErrorAs(t, err, &bad)
	assert.Equal(t, "Algorithm", bad.Field)
	_, err = publicJWK("key")
	assert.EqualError(t, err, "fakeissuer: a string is no RSA, ECDSA or Ed25519 key")
}
