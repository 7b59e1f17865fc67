package oidcgrpc_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidcgrpc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// source counts what it is asked for.
type source struct {
	asked []string
	token func(audience string) (string, error)
}

func (s *source) IDToken(_ context.Context, audience string) (string, error) {
	s.asked = append(s.asked, audience)
	return s.token(audience)
}

// A job's own token reaches the service with each call, and is got once.
func TestCredentials(t *testing.T) {
	w := newWorld(t, nil, &oidcgrpc.Options{Authorize: oidcgrpc.Methods{check: mainOnly, watch: mainOnly}.Authorize})
	src := &source{token: func(audience string) (string, error) { return w.gitlab.GitLab(audience), nil }}
	conn := w.dial(t, grpc.WithPerRPCCredentials(&oidcgrpc.PerRPCCredentials{Source: src, Audience: audience}))
	for _, method := range []string{check, watch, check} {
		require.NoError(t, call(t.Context(), conn, method))
		handled, _, _ := w.taken()
		require.Len(t, handled, 1)
		tok, ok := oidc.FromContext(handled[0])
		require.True(t, ok)
		assert.Equal(t, oidctest.GitLabProjectID, tok.Identity().Project)
	}
	assert.Equal(t, []string{audience}, src.asked)
	assert.Equal(t, codes.PermissionDenied, status.Code(call(t.Context(), conn, list)))

	// A second token beside it is one too many.
	err := call(t.Context(), conn, check, "Bearer "+w.gitlab.GitLab(audience))
	assert.Equal(t, codes.Unauthenticated, status.Code(err))
	assert.Equal(t, "malformed authorization metadata", status.Convert(err).Message())
}

func TestCredentialsOfAPlatform(t *testing.T) {
	w := newWorld(t, nil, nil)
	environ := []string{"GITLAB_CI=true", "DEPLOY_ID_TOKEN=" + w.gitlab.GitLab(audience), "OTHER_ID_TOKEN=" + w.gitlab.GitLab("https://other.example")}
	platform := &ciplatform.GitLab{Environ: func() []string { return environ }}
	conn := w.dial(t)
	require.NoError(t, callWith(t, conn, &oidcgrpc.PerRPCCredentials{Source: platform, Audience: audience}))
	err := callWith(t, conn, &oidcgrpc.PerRPCCredentials{Source: platform, Audience: "https://third.example"})
	assert.Equal(t, codes.Internal, status.Code(err), "gRPC's code for credentials of a call that fail")
	assert.Contains(t, err.Error(), "id_tokens", "what to do about it")
	handled, _, _ := w.taken()
	assert.Len(t, handled, 1)
}

// callWith calls a method with credentials that are the call's own.
func callWith(t *testing.T, conn *grpc.ClientConn, c *oidcgrpc.PerRPCCredentials) error {
	t.Helper()
	_, err := health.NewHealthClient(conn).Check(t.Context(), &health.HealthCheckRequest{}, grpc.PerRPCCredentials(c))
	return err
}

// The token is got again a minute before its end, and not kept past that.
func TestCredentialsRenew(t *testing.T) {
	now := time.Now()
	issuer := oidctest.NewIssuer(t, &oidctest.Options{Now: func() time.Time { return now }})
	src := &source{token: func(audience string) (string, error) { return issuer.GitLab(audience), nil }}
	c := &oidcgrpc.PerRPCCredentials{Source: src, Audience: audience, Now: func() time.Time { return now }}
	first, err := c.GetRequestMetadata(t.Context())
	require.NoError(t, err)
	now = now.Add(58 * time.Minute)
	again, err := c.GetRequestMetadata(t.Context())
	require.NoError(t, err)
	assert.Equal(t, first, again)
	now = now.Add(2 * time.Minute)
	third, err := c.GetRequestMetadata(t.Context())
	require.NoError(t, err)
	assert.NotEqual(t, first, third)
	assert.Len(t, src.asked, 2)
}

func TestCredentialsWithoutToken(t *testing.T) {
	away := errors.New("the platform is away")
	for name, c := range map[string]struct {
		credentials *oidcgrpc.PerRPCCredentials
		field       string // of a ConfigError
		cause       error  // of an Error
		text        string
	}{
		"no source":   {&oidcgrpc.PerRPCCredentials{Audience: audience}, "PerRPCCredentials.Source", nil, "required"},
		"nil source":  {&oidcgrpc.PerRPCCredentials{Source: (*source)(nil), Audience: audience}, "PerRPCCredentials.Source", nil, "required"},
		"no audience": {&oidcgrpc.PerRPCCredentials{Source: &source{}}, "PerRPCCredentials.Audience", nil, "required"},
		"source fails": {&oidcgrpc.PerRPCCredentials{Audience: audience,
			Source: &source{token: func(string) (string, error) { return "", away }}}, "", away, "the platform is away"},
		"source panics": {&oidcgrpc.PerRPCCredentials{Audience: audience,
			Source: &source{token: func(string) (string, error) { panic("secret") }}}, "", nil, "panicked"},
		"no token": {&oidcgrpc.PerRPCCredentials{Audience: audience,
			Source: &source{token: func(string) (string, error) { return "secret\x01secret", nil }}}, "", nil, "not a token"},
		"empty token": {&oidcgrpc.PerRPCCredentials{Audience: audience,
			Source: &source{token: func(string) (string, error) { return "", nil }}}, "", nil, "token"},
	} {
		t.Run(name, func(t *testing.T) {
			md, err := c.credentials.GetRequestMetadata(t.Context(), "https://deploy.acme.example:8443/deploy.v1.Deploy")
			require.Error(t, err)
			assert.Nil(t, md)
			assert.Contains(t, err.Error(), c.text)
			assert.NotContains(t, err.Error(), "secret")
			if c.field != "" {
				var bad *exchange.ConfigError
				require.ErrorAs(t, err, &bad)
				assert.Equal(t, "oidcgrpc", bad.Package)
				assert.Equal(t, c.field, bad.Field)
				return
			}
			var failed *exchange.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, exchange.StageSource, failed.Stage)
			assert.Equal(t, "deploy.acme.example", failed.Service)
			if c.cause != nil {
				assert.ErrorIs(t, err, c.cause)
			}
		})
	}
	_, err := (&oidcgrpc.PerRPCCredentials{Audience: audience, Source: &source{token: func(string) (string, error) { return "", away }}}).GetRequestMetadata(t.Context())
	var failed *exchange.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "gRPC service", failed.Service)
}

// Nobody on the way may read the token.
func TestCredentialsWantTransportSecurity(t *testing.T) {
	w := newWorld(t, nil, nil)
	src := &source{token: func(audience string) (string, error) { return w.gitlab.GitLab(audience), nil }}
	c := &oidcgrpc.PerRPCCredentials{Source: src, Audience: audience}
	_, err := grpc.NewClient(w.addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(c))
	require.ErrorContains(t, err, "transport level security")
	conn, err := grpc.NewClient(w.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.Error(t, callWith(t, conn, c))
	assert.Empty(t, src.asked)
}
