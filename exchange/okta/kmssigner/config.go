package kmssigner

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/cioidc/cioidc/exchange"
)

const packageName = "kmssigner"

// The algorithms that both Okta and KMS have (RFC 7518, section 3.1). RS256 is
// RSASSA_PKCS1_V1_5_SHA_256 in KMS, ES256 is ECDSA_SHA_256.
const (
	RS256 = "RS256"
	ES256 = "ES256"
)

// Client is the part of *[kms.Client] that a [Signer] uses.
type Client interface {
	Sign(ctx context.Context, in *kms.SignInput, optFns ...func(*kms.Options)) (*kms.SignOutput, error)
}

var _ Client = (*kms.Client)(nil)

// Config configures a [Signer]. Client, Key and KeyID are required.
type Config struct {
	// Client calls KMS, as a *[kms.Client] does. Required.
	Client Client
	// Key is the KMS key: its ID, its ARN, "alias/" and a name, or an alias's
	// ARN. A key of another account needs an ARN. Required.
	Key string
	// KeyID is the kid under which the public half is registered at Okta. It
	// has nothing to do with KMS's own ID of the key. Required, because without
	// it Okta cannot tell two keys of one client apart, and there are two
	// whenever one replaces the other.
	KeyID string
	// Algorithm is [RS256] or [ES256], as fits the key. Empty means RS256.
	Algorithm string
}

func configError(field, problem string) error {
	return &exchange.ConfigError{Package: packageName, Field: field, Problem: problem}
}

func (c *Config) validate() error {
	switch {
	case c.Client == nil, c.Client == (*kms.Client)(nil):
		return configError("Client", "it is required: give kms.NewFromConfig(provider.AWSConfig()) with a provider of package awssts")
	case c.Key == "":
		return configError("Key", `it is required: want a KMS key's ID, its ARN, or "alias/NAME"`)
	case strings.HasPrefix(c.Key, "-----BEGIN"):
		return configError("Key", "it is a key in PEM: the key stays in KMS, give its ID, its ARN, or \"alias/NAME\"")
	case strings.ContainsFunc(c.Key, func(r rune) bool { return r <= ' ' || r > '~' }) || len(c.Key) > 2048:
		return configError("Key", `it is not a KMS key: want its ID, its ARN, or "alias/NAME"`)
	case c.KeyID == "":
		return configError("KeyID", "it is required: give the kid under which the public key is registered at Okta")
	case c.Algorithm != "" && c.Algorithm != RS256 && c.Algorithm != ES256:
		return configError("Algorithm", "it must be RS256, for an RSA key, or ES256, for a key on curve P-256")
	}
	return nil
}
