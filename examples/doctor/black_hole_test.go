package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/cioidc/cioidc/examples/doctor/internal/checkup"
	"github.com/cioidc/cioidc/examples/internal/fakejob"
)

// blackHole is a network on which every connection ends in serve.
type blackHole struct {
	serve func(net.Conn)

	servers sync.WaitGroup
	mu      sync.Mutex
	ends    []net.Conn
	hosts   map[string]bool
}

func (b *blackHole) dial(_ context.Context, _, address string) (net.Conn, error) {
	here, there := net.Pipe()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ends = append(b.ends, here, there)
	if b.hosts == nil {
		b.hosts = map[string]bool{}
	}
	b.hosts[address] = true
	b.servers.Go(func() { b.serve(there) })
	return here, nil
}

func (b *blackHole) close() {
	b.mu.Lock()
	for _, c := range b.ends {
		_ = c.Close()
	}
	b.mu.Unlock()
	b.servers.Wait()
}

// drip answers a request with the beginning of something long, a byte a second.
func drip(c net.Conn) {
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	time.Sleep(time.Second) // a client that is answered while it sends gives up
	_, err = fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n")
	for err == nil {
		time.Sleep(time.Second)
		_, err = c.Write([]byte(" "))
	}
}

// Whatever way servers have of not answering, doctor ends after ten seconds, and
// has knocked at no other door.
func TestBlackHoles(t *testing.T) {
	silent := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	const noAnswer, noTime = "AWS did not answer", "the 10s for everything were over"
	for name, tt := range map[string]struct {
		transport   func(*blackHole) *http.Transport
		aws, google string // what is said of them
	}{
		"no connection": {func(*blackHole) *http.Transport {
			return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}}
		}, noAnswer, noTime},
		"no TLS": {func(b *blackHole) *http.Transport {
			b.serve = silent
			return &http.Transport{DialContext: b.dial}
		}, noAnswer, noTime},
		"no answer": {func(b *blackHole) *http.Transport {
			b.serve = silent
			return &http.Transport{DialTLSContext: b.dial}
		}, noAnswer, noTime},
		"no end": {func(b *blackHole) *http.Transport {
			b.serve = drip
			return &http.Transport{DialTLSContext: b.dial}
		}, "AWS's answer cannot be used: context deadline exceeded", noTime},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b blackHole
				tr := tt.transport(&b)
				t.Cleanup(tr.CloseIdleConnections)
				t.Cleanup(b.close)
				w := gitLab(t)
				w.env["GOOGLE_ID_TOKEN"] = w.issuer.GitLab("https:" + fakejob.GoogleProvider("gitlab"))
				w.cfg.Audience = fakejob.GitLabAWSAudience
				w.cfg.Issuers = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					w.mu.Lock()
					w.asked = append(w.asked, r.URL.String())
					w.mu.Unlock()
					return tr.RoundTrip(r)
				})}
				w.cfg.Clouds = &http.Client{Transport: tr}
				w.tryAWS(fakejob.GitLabRole)
				w.tryGoogle(fakejob.GoogleProvider("gitlab"))
				began := time.Now()
				report := w.run()
				assert.Equal(t, 10*time.Second, time.Since(began))
				assert.Len(t, w.asked, 1, "its keys are not asked for where the issuer does not answer")
				assert.Equal(t, checkup.Refused, report.Class)
				assert.Contains(t, find(t, report, "discovery").Words, "no answer within 5s")
				assert.Contains(t, find(t, report, "aws-exchange").Words, tt.aws)
				assert.Contains(t, find(t, report, "google-exchange").Words, tt.google)
				b.mu.Lock() // the transport may dial still
				defer b.mu.Unlock()
				for host := range b.hosts {
					assert.Contains(t, []string{"gitlab.com:443", "sts.eu-west-1.amazonaws.com:443", "sts.googleapis.com:443"}, host)
				}
			})
		})
	}
}
