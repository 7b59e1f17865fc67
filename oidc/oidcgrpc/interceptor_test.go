package oidcgrpc_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidcgrpc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

func TestInterceptors(t *testing.T) {
	w := newWorld(t, nil, &oidcgrpc.Options{Authorize: oidcgrpc.Methods{check: mainOnly, watch: mainOnly}.Authorize})
	conn := w.dial(t)
	good := w.gitlab.GitLab(audience)
	for name, c := range map[string]struct {
		authorization []string
		code          codes.Code
		message       string
		outcome       error // of the audit; nil if there is none
	}{
		"allowed":              {[]string{"Bearer " + good}, codes.OK, "", nil},
		"scheme in lower case": {[]string{"bearer  " + good}, codes.OK, "", nil},
		"nothing":              {nil, codes.Unauthenticated, "no bearer token", nil},
		"empty":                {[]string{""}, codes.Unauthenticated, "no bearer token", nil},
		"Basic":                {[]string{"Basic eDp5"}, codes.Unauthenticated, "no bearer token", nil},
		"no token":             {[]string{"Bearer"}, codes.Unauthenticated, "malformed authorization metadata", nil},
		"the same twice":       {[]string{"Bearer " + good, "Bearer " + good}, codes.Unauthenticated, "malformed authorization metadata", nil},
		"two in one":           {[]string{"Bearer " + good + ", Bearer " + good}, codes.Unauthenticated, "malformed authorization metadata", nil},
		"no JWT":               {[]string{"Bearer x"}, codes.Unauthenticated, "token not accepted", oidc.ErrMalformed},
		"expired":              {[]string{"Bearer " + w.gitlab.GitLab(audience, oidctest.Expired)}, codes.Unauthenticated, "token not accepted", oidc.ErrExpired},
		"other audience":       {[]string{"Bearer " + w.gitlab.GitLab(audience+"x")}, codes.Unauthenticated, "token not accepted", oidc.ErrAudience},
		"denied":               {[]string{"Bearer " + w.gitlab.GitLab(audience, oidctest.Branch("x"))}, codes.PermissionDenied, "not permitted", errSecret},
		"fork":                 {[]string{"Bearer " + w.gitlab.GitLab(audience, oidctest.ForkMergeRequestInParent)}, codes.PermissionDenied, "not permitted", oidc.ErrFork},
	} {
		for kind, method := range map[string]string{"unary": check, "stream": watch} {
			t.Run(name+", "+kind, func(t *testing.T) {
				w.taken()
				err := call(t.Context(), conn, method, c.authorization...)
				assert.Equal(t, c.code, status.Code(err))
				assert.Equal(t, c.message, status.Convert(err).Message())
				handled, events, _ := w.taken()
				if c.code != codes.OK {
					assert.Empty(t, handled, "a call that was refused reached its handler")
				} else if assert.Len(t, handled, 1) {
					tok, ok := oidc.FromContext(handled[0])
					require.True(t, ok)
					assert.Equal(t, w.gitlab.KeyID(), tok.KeyID())
					assert.Equal(t, decision("main"), tok.Decision())
					gitlab, ok := oidc.ClaimsFromContext[claims.GitLab](handled[0])
					require.True(t, ok)
					assert.Equal(t, oidctest.GitLabProjectPath, gitlab.ProjectPath)
				}
				if c.outcome == nil && c.code != codes.OK {
					assert.Empty(t, events, "there was no token")
					return
				}
				require.Len(t, events, 1, "one record for one decision")
				assert.ErrorIs(t, events[0].Err, c.outcome)
				assert.Equal(t, method, events[0].method)
			})
		}
	}
}

