package fakeissuer

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Claims are the claims of a token before it is signed, by name. Change or add
// one by assigning, leave one out by deleting it; nil is sent as null.
type Claims map[string]any

// Header is the header of a token before it is signed.
type Header map[string]any

// headerOrder is the order of members in GitLab's tokens.
var headerOrder = []string{"kid", "typ", "alg"}

// Sign returns a token of these claims, well formed or not, signed with the
// key of job tokens. Claims and other maps are encoded in the order of the
// issuer's platform, anything else as encoding/json has it.
func (i *Issuer) Sign(claims any) string { return i.SignWith(nil, claims) }

// SignWith is like [Issuer.Sign], after edit has changed the header. A nil
// edit changes nothing. The header says what it says: the signature is always
// made by the issuer's own algorithm and key.
func (i *Issuer) SignWith(edit func(Header), claims any) string {
	order := gitLabOrder
	if i.platform == CircleCIPlatform {
		order = nil
	}
	return i.sign(i.signingKey(), i.platform, edit, claims, order)
}

// SignRaw returns a token of this header and this payload, byte for byte,
// JSON or not, signed with the key of job tokens.
func (i *Issuer) SignRaw(header, payload string) string {
	k := i.signingKey()
	if k == nil {
		return ""
	}
	return i.compact(k, header, payload)
}

// sign returns a token, or an empty string if k is nil.
func (i *Issuer) sign(k *key, platform string, edit func(Header), claims any, order []string) string {
	if k == nil {
		return ""
	}
	h := Header{"kid": k.id, "alg": k.spec.algorithm}
	if platform == GitLabPlatform {
		h["typ"] = "JWT" // whether CircleCI sends one is not documented
	}
	if edit != nil {
		edit(h)
	}
	header, err := encodeMap(h, headerOrder)
	if err != nil {
		i.fatal(fmt.Errorf("fakeissuer: header: %w", err))
		return ""
	}
	var payload []byte
	switch c := claims.(type) {
	case Claims:
		payload, err = encodeMap(c, order)
	case map[string]any:
		payload, err = encodeMap(c, order)
	default:
		payload, err = marshal(c)
	}
	if err != nil {
		i.fatal(fmt.Errorf("fakeissuer: claims: %w", err))
		return ""
	}
	return i.compact(k, string(header), string(payload))
}

func (i *Issuer) compact(k *key, header, payload string) string {
	raw, err := Compact(k.signer, header, payload)
	if err != nil {
		i.fatal(err)
		return ""
	}
	return raw
}

// Compact returns header and payload, byte for byte, in JWS compact
// serialization (RFC 7515, section 7.1) with a signature by key: PKCS #1 v1.5
// with SHA-256 for RSA, ECDSA with SHA-256, or Ed25519. It is for keys that no
// issuer should have.
func Compact(key crypto.Signer, header, payload string) (string, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	input := b64([]byte(header)) + "." + b64([]byte(payload))
	digest := sha256.Sum256([]byte(input))
	var sig []byte
	var err error
	switch key := key.(type) {
	case *rsa.PrivateKey:
		sig, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	case *ecdsa.PrivateKey:
		var r, s *big.Int
		if r, s, err = ecdsa.Sign(rand.Reader, key, digest[:]); err == nil {
			// R and S side by side, each of the curve's size: RFC 7518, section 3.4.
			size := (key.Params().BitSize + 7) / 8
			sig = append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
		}
	case ed25519.PrivateKey:
		sig = ed25519.Sign(key, []byte(input))
	default:
		return "", fmt.Errorf("fakeissuer: a %T is no RSA, ECDSA or Ed25519 key", key)
	}
	if err != nil {
		return "", fmt.Errorf("fakeissuer: sign: %w", err)
	}
	return input + "." + b64(sig), nil
}

// encodeMap encodes m with the names of order first, in that order, and the
// others after them, sorted.
func encodeMap(m map[string]any, order []string) ([]byte, error) {
	rank := func(name string) int {
		if n := slices.Index(order, name); n >= 0 {
			return n
		}
		return len(order)
	}
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var b bytes.Buffer
	b.WriteByte('{')
	for n, name := range names {
		if n > 0 {
			b.WriteByte(',')
		}
		member, err := marshal(name)
		if err != nil {
			return nil, err
		}
		value, err := marshal(m[name])
		if err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
		b.Write(member)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
