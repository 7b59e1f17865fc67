package fakeissuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"sync"
	"time"
)

// keySpec is what a key of the pool is asked for by. bits is zero unless the
// algorithm is RS256.
type keySpec struct {
	algorithm string
	bits      int
}

// key is a signing key and what is published of it.
type key struct {
	spec   keySpec
	signer crypto.Signer
	id     string
	jwk    jwk
	cert   func() ([]byte, error) // DER
}

// jwk has the members GitLab publishes, in GitLab's order, and those of other
// key types among them.
type jwk struct {
	Type      string   `json:"kty"`
	ID        string   `json:"kid"`
	Curve     string   `json:"crv,omitempty"`
	E         string   `json:"e,omitempty"`
	N         string   `json:"n,omitempty"`
	X         string   `json:"x,omitempty"`
	Y         string   `json:"y,omitempty"`
	Use       string   `json:"use"`
	Algorithm string   `json:"alg"`
	X5C       []string `json:"x5c,omitempty"`
}

func newKey(spec keySpec) (*key, error) {
	var signer crypto.Signer
	var err error
	switch spec.algorithm {
	case RS256:
		signer, err = rsa.GenerateKey(rand.Reader, spec.bits)
	case ES256:
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, signer, err = ed25519.GenerateKey(rand.Reader)
	default:
		return nil, &OptionError{"Algorithm", fmt.Sprintf("%q is not RS256, ES256 or EdDSA", spec.algorithm)}
	}
	if err != nil {
		return nil, fmt.Errorf("fakeissuer: make a key: %w", err)
	}
	j, err := publicJWK(signer.Public())
	if err != nil {
		return nil, err
	}
	j.Use, j.Algorithm = "sig", spec.algorithm
	k := &key{spec: spec, signer: signer, id: j.ID, jwk: j}
	k.cert = sync.OnceValues(func() ([]byte, error) { return selfSigned(signer) })
	return k, nil
}

// publicJWK returns the key type's own members and, as kid, the thumbprint.
func publicJWK(pub crypto.PublicKey) (jwk, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	var j jwk
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		j = jwk{Type: "RSA", E: b64(big.NewInt(int64(pub.E)).Bytes()), N: b64(pub.N.Bytes())}
	case *ecdsa.PublicKey:
		point, err := pub.Bytes() // 4, X, Y
		if err != nil {
			return jwk{}, fmt.Errorf("fakeissuer: encode a key: %w", err)
		}
		half := (len(point) - 1) / 2
		j = jwk{Type: "EC", Curve: pub.Params().Name, X: b64(point[1 : 1+half]), Y: b64(point[1+half:])}
	case ed25519.PublicKey:
		j = jwk{Type: "OKP", Curve: "Ed25519", X: b64(pub)}
	default:
		return jwk{}, fmt.Errorf("fakeissuer: a %T is no RSA, ECDSA or Ed25519 key", pub)
	}
	j.ID = j.thumbprint()
	return j, nil
}

// thumbprint returns the SHA-256 thumbprint of j: the required members alone,
// in lexicographic order (RFC 7638, section 3; RFC 8037, section 2).
func (j jwk) thumbprint() string {
	var members any
	switch j.Type {
	case "RSA":
		members = struct {
			E string `json:"e"`
			T string `json:"kty"`
			N string `json:"n"`
		}{j.E, j.Type, j.N}
	case "EC":
		members = struct {
			C string `json:"crv"`
			T string `json:"kty"`
			X string `json:"x"`
			Y string `json:"y"`
		}{j.Curve, j.Type, j.X, j.Y}
	default:
		members = struct {
			C string `json:"crv"`
			T string `json:"kty"`
			X string `json:"x"`
		}{j.Curve, j.Type, j.X}
	}
	// Strings of base64url and two fixed names cannot fail to encode.
	data, _ := json.Marshal(members)
	sum := sha256.Sum256(data)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// selfSigned returns a certificate of the key alone. Its dates are wide and
// fixed, so that no clock a test sets falls outside.
func selfSigned(signer crypto.Signer) ([]byte, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "fake token issuer"},
		NotBefore:    time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2049, 12, 31, 0, 0, 0, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		return nil, fmt.Errorf("fakeissuer: make a certificate: %w", err)
	}
	return der, nil
}

// certThumbprint returns the SHA-1 digest of k's certificate in lower-case
// hexadecimal, the form IAM's OIDC providers take.
func (k *key) certThumbprint() (string, error) {
	der, err := k.cert()
	if err != nil {
		return "", err
	}
	sum := sha1.Sum(der)
	return hex.EncodeToString(sum[:]), nil
}
