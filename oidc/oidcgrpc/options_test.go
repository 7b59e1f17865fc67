package oidcgrpc_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidcgrpc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// What is open is open as a whole and nothing beside it, and a token there is
// nobody's identity.
func TestOpen(t *testing.T) {
	opts := &oidcgrpc.Options{Open: []string{check, "/grpc.health.v1.Health/", "grpc.health.v1.Health/List", "/grpc.health.v1.Health/Watc*", ""}}
	w := newWorld(t, nil, opts)
	opts.Open[1] = watch // too late
	conn := w.dial(t)
	for _, authorization := range [][]string{nil, {"Bearer x"}, {"Bearer " + w.gitlab.GitLab(audience)}} {
		require.NoError(t, call(t.Context(), conn, check, authorization...))
		handled, events, _ := w.taken()
		require.Len(t, handled, 1)
		_, ok := oidc.FromContext(handled[0])
		assert.False(t, ok)
		assert.Empty(t, events)
	}
	for _, method := range []string{list, watch, "/grpc.health.v1.Health/Checks", "/other.Service/Check"} {
		assert.Equal(t, codes.Unauthenticated, status.Code(call(t.Context(), conn, method)), method)
	}
	handled, _, _ := w.taken()
	assert.Empty(t, handled)
}

func TestOpenStream(t *testing.T) {
	w := newWorld(t, nil, &oidcgrpc.Options{Open: []string{watch}})
	conn := w.dial(t)
	require.NoError(t, call(t.Context(), conn, watch))
	assert.Equal(t, codes.Unauthenticated, status.Code(call(t.Context(), conn, check)))
}

// What Error returns goes to the caller, but a call that was refused stays so.
func TestError(t *testing.T) {
	var w *world
	w = newWorld(t, nil, &oidcgrpc.Options{Error: func(ctx context.Context, fullMethod string, err error) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.refused = append(w.refused, err)
		if fullMethod == check {
			return status.Error(codes.ResourceExhausted, "own words")
		}
		return nil
	}})
	conn := w.dial(t)
	for _, c := range []struct {
		method  string
		code    codes.Code
		message string
	}{{check, codes.ResourceExhausted, "own words"}, {watch, codes.Unauthenticated, "no bearer token"}} {
		err := call(t.Context(), conn, c.method)
		assert.Equal(t, c.code, status.Code(err))
		assert.Equal(t, c.message, status.Convert(err).Message())
		handled, _, refused := w.taken()
		assert.Empty(t, handled)
		require.Len(t, refused, 1)
		assert.ErrorIs(t, refused[0], oidc.ErrNoToken)
	}
	require.NoError(t, call(t.Context(), conn, check, "Bearer "+w.gitlab.GitLab(audience)))
}

func TestMethods(t *testing.T) {
	says := func(s string) func(context.Context, claims.Model) (slog.LogValuer, error) {
		return func(context.Context, claims.Model) (slog.LogValuer, error) { return decision(s), nil }
	}
	m := oidcgrpc.Methods{
		"/a.S/One":  says("one"),
		"/a.S/None": nil,
		"/a.S/":     says("service"),
		"/b.S/One":  mainOnly,
		"/":         says("root"),
		"":          says("empty"),
	}
	for method, want := range map[string]string{
		"/a.S/One": "one", "/a.S/Two": "service", "/a.S/None": "", "/b.S/Two": "", "/a.St/One": "", "/a/One": "", "a.S/One": "",
	} {
		got, err := m.Authorize(t.Context(), method, &claims.GitLab{})
		if want == "" {
			assert.ErrorIs(t, err, oidcgrpc.ErrNoRule, method)
			assert.Nil(t, got, method)
			continue
		}
		require.NoError(t, err, method)
		assert.Equal(t, decision(want), got, method)
	}
	got, err := m.Authorize(t.Context(), "/b.S/One", &claims.GitLab{})
	assert.ErrorIs(t, err, errSecret)
	assert.Equal(t, decision("not main"), got)
	_, err = oidcgrpc.Methods(nil).Authorize(t.Context(), "/a.S/One", &claims.GitLab{})
	assert.ErrorIs(t, err, oidcgrpc.ErrNoRule)
}

