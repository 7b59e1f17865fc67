//go:build linux

package interop

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakeissuer"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/replay/redisreplay"
)

const replayAudience = "https://deploy.acme.example"

// replayService is a service whose tokens let one request pass.
type replayService struct {
	http.Handler
	*oidc.Verifier
	log *lockedBuffer
}

// lockedBuffer is a log that many write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newReplayService(t *testing.T, iss *fakeissuer.Issuer, client *redis.Client, timeout time.Duration, edit ...func(*oidc.Config)) *replayService {
	t.Helper()
	store, err := redisreplay.New(redisreplay.Config{Client: client, Timeout: timeout})
	require.NoError(t, err)
	log := new(lockedBuffer)
	cfg := oidc.Config{
		Issuers: []oidc.Issuer{oidc.GitLab(iss.URL())}, Audiences: []string{replayAudience}, HTTPClient: fakeissuer.Client(iss),
		Replay: store, Logger: slog.New(slog.NewJSONHandler(log, nil)),
	}
	for _, f := range edit {
		f(&cfg)
	}
	v, err := oidc.NewVerifier(cfg)
	require.NoError(t, err)
	require.NoError(t, v.Warm(t.Context()))
	return &replayService{oidc.Middleware(v, nil)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), v, log}
}

func failOpen(c *oidc.Config) { c.ReplayFailOpen = true }

// request sends one request with raw and returns the status.
func (s *replayService) request(raw string) int {
	r := httptest.NewRequest(http.MethodPost, "/deploy", nil)
	r.Header.Set("Authorization", "Bearer "+raw)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code
}

// patience is a time limit that is not what a test is about.
const patience = 30 * time.Second

// Two services with a Redis between them, and a thousand requests with one token.
func TestReplayOnceOfAThousand(t *testing.T) {
	server, iss := startRedis(t), newIssuer(t, "https://gitlab.com")
	services := []*replayService{
		newReplayService(t, iss, server.client(t), patience),
		newReplayService(t, iss, server.client(t), patience, func(c *oidc.Config) { c.CachedTokens = 10 }),
	}
	raw := iss.GitLab(replayAudience)
	const uses = 1000
	statuses := map[int]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range uses {
		wg.Go(func() {
			<-begin
			status := services[i%2].request(raw)
			mu.Lock()
			defer mu.Unlock()
			statuses[status]++
		})
	}
	close(begin)
	wg.Wait()
	assert.Equal(t, map[int]int{200: 1, 401: uses - 1}, statuses, "%s", services[0].log)

	client := server.client(t)
	assert.Equal(t, uses, server.commands(t, client, "set"), "one command for each use")
	assert.Equal(t, uses-1, server.commands(t, client, "get"), "one more for each that was refused")
	keys, err := client.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	require.Len(t, keys, 1)
	assert.Regexp(t, "^cioidc:replay:[0-9a-f]{64}$", keys[0])
	ttl, err := client.TTL(t.Context(), keys[0]).Result()
	require.NoError(t, err)
	tok, err := newReplayService(t, iss, client, patience, failOpen, func(c *oidc.Config) { c.Replay, c.ReplayFailOpen = nil, false }).Verify(t.Context(), raw)
	require.NoError(t, err)
	left := time.Until(tok.Claims().RegisteredClaims().ExpiresAt.Time())
	assert.Greater(t, ttl, left+9*time.Minute, "the longest leeway, and a margin")
	assert.LessOrEqual(t, ttl, left+11*time.Minute)

	require.Equal(t, 200, services[0].request(iss.GitLab(replayAudience)), "another token")
}

