package oidcgrpc

import (
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/cioidc/cioidc/oidc"
)

// StatusError returns the gRPC status for an error of the interceptors, as an
// error: Unauthenticated for an *[oidc.TokenError], [oidc.ErrReplayed],
// [oidc.ErrNoToken] and [oidc.ErrRequest], PermissionDenied for any other
// *[oidc.DeniedError], Unavailable for an *[oidc.UnavailableError], with a
// RetryInfo where that time is known, and Internal for any other. It says no more than that: what is wrong with a
// token helps whoever is trying them, and belongs in the log of the service.
//
// Malformed metadata is Unauthenticated, not InvalidArgument: in gRPC that speaks
// of the message, which nobody has looked at. Clients that fetch a new token on
// Unauthenticated do so rightly.
func StatusError(err error) error {
	var (
		token       *oidc.TokenError
		denied      *oidc.DeniedError
		unavailable *oidc.UnavailableError
	)
	switch {
	case errors.As(err, &unavailable):
		return unavailableStatus(unavailable).Err()
	case errors.As(err, &denied) && !errors.Is(denied, oidc.ErrReplayed):
		return status.Error(codes.PermissionDenied, "not permitted")
	case denied != nil, errors.As(err, &token):
		// As in HTTP, a used token is answered like one that is not valid.
		return status.Error(codes.Unauthenticated, "token not accepted")
	case errors.Is(err, oidc.ErrNoToken):
		return status.Error(codes.Unauthenticated, "no bearer token")
	case errors.Is(err, oidc.ErrRequest):
		return status.Error(codes.Unauthenticated, "malformed authorization metadata")
	}
	return status.Error(codes.Internal, "internal error")
}

func unavailableStatus(e *oidc.UnavailableError) *status.Status {
	s := status.New(codes.Unavailable, "token cannot be checked now")
	if e.RetryAfter <= 0 {
		return s
	}
	detailed, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(e.RetryAfter)})
	if err != nil {
		return s // The answer is as true without it.
	}
	return detailed
}
