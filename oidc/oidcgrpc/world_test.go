package oidcgrpc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidcgrpc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

const (
	audience = "https://deploy.acme.example"
	check    = "/grpc.health.v1.Health/Check" // unary
	list     = "/grpc.health.v1.Health/List"  // unary
	watch    = "/grpc.health.v1.Health/Watch" // a stream
)

var errSecret = errors.New("secret of the policy")

// decision is what the tests' rules decide.
type decision string

func (d decision) LogValue() slog.Value { return slog.StringValue(string(d)) }

// mainOnly allows the branch main.
func mainOnly(_ context.Context, c claims.Model) (slog.LogValuer, error) {
	if c.(*claims.GitLab).Ref != "main" {
		return decision("not main"), errSecret
	}
	return decision("main"), nil
}

// world is a gRPC service on loopback whose calls are guarded, its issuers, and
// what it has seen.
type world struct {
	gitlab, away *oidctest.Issuer
	tls          *tls.Config // the client's
	addr         string

	mu      sync.Mutex
	handled []context.Context // of the calls that reached a handler
	events  []event
	refused []error
}

type event struct {
	oidc.Event
	method string
}

// newWorld starts a service that accepts tokens of two issuers, one of which is
// away.
func newWorld(t *testing.T, edit func(*oidc.Config), opts *oidcgrpc.Options) *world {
	t.Helper()
	w := &world{
		gitlab: oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"}),
		away:   oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.example"}),
	}
	w.away.Fail(http.StatusInternalServerError)
	cfg := oidc.Config{
		Issuers:    []oidc.Issuer{oidc.GitLab(w.gitlab.URL()), oidc.GitLab(w.away.URL())},
		Audiences:  []string{audience},
		HTTPClient: oidctest.Client(w.gitlab, w.away),
		Audit: func(ctx context.Context, e oidc.Event) {
			method, _ := grpc.Method(ctx)
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, event{e, method})
		},
	}
	if edit != nil {
		edit(&cfg)
	}
	v, err := oidc.NewVerifier(cfg)
	require.NoError(t, err)
	w.serve(t, v, opts)
	return w
}

func (w *world) serve(t *testing.T, v *oidc.Verifier, opts *oidcgrpc.Options) {
	t.Helper()
	// Its certificate is one for loopback.
	certified := httptest.NewTLSServer(nil)
	certified.Close()
	w.tls = certified.Client().Transport.(*http.Transport).TLSClientConfig
	server := grpc.NewServer(
		grpc.Creds(credentials.NewServerTLSFromCert(&certified.TLS.Certificates[0])),
		grpc.ChainUnaryInterceptor(oidcgrpc.UnaryServerInterceptor(v, opts)),
		grpc.ChainStreamInterceptor(oidcgrpc.StreamServerInterceptor(v, opts)),
		grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error { w.reached(s.Context()); return nil }),
	)
	health.RegisterHealthServer(server, handlers{world: w})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w.addr = listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		assert.NoError(t, <-served)
	})
}

func (w *world) reached(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handled = append(w.handled, ctx)
}

// taken returns what the service has seen since the last call, and forgets it.
func (w *world) taken() (handled []context.Context, events []event, refused []error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	handled, events, refused = w.handled, w.events, w.refused
	w.handled, w.events, w.refused = nil, nil, nil
	return handled, events, refused
}

// handlers are the methods of the service.
type handlers struct {
	health.UnimplementedHealthServer
	world *world
}

func (h handlers) Check(ctx context.Context, _ *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	h.world.reached(ctx)
	return &health.HealthCheckResponse{Status: health.HealthCheckResponse_SERVING}, nil
}

func (h handlers) List(ctx context.Context, _ *health.HealthListRequest) (*health.HealthListResponse, error) {
	h.world.reached(ctx)
	return &health.HealthListResponse{}, nil
}

func (h handlers) Watch(_ *health.HealthCheckRequest, s grpc.ServerStreamingServer[health.HealthCheckResponse]) error {
	h.world.reached(s.Context())
	return s.Send(&health.HealthCheckResponse{Status: health.HealthCheckResponse_SERVING})
}

// dial returns a connection to the service.
func (w *world) dial(t *testing.T, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(w.addr, append(opts, grpc.WithTransportCredentials(credentials.NewTLS(w.tls)))...)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// call calls a method with these values of the metadata authorization, and
// returns what the call ended with.
func call(ctx context.Context, conn *grpc.ClientConn, method string, authorization ...string) error {
	for _, value := range authorization {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", value)
	}
	switch method {
	case check:
		_, err := health.NewHealthClient(conn).Check(ctx, &health.HealthCheckRequest{})
		return err
	case watch:
		stream, err := health.NewHealthClient(conn).Watch(ctx, &health.HealthCheckRequest{})
		if err != nil {
			return err
		}
		if _, err := stream.Recv(); err != nil {
			return err
		}
		if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
			return errors.New("the stream goes on")
		}
		return nil
	}
	return conn.Invoke(ctx, method, &health.HealthListRequest{}, &health.HealthListResponse{})
}
