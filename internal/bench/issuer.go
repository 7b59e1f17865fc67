package main

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// organizationID is the CircleCI organization of all tokens here.
const organizationID = fakeissuer.CircleCIOrganizationID

// served is a fake issuer behind a listener on the loopback interface. Not all
// contestants take an HTTP client, so none is given one: all of them use their
// own default client over TCP.
type served struct {
	*fakeissuer.Issuer
	server *http.Server
}

// serve starts an issuer of the platform.
func serve(platform string) (*served, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("bench: listen: %w", err)
	}
	url := "http://" + l.Addr().String()
	if platform == fakeissuer.CircleCIPlatform {
		url += "/org/" + organizationID
	}
	issuer, err := fakeissuer.New(fakeissuer.Options{URL: url, Platform: platform})
	if err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("bench: %w", err)
	}
	s := &served{Issuer: issuer, server: &http.Server{Handler: issuer, ReadHeaderTimeout: 10 * time.Second}}
	go func() { _ = s.server.Serve(l) }() // until close
	return s, nil
}

// close ends the listener and every request in progress.
func (s *served) close() {
	_ = s.server.Close()
	s.Issuer.Close()
}

// slow makes every answer come after d.
func (s *served) slow(d time.Duration) {
	s.Misbehave(func(_ http.ResponseWriter, r *http.Request) bool {
		select {
		case <-time.After(d):
			return false
		case <-r.Context().Done():
			return true
		}
	})
}

// hang makes no answer come at all, for as long as the client waits.
func (s *served) hang() {
	s.Misbehave(func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	})
}

// setup is what a contestant is told about the issuer and the service it
// verifies for.
func (s *served) setup() setup {
	return setup{Platform: s.Platform(), Issuer: s.URL(), KeysURL: s.KeysURL(), Keys: s.JWKS, Audience: audience}
}
