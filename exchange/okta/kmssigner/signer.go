package kmssigner

import (
	"context"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// Signer signs with one key of KMS. It is safe for concurrent use if its client
// is, as a *[kms.Client] is.
type Signer struct {
	cfg    Config
	header string // encoded
	spec   types.SigningAlgorithmSpec
}

// New returns a signer. It does no I/O, so it cannot tell whether the key
// exists. Its error is an *[exchange.ConfigError].
func New(cfg Config) (*Signer, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.Algorithm == "" {
		cfg.Algorithm = RS256
	}
	header, err := json.Marshal(struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
		Type      string `json:"typ"`
	}{cfg.Algorithm, cfg.KeyID, "JWT"})
	if err != nil {
		return nil, configError("KeyID", "it cannot be written as JSON")
	}
	s := &Signer{cfg: cfg, header: base64.RawURLEncoding.EncodeToString(header), spec: types.SigningAlgorithmSpecRsassaPkcs1V15Sha256}
	if cfg.Algorithm == ES256 {
		s.spec = types.SigningAlgorithmSpecEcdsaSha256
	}
	return s, nil
}

// SignJWT returns claims, a JSON object, as a compact JWS (RFC 7515, section
// 3.1) that the key in KMS has signed. KMS is sent its SHA-256 digest alone, in
// one request. The error is an *[exchange.Error].
func (s *Signer) SignJWT(ctx context.Context, claims []byte) (string, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(claims, &object); err != nil || object == nil {
		return "", unsigned(errors.New("the claims are not a JSON object"))
	}
	input := s.header + "." + base64.RawURLEncoding.EncodeToString(claims)
	digest := sha256.Sum256([]byte(input))
	out, err := s.cfg.Client.Sign(ctx, &kms.SignInput{
		KeyId:            aws.String(s.cfg.Key),
		Message:          digest[:],
		MessageType:      types.MessageTypeDigest,
		SigningAlgorithm: s.spec,
	})
	if err != nil {
		return "", s.failure(err)
	}
	signature, err := s.signature(out)
	if err != nil {
		return "", unsigned(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// signature takes the signature from an answer, in the form of RFC 7518.
func (s *Signer) signature(out *kms.SignOutput) ([]byte, error) {
	if out == nil || len(out.Signature) == 0 {
		return nil, errors.New("the answer of KMS has no signature: check the client's endpoint")
	}
	if s.cfg.Algorithm == ES256 {
		return rawECDSA(out.Signature)
	}
	// The length of an RSA signature is that of the modulus: 256, 384 or 512
	// bytes for the key specs of KMS.
	if n := len(out.Signature); n < 256 || n > 512 || n%128 != 0 {
		return nil, errors.New("the signature of KMS is not one of an RSA key: check Config.Algorithm")
	}
	return out.Signature, nil
}

// rawECDSA turns the DER form in which KMS gives ECDSA signatures (RFC 3279,
// section 2.2.3) into the two 32-byte numbers of RFC 7518, section 3.4.
func rawECDSA(der []byte) ([]byte, error) {
	var sig struct{ R, S *big.Int }
	const size = 32
	rest, err := asn1.Unmarshal(der, &sig)
	switch {
	case err != nil, len(rest) > 0,
		sig.R.Sign() <= 0, sig.S.Sign() <= 0,
		sig.R.BitLen() > 8*size, sig.S.BitLen() > 8*size:
		return nil, errors.New("the signature of KMS is not one of a key on curve P-256: check Config.Algorithm")
	}
	raw := make([]byte, 2*size)
	sig.R.FillBytes(raw[:size])
	sig.S.FillBytes(raw[size:])
	return raw, nil
}
