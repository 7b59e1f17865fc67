//go:build linux

package interop

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// The kinds of tokens, with what each is answered and what the audit log says of
// it.
var gatewayKinds = []struct {
	name            string
	status          int
	outcome, reason string
}{
	{"valid", http.StatusOK, "accepted", ""},
	{"expired", http.StatusUnauthorized, "invalid", "expired"},
	{"forged", http.StatusUnauthorized, "invalid", "signature"},
	{"denied", http.StatusForbidden, "denied", "denied"},
	{"replayed", http.StatusUnauthorized, "denied", "replayed"},
}

const gatewayConnections = 4

// gatewayLoad is the load on a gateway. Each request names the kind of its token
// in its path, with the branch that the policy lets through when it is sent. In
// the middle, the policy changes over to the other branch.
type gatewayLoad struct {
	site    *gatewaySite
	gateway *gatewayProcess
	// from is the branch that the policy lets through at first, to the one that
	// it does then.
	from, to string
	// written is set just before the policy is written, changed once an answer
	// has shown that it is in force. In between a request can get either answer.
	written, changed atomic.Bool
	stop             atomic.Bool
}

// gatewayClient is one connection, and what its answers were.
type gatewayClient struct {
	load     *gatewayLoad
	conn     net.Conn
	answers  *bufio.Reader // of conn
	expired  string
	used     map[string]string // a token that was used, by branch
	counts   map[string]int    // of requests, by path and status
	problems []string
}

// TestGatewayUnderLoad sends tokens of all kinds over four connections for as
// long as CIOIDC_GATEWAY_LOAD says, one minute unless it says anything, and holds
// every answer, the audit log and the memory to account.
func TestGatewayUnderLoad(t *testing.T) {
	duration := time.Minute
	if text := os.Getenv("CIOIDC_GATEWAY_LOAD"); text != "" {
		var err error
		duration, err = time.ParseDuration(text)
		require.NoError(t, err)
	}
	l := &gatewayLoad{site: newGatewaySite(t, "main"), from: "main", to: "release"}
	l.gateway = l.site.start(t, "gateway", "--debug-heap", "--replay", "1000000")
	clients := make([]*gatewayClient, gatewayConnections)
	done := make(chan struct{}, gatewayConnections)
	for i := range clients {
		clients[i] = l.newClient(t)
		go func() {
			defer func() { done <- struct{}{} }()
			clients[i].run()
		}()
	}
	time.Sleep(duration / 6)
	early := l.gateway.heap(t)
	time.Sleep(duration/2 - duration/6)
	l.written.Store(true)
	l.site.allow(t, l.to)
	time.Sleep(duration / 2)
	l.stop.Store(true)
	for range clients {
		<-done
	}
	late := l.gateway.heap(t)
	l.gateway.Stop(10 * time.Second)
	require.NoError(t, l.gateway.err, "exit status after SIGTERM: %s", l.gateway.tail())

	sent, counts := 0, map[string]int{}
	for _, c := range clients {
		for _, problem := range c.problems {
			assert.Fail(t, problem)
		}
		for what, n := range c.counts {
			sent, counts[what] = sent+n, counts[what]+n
		}
	}
	t.Logf("%d requests in %v: %v", sent, duration, counts)
	t.Logf("heap in use: %d KiB after %v, %d KiB at the end", early>>10, duration/6, late>>10)
	assert.True(t, l.changed.Load(), "the new policy never came into force")
	assert.LessOrEqual(t, float64(late), 1.2*float64(early)+8<<20, "heap in use")
	l.account(t, sent, counts)
}

