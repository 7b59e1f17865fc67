package impersonate

import (
	"context"
	"errors"

	credentials "cloud.google.com/go/iam/credentials/apiv1"
	"cloud.google.com/go/iam/credentials/apiv1/credentialspb"

	"github.com/cioidc/cioidc/exchange/googlests/internal/account"
	"github.com/cioidc/cioidc/internal/compact"
	"github.com/cioidc/cioidc/internal/strictjson"
)

// SignBlob returns the signature of payload by the service account's key that
// Google holds (RSASSA-PKCS1-v1_5 with SHA-256), and the key's ID. The public
// key is at https://www.googleapis.com/service_accounts/v1/jwk/ and the
// account's email. Scopes and Lifetime mean nothing here.
//
// Each call is one signature, in the requests and the time that the package
// comment gives. Its error is an *[exchange.ConfigError] before anything is
// sent, else an *[exchange.Error].
func SignBlob(ctx context.Context, cfg Config, payload []byte) (keyID string, signature []byte, err error) {
	cfg, err = cfg.checked()
	if err != nil {
		return "", nil, err
	}
	if len(payload) == 0 {
		return "", nil, configError("payload", "it is empty: there is nothing to sign")
	}
	err = newCaller(cfg).do(ctx, func(ctx context.Context, client *credentials.IamCredentialsClient) error {
		resp, err := client.SignBlob(ctx, &credentialspb.SignBlobRequest{
			Name:      account.NamePrefix + cfg.ServiceAccount,
			Delegates: cfg.delegates(),
			Payload:   payload,
		})
		if err != nil {
			return err
		}
		keyID, signature = resp.GetKeyId(), resp.GetSignedBlob()
		if keyID == "" || len(signature) == 0 {
			return errors.New("the answer has no signature, or no ID of its key")
		}
		return nil
	})
	if err != nil {
		return "", nil, err
	}
	return keyID, signature, nil
}

// SignJWT returns claims, one JSON object, as a JWT that is signed with RS256
// by the service account's key that Google holds, and the key's ID, which is
// the JWT's kid. The public key is where [SignBlob] says.
//
// Google demands that exp, if there, is a time in the next 12 hours
// (iamcredentials/v1, signJwt), and may add one if it is not: set iat and exp.
// Requests and errors are those of [SignBlob].
func SignJWT(ctx context.Context, cfg Config, claims []byte) (keyID, signed string, err error) {
	cfg, err = cfg.checked()
	if err != nil {
		return "", "", err
	}
	if _, err := strictjson.Parse(string(claims)); err != nil {
		return "", "", configError("claims", "they must be one JSON object: "+err.Error())
	}
	err = newCaller(cfg).do(ctx, func(ctx context.Context, client *credentials.IamCredentialsClient) error {
		resp, err := client.SignJwt(ctx, &credentialspb.SignJwtRequest{
			Name:      account.NamePrefix + cfg.ServiceAccount,
			Delegates: cfg.delegates(),
			Payload:   string(claims),
		})
		if err != nil {
			return err
		}
		keyID, signed = resp.GetKeyId(), resp.GetSignedJwt()
		if _, err := compact.Split(signed); err != nil || keyID == "" {
			return errors.New("the answer has no signed JWT, or no ID of its key")
		}
		return nil
	})
	if err != nil {
		return "", "", err
	}
	return keyID, signed, nil
}
