// Package googlesigner signs client assertions with the key of a Google service
// account, for package okta. Google holds the key and rotates it by itself, and
// the job reaches it with the identity that its CI token gives it: nothing is
// stored anywhere, and no key is ever uploaded to Okta.
//
//	federated, err := googlests.Credentials(googlests.Config{ ... })
//	if err != nil { ... }
//	signer, err := googlesigner.New(impersonate.Config{
//		ServiceAccount: "okta-deploy@my-project.iam.gserviceaccount.com",
//		Base:           federated,
//	})
//
// # What must exist
//
// At Google: the service account, which needs no role of its own, and on it
// roles/iam.serviceAccountTokenCreator for the principal or principalSet that
// the provider makes of the CI token. Whoever has that role can act as the
// client at Okta, so grant it to nobody else. At Okta: [Signer.JWKSURL] as the
// client's jwks_uri (in the console: "Use a URL to fetch keys dynamically"), or
// Okta would know the key only until Google's next rotation.
//
// # Errors
//
// New returns an *[exchange.ConfigError]. SignJWT returns the errors of package
// impersonate. The requests, and how often they are repeated, are its too.
//
// The package links Google's IAM Credentials client with gRPC, which is why it
// is a package of its own.
package googlesigner

import (
	"context"

	"github.com/cioidc/cioidc/exchange/googlests/impersonate"
)

// Signer signs with the current key of one service account. It is safe for
// concurrent use.
type Signer struct{ cfg impersonate.Config }

// New returns a signer for cfg.ServiceAccount; cfg.Scopes and cfg.Lifetime mean
// nothing here. It sends nothing, so it cannot tell whether the account exists.
// Its error is an *[exchange.ConfigError].
func New(cfg impersonate.Config) (*Signer, error) {
	// This checks the configuration, and sends nothing until it is used.
	if _, err := impersonate.Credentials(cfg); err != nil {
		return nil, err
	}
	return &Signer{cfg}, nil
}

// SignJWT returns claims, a JSON object, as a JWT that Google has signed with
// RS256 and the account's current key, whose ID is its kid. An exp must be
// within 12 hours. The error is an *[exchange.Error] for what Google refuses or
// what does not reach it, and an *[exchange.ConfigError] for unusable claims.
func (s *Signer) SignJWT(ctx context.Context, claims []byte) (string, error) {
	_, signed, err := impersonate.SignJWT(ctx, s.cfg, claims)
	return signed, err
}

// JWKSURL returns the address at which Google publishes the account's public
// keys, for the client's jwks_uri at Okta
// (https://cloud.google.com/iam/docs/service-account-creds).
func (s *Signer) JWKSURL() string {
	return "https://www.googleapis.com/service_accounts/v1/jwk/" + s.cfg.ServiceAccount
}
