package awssts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	smithy "github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/safetext"
)

const service = "aws"

// notSTS is the SDK's code for an error answer that has none. Newer ones find a
// code in answers that are not of STS's form, and have it for the text then.
const notSTS = "UnknownError"

// errNotSTS is what is said of an error answer in which STS's form is not found.
func errNotSTS() error {
	return errors.New("the answer is not one of STS: check the endpoint, and any proxy on the way")
}

// failure makes an [exchange.Error] of an error of the SDK. The SDK's own error
// is not kept: it holds the response, which holds the request, which holds the
// token; and STS repeats in some of its texts what it was sent.
func failure(err error, token string) *exchange.Error {
	e := &exchange.Error{Service: service, Stage: exchange.StageExchange}
	var response interface{ ServiceRequestID() string }
	if errors.As(err, &response) {
		e.RequestID = safetext.Cut(safetext.Scrub(response.ServiceRequestID(), token))
	}
	var status *smithyhttp.ResponseError
	if errors.As(err, &status) {
		e.StatusCode = status.HTTPStatusCode()
	}
	var api smithy.APIError
	switch {
	case !errors.As(err, &api):
		e.Err = keepError(err, token)
	case api.ErrorCode() == notSTS || api.ErrorMessage() == notSTS:
		e.Err = errNotSTS()
	default:
		text := safetext.Scrub(api.ErrorMessage(), token)
		e.Code = safetext.Cut(safetext.Scrub(api.ErrorCode(), token))
		e.Description = safetext.Cut(text)
		e.Err = keepAPIError(api, e.Code, text)
	}
	return e
}

// keepAPIError returns err if its type is one of STS's and its text is clean,
// else a generic error with the same code and a clean text.
func keepAPIError(err smithy.APIError, code, text string) error {
	if err.ErrorMessage() == text {
		switch err.(type) {
		case *types.InvalidIdentityTokenException, *types.IDPCommunicationErrorException, *types.ExpiredTokenException,
			*types.IDPRejectedClaimException, *types.MalformedPolicyDocumentException, *types.PackedPolicyTooLargeException,
			*types.RegionDisabledException:
			return err
		}
	}
	return &smithy.GenericAPIError{Code: code, Message: text, Fault: err.ErrorFault()}
}

// keepError returns what of an error without an answer can be kept: that a
// context ended, the network's error, or else its text.
func keepError(err error, token string) error {
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, end) {
			return end
		}
	}
	var network *url.Error
	if errors.As(err, &network) && !strings.Contains(network.Error(), token) {
		return &url.Error{Op: network.Op, URL: network.URL, Err: network.Err}
	}
	var params smithy.InvalidParamsError
	if errors.As(err, &params) {
		return errors.New(safetext.Scrub(params.Error(), token))
	}
	// An answer that broke off while it was read is a dropped connection, though
	// its status had come.
	for _, end := range []error{net.ErrClosed, io.ErrUnexpectedEOF, syscall.ECONNRESET} {
		if errors.Is(err, end) {
			return fmt.Errorf("the answer broke off: %w", end)
		}
	}
	// An error answer that is not XML has no code; from sts v1.52.0 on, one that is
	// XML of another kind has none either, where older ones say notSTS.
	var answer *smithyhttp.ResponseError
	switch {
	case !errors.As(err, &answer):
	case answer.HTTPStatusCode() == http.StatusOK:
		return errors.New("the answer could not be read: check that the endpoint is an STS endpoint")
	default:
		return errNotSTS()
	}
	return errors.New(safetext.Scrub(err.Error(), token))
}

// finalError marks the error within an [exchange.Error] as final for clients of
// the SDK. They retry an operation whose credentials could not be had when they
// find in that error a throttling, a network error or a timeout, and each such
// attempt would be an exchange of three requests.
type finalError struct{ err error }

// Error and Unwrap are those of the error within.
func (e *finalError) Error() string { return e.err.Error() }
func (e *finalError) Unwrap() error { return e.err }

// RetryableError is what package retry of the SDK asks before it looks at codes
// and network errors.
func (*finalError) RetryableError() bool { return false }

// ErrorCode hides the code within from checks that a client may put before that
// one, as retry.AddWithErrorCodes does. errors.As still finds a [smithy.APIError]
// within, which has more methods than this.
func (*finalError) ErrorCode() string { return "" }
