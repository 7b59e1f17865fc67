package kmssigner

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
)

// PublicJWK returns the public half of a KMS key as a JSON Web Key (RFC 7517),
// to register at Okta under the kid keyID. publicKey is what KMS's GetPublicKey
// gives: DER, not base64 or PEM. The error is an *[exchange.ConfigError] for
// what is not an RSA key or a key on curve P-256.
func PublicJWK(publicKey []byte, keyID string) ([]byte, error) {
	if keyID == "" {
		return nil, configError("keyID", "it is required: choose the kid under which Okta shall know the key")
	}
	parsed, err := x509.ParsePKIXPublicKey(publicKey)
	if err != nil {
		return nil, configError("publicKey", "it is not a DER-encoded public key: give the PublicKey of KMS's GetPublicKey, decoded from base64")
	}
	type jwk struct {
		Type      string `json:"kty"`
		Use       string `json:"use"`
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
		N         string `json:"n,omitempty"`
		E         string `json:"e,omitempty"`
		Curve     string `json:"crv,omitempty"`
		X         string `json:"x,omitempty"`
		Y         string `json:"y,omitempty"`
	}
	encode := base64.RawURLEncoding.EncodeToString
	switch key := parsed.(type) {
	case *rsa.PublicKey:
		return json.Marshal(jwk{
			Type: "RSA", Use: "sig", Algorithm: RS256, KeyID: keyID,
			N: encode(key.N.Bytes()), E: encode(big.NewInt(int64(key.E)).Bytes()),
		})
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			break
		}
		point, err := key.ECDH() // also checks that it is on the curve
		if err != nil {
			break
		}
		b := point.Bytes() // 4, then the two coordinates of 32 bytes
		return json.Marshal(jwk{
			Type: "EC", Use: "sig", Algorithm: ES256, KeyID: keyID,
			Curve: "P-256", X: encode(b[1:33]), Y: encode(b[33:65]),
		})
	}
	return nil, configError("publicKey", "it is of another kind: want an RSA key, or a key of spec ECC_NIST_P256")
}