// Whether the method's rule or the service's own refuses, there is one record,
// with the decision of whichever was asked last.
func TestBothDecide(t *testing.T) {
	asked := ""
	w := newWorld(t, func(cfg *oidc.Config) {
		cfg.Authorize = func(_ context.Context, c claims.Model) (slog.LogValuer, error) {
			asked += "service "
			if c.(*claims.GitLab).Ref == "stranger" {
				return decision("no stranger"), errSecret
			}
			return decision("no stranger"), nil
		}
	}, &oidcgrpc.Options{Authorize: func(_ context.Context, fullMethod string, c claims.Model) (slog.LogValuer, error) {
		asked += fullMethod
		if fullMethod == check {
			return nil, nil
		}
		return mainOnly(t.Context(), c)
	}})
	conn := w.dial(t)
	for _, c := range []struct {
		method, ref string
		code        codes.Code
		decided     decision
		asked       string
	}{
		{watch, "main", codes.OK, "main", "service " + watch},
		{watch, "other", codes.PermissionDenied, "not main", "service " + watch},
		{check, "other", codes.OK, "no stranger", "service " + check},
		{check, "stranger", codes.PermissionDenied, "no stranger", "service "},
	} {
		asked = ""
		err := call(t.Context(), conn, c.method, "Bearer "+w.gitlab.GitLab(audience, oidctest.Branch(c.ref)))
		assert.Equal(t, c.code, status.Code(err), c)
		handled, events, _ := w.taken()
		assert.Equal(t, c.asked, asked)
		require.Len(t, events, 1)
		assert.Equal(t, c.decided, events[0].Decision)
		if c.code == codes.OK {
			tok, _ := oidc.FromContext(handled[0])
			assert.Equal(t, c.decided, tok.Decision())
			continue
		}
		var denied *oidc.DeniedError
		require.ErrorAs(t, events[0].Err, &denied)
		assert.Equal(t, claims.ID(oidctest.GitLabProjectID), denied.Claims.(*claims.GitLab).ProjectID)
		assert.Empty(t, handled)
	}
}

// Without options every valid token may call everything, and nothing goes
// without one, methods that the server does not have included.
func TestNoOptions(t *testing.T) {
	for name, opts := range map[string]*oidcgrpc.Options{"nil": nil, "zero": {}} {
		w := newWorld(t, nil, opts)
		conn := w.dial(t)
		for _, method := range []string{check, list, watch, "/other.Service/Method"} {
			assert.Equal(t, codes.Unauthenticated, status.Code(call(t.Context(), conn, method)), name+method)
			handled, _, _ := w.taken()
			assert.Empty(t, handled, name+method)
			err := call(t.Context(), conn, method, "Bearer "+w.gitlab.GitLab(audience, oidctest.Branch("x")))
			handled, _, _ = w.taken()
			require.Len(t, handled, 1, "%s%s: %v", name, method, err)
			_, ok := oidc.FromContext(handled[0])
			assert.True(t, ok)
		}
	}
}

func TestKeysAway(t *testing.T) {
	w := newWorld(t, nil, nil)
	w.away.Fail(0)
	w.away.Misbehave(func(rw http.ResponseWriter, _ *http.Request) bool {
		rw.Header().Set("Retry-After", "120")
		rw.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	conn := w.dial(t)
	for _, method := range []string{check, watch} {
		err := call(t.Context(), conn, method, "Bearer "+w.away.GitLab(audience))
		assert.Equal(t, codes.Unavailable, status.Code(err))
		assert.Equal(t, "token cannot be checked now", status.Convert(err).Message())
		handled, events, _ := w.taken()
		assert.Empty(t, handled)
		require.Len(t, events, 1)
		var unavailable *oidc.UnavailableError
		require.ErrorAs(t, events[0].Err, &unavailable)
		details := status.Convert(err).Details()
		require.Len(t, details, 1)
		require.IsType(t, (*errdetails.RetryInfo)(nil), details[0])
		assert.Positive(t, unavailable.RetryAfter)
		assert.Equal(t, unavailable.RetryAfter, details[0].(*errdetails.RetryInfo).RetryDelay.AsDuration())
	}
}

// The call's own deadline ends the wait for keys.
func TestDeadline(t *testing.T) {
	w := newWorld(t, nil, nil)
	w.gitlab.Misbehave(func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := call(ctx, w.dial(t), check, "Bearer "+w.gitlab.GitLab(audience))
	assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
	handled, _, _ := w.taken()
	assert.Empty(t, handled)
}

// A verifier that nobody made accepts nothing.
func TestNoVerifier(t *testing.T) {
	w := newWorld(t, nil, nil)
	for _, opts := range []*oidcgrpc.Options{nil, {Authorize: oidcgrpc.Methods{}.Authorize}} {
		w.serve(t, nil, opts)
		conn := w.dial(t)
		for _, method := range []string{check, watch} {
			err := call(t.Context(), conn, method, "Bearer "+w.gitlab.GitLab(audience))
			assert.Equal(t, codes.Internal, status.Code(err))
			assert.Equal(t, "internal error", status.Convert(err).Message())
		}
	}
	handled, _, _ := w.taken()
	assert.Empty(t, handled)
}