// Redis is killed under load and comes back, twice. A service that fails closed
// answers 503 meanwhile, and never lets a token pass twice; one that fails open
// lets pass and says so.
func TestReplayRedisKilled(t *testing.T) {
	server, iss := startRedis(t), newIssuer(t, "https://gitlab.com")
	closed := newReplayService(t, iss, server.client(t), patience)
	other := newReplayService(t, iss, server.client(t), patience)
	open := newReplayService(t, iss, server.client(t), patience, failOpen)

	// Four workers use each token at both services, twice, all the while.
	var (
		running  sync.WaitGroup
		done     = make(chan struct{})
		passed   atomic.Int64 // tokens that passed
		unknown  atomic.Int64 // answers of 503
		openWait = make(chan error, 1)
	)
	for range 4 {
		running.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				raw, passes := iss.GitLab(replayAudience), 0
				for _, s := range []*replayService{closed, other, closed, other} {
					switch status := s.request(raw); status {
					case 200:
						passes++
					case 503:
						unknown.Add(1)
					case 401:
					default:
						assert.Failf(t, "status", "%d", status)
					}
				}
				assert.LessOrEqual(t, passes, 1, "a token passed twice")
				passed.Add(int64(passes))
			}
		})
	}
	running.Go(func() {
		for {
			select {
			case <-done:
				openWait <- nil
				return
			default:
			}
			if _, err := open.Verify(t.Context(), iss.GitLab(replayAudience)); err != nil {
				openWait <- err
				return
			}
		}
	})
	more := func(counter *atomic.Int64, what string) {
		from := counter.Load()
		require.Eventually(t, func() bool { return counter.Load() >= from+20 }, time.Minute, 5*time.Millisecond, what)
	}
	for range 2 {
		more(&passed, "tokens pass")
		server.kill()
		more(&unknown, "503 while Redis is away")
		server.start(t)
	}
	more(&passed, "tokens pass again")
	close(done)
	running.Wait()
	require.NoError(t, <-openWait, "fails open")
	assert.Contains(t, open.log.String(), `"level":"WARN","msg":"oidc: replay not checked"`)

	// The same one by one: before, meanwhile and after.
	before, meanwhile := iss.GitLab(replayAudience), iss.GitLab(replayAudience)
	require.Equal(t, 200, closed.request(before))
	server.kill()
	assert.Equal(t, 503, closed.request(meanwhile))
	_, err := closed.Verify(t.Context(), meanwhile)
	var unavailable *oidc.UnavailableError
	require.ErrorAs(t, err, &unavailable)
	assert.Equal(t, oidc.OpReplay, unavailable.Op)
	assert.Equal(t, iss.URL(), unavailable.Issuer)
	assertClean(t, err, meanwhile, server.password)
	for range 2 {
		assert.Equal(t, 200, open.request(meanwhile), "unprotected, as configured")
	}
	server.start(t)
	require.Eventually(t, func() bool { return closed.request(iss.GitLab(replayAudience)) == 200 }, time.Minute, 20*time.Millisecond, "recovers")
	require.Eventually(t, func() bool { return open.request(before) == 401 }, time.Minute, 20*time.Millisecond, "recovers")
	assert.Equal(t, 401, closed.request(before), "used before Redis was killed, which had it on disk")
	assert.Equal(t, 200, closed.request(meanwhile), "not used up while Redis was away")
	assert.Equal(t, 401, other.request(meanwhile))
	assert.NotContains(t, closed.log.String()+other.log.String(), "oidc: replay not checked")
	for _, log := range []*lockedBuffer{closed.log, other.log, open.log} {
		assert.NotContains(t, log.String(), server.password)
		assert.NotContains(t, log.String(), strings.Split(before, ".")[2])
	}
}

// A password that is wrong is not repeated, and nothing passes by it.
func TestReplayRedisRefuses(t *testing.T) {
	server, iss := startRedis(t), newIssuer(t, "https://gitlab.com")
	const wrong = "a-password-that-is-not-it"
	service := newReplayService(t, iss, server.client(t, func(o *redis.Options) { o.Password = wrong }), patience)
	raw := iss.GitLab(replayAudience)
	_, err := service.Verify(t.Context(), raw)
	var unavailable *oidc.UnavailableError
	require.ErrorAs(t, err, &unavailable)
	require.ErrorContains(t, err, "WRONGPASS")
	assertClean(t, err, raw, wrong, server.password)
	assert.Equal(t, 503, service.request(raw))
}
