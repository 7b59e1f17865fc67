package oidcgrpc_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidcgrpc"
)

// uses is a replay store that counts.
type uses map[string]int

func (u uses) Use(_ context.Context, key string, _ time.Time) error {
	if u[key]++; u[key] > 1 {
		return oidc.ErrReplayed
	}
	return nil
}

// A call that its method's rule refuses does not use the token up.
func TestReplay(t *testing.T) {
	used := uses{}
	w := newWorld(t, func(cfg *oidc.Config) { cfg.Replay = used },
		&oidcgrpc.Options{Authorize: oidcgrpc.Methods{check: mainOnly}.Authorize})
	conn := w.dial(t)
	token := "Bearer " + w.gitlab.GitLab(audience)
	assert.Equal(t, codes.PermissionDenied, status.Code(call(t.Context(), conn, watch, token)))
	assert.Empty(t, used)
	require.NoError(t, call(t.Context(), conn, check, token))
	assert.Len(t, used, 1)
	err := call(t.Context(), conn, check, token)
	assert.Equal(t, codes.Unauthenticated, status.Code(err))
	assert.Equal(t, "token not accepted", status.Convert(err).Message(), "as of a token that is not valid")
	handled, events, _ := w.taken()
	assert.Len(t, handled, 1)
	require.Len(t, events, 3)
	assert.ErrorIs(t, events[0].Err, oidcgrpc.ErrNoRule)
	assert.NoError(t, events[1].Err)
	assert.ErrorIs(t, events[2].Err, oidc.ErrReplayed)
	assert.Equal(t, decision("main"), events[2].Decision)
}
