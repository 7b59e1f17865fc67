package kmssigner

import (
	"context"
	"errors"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	smithy "github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/safetext"
)

const service = "aws"

// unsigned is the error of a signature that was not made, or is none.
func unsigned(err error) *exchange.Error {
	return &exchange.Error{Service: service, Stage: exchange.StageSign, Err: err}
}

// failure makes an [exchange.Error] of an error of the SDK. The SDK's own is
// not kept: it holds the request, and with it the session's token.
func (s *Signer) failure(err error) error {
	var credentials *exchange.Error
	if errors.As(err, &credentials) {
		return credentials // KMS was not asked: there was nothing to ask it with
	}
	e := unsigned(nil)
	var response interface{ ServiceRequestID() string }
	if errors.As(err, &response) {
		e.RequestID = safetext.Cut(response.ServiceRequestID())
	}
	var status *smithyhttp.ResponseError
	if errors.As(err, &status) {
		e.StatusCode = status.HTTPStatusCode()
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		e.Code, e.Description = safetext.Cut(api.ErrorCode()), safetext.Cut(api.ErrorMessage())
		e.Err = &smithy.GenericAPIError{Code: e.Code, Message: e.Description, Fault: api.ErrorFault()}
		e.Causes = s.causes(err, e.Code)
		return e
	}
	e.Err = keepError(err)
	return e
}

// keepError returns what of an error without an answer can be kept: that a
// context ended, the network's error, or else its text.
func keepError(err error) error {
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, end) {
			return end
		}
	}
	var network *url.Error
	if errors.As(err, &network) {
		return &url.Error{Op: network.Op, URL: network.URL, Err: network.Err}
	}
	return errors.New(safetext.Cut(err.Error()))
}

// causes explains a refusal by its code: KMS's codes say what is wrong
// (https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html).
func (s *Signer) causes(err error, code string) []exchange.Cause {
	key := exchange.Evidence{Name: "key", Configured: s.cfg.Key}
	var (
		notFound *types.NotFoundException
		disabled *types.DisabledException
		state    *types.KMSInvalidStateException
		usage    *types.InvalidKeyUsageException
	)
	switch {
	case code == "AccessDeniedException":
		return []exchange.Cause{{
			ID: "kms-permission", Certain: true, Evidence: []exchange.Evidence{key},
			Summary: "the job's role may not sign with the key",
			Action:  "grant it kms:Sign on the key, in the role's policies or in the key policy; a key of another account needs both",
		}}
	case errors.As(err, &notFound):
		return []exchange.Cause{{
			ID: "kms-key", Certain: true, Evidence: []exchange.Evidence{key},
			Summary: "there is no such key in the client's account and region",
			Action:  "check Config.Key and the client's region; give the key's ARN if it belongs to another account",
		}}
	case errors.As(err, &disabled), errors.As(err, &state):
		return []exchange.Cause{{
			ID: "kms-key-state", Certain: true, Evidence: []exchange.Evidence{key},
			Summary: "the key is disabled, or about to be deleted",
			Action:  "enable the key in KMS, or sign with the one that replaces it",
		}}
	case errors.As(err, &usage):
		return []exchange.Cause{{
			ID: "kms-key-usage", Certain: true,
			Evidence: []exchange.Evidence{key, {Name: "algorithm", Configured: s.cfg.Algorithm}},
			Summary:  "the key is not for signing, or not for this algorithm",
			Action:   "use a key whose usage is SIGN_VERIFY, and set Config.Algorithm to RS256 for an RSA key and to ES256 for one of ECC_NIST_P256",
		}}
	}
	return nil
}
