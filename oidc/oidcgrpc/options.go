package oidcgrpc

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/cioidc/cioidc/claims"
)

// Options configures the interceptors. A nil pointer means that every token that
// the verifier accepts may call every method, and that no call goes without.
type Options struct {
	// Authorize decides which methods a valid token may call. It is asked after
	// [oidc.Config].Authorize has allowed the token, under the same rules, and
	// before the token counts as used. Its decision, if not nil, takes the place
	// of that one's. Nil means that Config.Authorize alone decides.
	Authorize func(ctx context.Context, fullMethod string, c claims.Model) (decision slog.LogValuer, err error)
	// Open are the full methods, such as /grpc.health.v1.Health/Check, that
	// anybody may call, with a token or without. A token is not looked at then,
	// and there is none in the context. Each is matched as a whole; what names
	// no method opens none. Empty means that every call needs a token.
	Open []string
	// Error returns what a call that was refused for err ends with. What it
	// returns goes to the caller, the text included; nil is taken for
	// [StatusError], which is also what a nil Error means.
	Error func(ctx context.Context, fullMethod string, err error) error
}

// Methods are rules by method, for [Options].Authorize. A key is a full method,
// such as /deploy.v1.Deploy/Start, or a service with a slash at its end, such as
// /deploy.v1.Deploy/, for those of its methods that have no entry. A rule is
// asked as [oidc.Config].Authorize is; a policy's Authorize method is one.
type Methods map[string]func(ctx context.Context, c claims.Model) (decision slog.LogValuer, err error)

// ErrNoRule is why [Methods] denies a call of a method that it has no rule for.
var ErrNoRule = errors.New("oidcgrpc: no rule for this method")

// Authorize asks the rule for fullMethod, or else that of its service. The error
// is the rule's, or [ErrNoRule] if there is none or it is nil.
func (m Methods) Authorize(ctx context.Context, fullMethod string, c claims.Model) (decision slog.LogValuer, err error) {
	rule, ok := m[fullMethod]
	if !ok {
		rule = m[fullMethod[:strings.LastIndexByte(fullMethod, '/')+1]]
	}
	if rule == nil {
		return nil, ErrNoRule
	}
	return rule(ctx, c)
}