// A method without a rule is denied to everybody, and that is on record.
func TestMethodWithoutRule(t *testing.T) {
	w := newWorld(t, nil, &oidcgrpc.Options{Authorize: oidcgrpc.Methods{check: mainOnly}.Authorize})
	conn := w.dial(t)
	for _, method := range []string{list, watch, "/other.Service/Method"} {
		err := call(t.Context(), conn, method, "Bearer "+w.gitlab.GitLab(audience))
		assert.Equal(t, codes.PermissionDenied, status.Code(err), method)
		handled, events, _ := w.taken()
		assert.Empty(t, handled, method)
		require.Len(t, events, 1, method)
		assert.ErrorIs(t, events[0].Err, oidcgrpc.ErrNoRule, method)
		assert.Equal(t, method, events[0].method)
	}
	require.NoError(t, call(t.Context(), conn, check, "Bearer "+w.gitlab.GitLab(audience)))
}

// What Authorize cannot find out is no denial.
func TestAuthorizeUnavailable(t *testing.T) {
	for _, cause := range []error{context.DeadlineExceeded, fmt.Errorf("ask: %w", &oidc.UnavailableError{Op: oidc.OpAuthorize})} {
		w := newWorld(t, nil, &oidcgrpc.Options{Authorize: func(context.Context, string, claims.Model) (slog.LogValuer, error) { return nil, cause }})
		err := call(t.Context(), w.dial(t), check, "Bearer "+w.gitlab.GitLab(audience))
		assert.Equal(t, codes.Unavailable, status.Code(err))
		assert.Empty(t, status.Convert(err).Details())
		_, events, _ := w.taken()
		require.Len(t, events, 1)
		var unavailable *oidc.UnavailableError
		require.ErrorAs(t, events[0].Err, &unavailable)
		assert.Equal(t, oidc.OpAuthorize, unavailable.Op)
	}
}

func TestStatusError(t *testing.T) {
	for _, c := range []struct {
		err     error
		code    codes.Code
		details int
	}{
		{&oidc.UnavailableError{RetryAfter: time.Second}, codes.Unavailable, 1},
		{&oidc.UnavailableError{RetryAfter: -1}, codes.Unavailable, 0},
		{&oidc.UnavailableError{Err: &oidc.DeniedError{}}, codes.Unavailable, 0},
		{&oidc.DeniedError{Err: &oidc.TokenError{Reason: oidc.ErrModel}}, codes.PermissionDenied, 0},
		{&oidc.DeniedError{Err: oidc.ErrNoToken}, codes.PermissionDenied, 0},
		{&oidc.DeniedError{Err: oidc.ErrReplayed}, codes.Unauthenticated, 0},
		{fmt.Errorf("wrapped: %w", &oidc.TokenError{Reason: oidc.ErrExpired}), codes.Unauthenticated, 0},
		{fmt.Errorf("wrapped: %w", oidc.ErrNoToken), codes.Unauthenticated, 0},
		{fmt.Errorf("wrapped: %w", oidc.ErrRequest), codes.Unauthenticated, 0},
		{status.Error(codes.OK, ""), codes.Internal, 0},
		{errors.New("other"), codes.Internal, 0},
		{nil, codes.Internal, 0},
	} {
		got := status.Convert(oidcgrpc.StatusError(c.err))
		assert.Equal(t, c.code, got.Code(), c.err)
		assert.Len(t, got.Details(), c.details, c.err)
		assert.NotContains(t, got.Message(), "oidc")
	}
}

// A cached token is asked for each method anew.
func TestCachedToken(t *testing.T) {
	w := newWorld(t, func(cfg *oidc.Config) { cfg.CachedTokens = 8 }, &oidcgrpc.Options{Authorize: oidcgrpc.Methods{check: mainOnly}.Authorize})
	conn := w.dial(t)
	token := "Bearer " + w.gitlab.GitLab(audience, oidctest.ProtectedBranch("main"))
	for _, cached := range []bool{false, true} {
		require.NoError(t, call(t.Context(), conn, check, token))
		_, events, _ := w.taken()
		require.Len(t, events, 1)
		assert.Equal(t, cached, events[0].Cached)
	}
	assert.Equal(t, codes.PermissionDenied, status.Code(call(t.Context(), conn, watch, token)))
	_, events, _ := w.taken()
	require.Len(t, events, 1)
	assert.True(t, events[0].Cached)
	assert.Nil(t, events[0].Decision)
}
