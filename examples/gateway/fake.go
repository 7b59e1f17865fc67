package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// world is what a gateway needs around it, for --fake: a GitLab, a service and a
// policy. All of it is on loopback and worth nothing elsewhere.
type world struct {
	issuer    *fakeissuer.Issuer
	service   string // its URL
	directory string // of the policy
	servers   []*http.Server
}

const (
	fakeAudience = "https://gateway.acme.example"
	// fakePolicy lets the protected branch main of one project through. It wants
	// the URL of the issuer.
	fakePolicy = `apiVersion: trust/v1
name: gateway
audiences: ["` + fakeAudience + `"]
rules:
  - name: main
    gitlab:
      issuer: %s
      project_id: "` + fakeissuer.GitLabProjectID + `"
      ref_type: branch
      ref: main
      ref_protected: true
`
)

// startWorld starts a world, and sets what o says of it.
func startWorld(o *options) (w *world, err error) {
	w = &world{}
	defer func() {
		if err != nil {
			w.stop()
		}
	}()
	if err := w.serveIssuer(); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w.service = w.serve(listener, http.HandlerFunc(echo))
	if w.directory, err = os.MkdirTemp("", "gateway-"); err != nil {
		return nil, err
	}
	o.policy = filepath.Join(w.directory, "policy.yaml")
	if err := os.WriteFile(o.policy, fmt.Appendf(nil, fakePolicy, w.issuer.URL()), 0o600); err != nil {
		return nil, err
	}
	o.upstream, o.gitlab, o.circleci, o.audiences = w.service, list{w.issuer.URL()}, nil, list{fakeAudience}
	return w, o.checkTrust()
}

// serveIssuer serves a GitLab that gives a job's token to everyone who asks:
// /token for one of main, /token?branch=NAME for one of another branch.
func (w *world) serveIssuer() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if w.issuer, err = fakeissuer.New(fakeissuer.Options{URL: "http://" + listener.Addr().String()}); err != nil {
		listener.Close()
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", w.issuer)
	mux.HandleFunc("GET /token", func(rw http.ResponseWriter, r *http.Request) {
		var edits []func(fakeissuer.Claims)
		if branch := r.FormValue("branch"); branch != "" {
			edits = append(edits, fakeissuer.Branch(branch))
		}
		fmt.Fprint(rw, w.issuer.GitLab(fakeAudience, edits...))
	})
	w.serve(listener, mux)
	return nil
}

// serve serves h until the world stops, and returns its URL.
func (w *world) serve(listener net.Listener, h http.Handler) string {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	w.servers = append(w.servers, s)
	go func() { _ = s.Serve(listener) }()
	return "http://" + listener.Addr().String()
}

func (w *world) stop() {
	for _, s := range w.servers {
		s.Close()
	}
	if w.issuer != nil {
		w.issuer.Close()
	}
	if w.directory != "" {
		_ = os.RemoveAll(w.directory)
	}
}

// attrs says how to use the world: ask for a token, and send a request with it.
func (w *world) attrs(policy string) []any {
	return []any{"service", w.service, "policy", policy,
		"try", `curl -H "Authorization: Bearer $(curl -s ` + w.issuer.URL() + `/token)" GATEWAY`,
		"denied", w.issuer.URL() + "/token?branch=other"}
}

// echo is the service: it tells what it was asked, and by whom.
func echo(rw http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(rw, r.Method, r.URL)
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(rw, "%s: %s\n", name, strings.Join(r.Header[name], ", "))
	}
}