// account compares the audit log with the answers: as many records as requests,
// and of each kind and branch as many with each outcome.
func (l *gatewayLoad) account(t *testing.T, sent int, counts map[string]int) {
	t.Helper()
	records, digests := 0, map[string]bool{}
	audited := map[string]int{}
	for _, line := range l.gateway.lines(t) {
		if line.Message != "oidc: decision" {
			continue
		}
		records++
		status := 0
		for _, k := range gatewayKinds {
			if k.outcome == line.Outcome && k.reason == line.Reason {
				status = k.status
			}
		}
		audited[fmt.Sprintf("%s %d", line.Request.Path, status)]++
		if line.Policy != "" {
			digests[line.Policy] = true
		}
	}
	assert.Equal(t, sent, records, "audit records")
	assert.Equal(t, counts, audited)
	assert.Len(t, digests, 2, "policies in the audit log")
	accepted := 0
	for what, n := range counts {
		if strings.HasSuffix(what, " 200") {
			accepted += n
		}
	}
	assert.EqualValues(t, accepted, l.site.reached.Load(), "requests that reached the service")
	for _, k := range gatewayKinds {
		for _, branch := range []string{l.from, l.to} {
			assert.Positive(t, counts[fmt.Sprintf("/%s/%s %d", k.name, branch, k.status)], "requests of kind %s while %s was allowed", k.name, branch)
		}
	}
}

func (l *gatewayLoad) newClient(t *testing.T) *gatewayClient {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(l.gateway.jobs, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return &gatewayClient{
		load: l, conn: conn, answers: bufio.NewReader(conn),
		expired: l.site.token(l.from, fakeissuer.Expired), used: map[string]string{}, counts: map[string]int{},
	}
}

// run sends requests of one kind after the other.
func (c *gatewayClient) run() {
	for n := 0; !c.load.stop.Load() && len(c.problems) < 5; n++ {
		if err := c.send(n % len(gatewayKinds)); err != nil {
			c.problems = append(c.problems, err.Error())
		}
	}
}

// send sends a request of one kind, by the policy that it believes in force.
func (c *gatewayClient) send(kind int) error {
	l, k := c.load, gatewayKinds[kind]
	// Read before the request is sent: if the old policy was then the only one,
	// and is so once the answer is there, it is the one that counted.
	written, changed := l.written.Load(), l.changed.Load()
	allowed, denied := l.from, l.to
	if changed {
		allowed, denied = l.to, l.from
	}
	token := c.expired
	switch k.name {
	case "valid":
		token = l.site.token(allowed)
	case "denied":
		token = l.site.token(denied)
	case "forged":
		token = l.site.token(allowed)
		token = token[:strings.LastIndexByte(token, '.')] + c.expired[strings.LastIndexByte(c.expired, '.'):]
	case "replayed":
		if token = c.used[allowed]; token == "" {
			return nil // None was accepted yet.
		}
	}
	path := "/" + k.name + "/" + allowed
	status, body, err := c.get(path, token)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	c.counts[fmt.Sprintf("%s %d", path, status)]++
	if status == http.StatusOK {
		branch, _ := strings.CutPrefix(body, "refs/heads/")
		c.used[branch] = token
		if want, ok := map[string]string{"valid": allowed, "denied": denied}[k.name]; ok && branch != want {
			return fmt.Errorf("%s: the service was told %q, not %s", path, body, want)
		}
	}
	if status == k.status {
		return nil
	}
	// What the change of the policy can do to a request that was sent under the
	// old one and met the new one.
	other, ok := map[string]int{"valid": http.StatusForbidden, "denied": http.StatusOK, "replayed": http.StatusForbidden}[k.name]
	if ok && status == other && !changed && (written || l.written.Load()) {
		l.changed.Store(true)
		return nil
	}
	return fmt.Errorf("%s was answered %d, not %d", path, status, k.status)
}

// get sends a request over the one connection and returns the answer. There is
// no second connection: an answer after which the gateway closes it is a failure.
func (c *gatewayClient) get(path, token string) (status int, body string, err error) {
	r, err := http.NewRequest(http.MethodGet, c.load.gateway.jobs+path, nil)
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if err := errors.Join(c.conn.SetDeadline(time.Now().Add(30*time.Second)), r.Write(c.conn)); err != nil {
		return 0, "", err
	}
	answer, err := http.ReadResponse(c.answers, r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}
