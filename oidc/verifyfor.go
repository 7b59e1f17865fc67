package oidc

import (
	"context"
	"log/slog"

	"github.com/cioidc/cioidc/claims"
)

// VerifyFor is [Verifier.Verify] for one use of the service, such as a method
// or a path with rules of its own. It asks authorize after [Config.Authorize]
// has allowed the token, in the same way: its error denies. [Config.Replay] is
// told of the token once both have allowed it, and Audit and metrics see the one
// outcome of all.
//
// A decision of authorize that is not nil takes the place of that of
// Config.Authorize in [Token.Decision] and in [Event.Decision]. With a nil
// authorize it is Verify.
func (v *Verifier) VerifyFor(ctx context.Context, raw string, authorize func(ctx context.Context, c claims.Model) (decision slog.LogValuer, err error)) (*Token, error) {
	if authorize == nil {
		return v.Verify(ctx, raw)
	}
	return v.verifyAs(ctx, raw, func(t *Token) error {
		decision, err := authorize(ctx, t.claims)
		if decision != nil {
			t.decision = decision
		}
		if err != nil {
			return denial(t.claims, err)
		}
		return nil
	})
}
