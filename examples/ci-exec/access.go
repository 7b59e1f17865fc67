//go:build linux || darwin

package main

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/cioidc/cioidc/ciplatform"
)

// access is everything that gives the command its credentials.
type access struct {
	environ []string // the command's

	env    *environment
	folder *folder
	server *http.Server
	fake   func() // ends what --fake started; nil without it
}

// newAccess gets the first credentials, so that what is wrong shows before the
// command runs, and serves those to come. The caller closes it.
func newAccess(ctx context.Context, o *options, p *process) (_ *access, err error) {
	a := &access{env: newEnvironment(p.environ)}
	defer func() {
		if err != nil {
			a.Close()
		}
	}()
	var platform ciplatform.Platform
	if o.fake {
		platform, err = a.startFake(o)
	} else {
		platform, err = ciplatform.Detect(
			&ciplatform.CircleCI{LookupEnv: a.env.lookup},
			&ciplatform.GitLab{Environ: func() []string { return p.environ }},
		)
	}
	if err != nil {
		return nil, err
	}
	tokens := &exchanged{source: platform}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	a.server = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // standard error is the command's
	}
	go func() {
		_ = a.server.Serve(listener) // until Close
	}()
	base := "http://" + listener.Addr().String()

	var awsAccess *awsAccess
	if o.awsRole != "" {
		if awsAccess, err = newAWSAccess(ctx, o, a.env, tokens); err != nil {
			return nil, err
		}
		mux.Handle("/aws/", awsAccess.endpoint)
	}
	var googleAccess *googleAccess
	if o.googleProvider != "" {
		if googleAccess, err = newGoogleAccess(ctx, o, tokens); err != nil {
			return nil, err
		}
		mux.Handle("/google/", googleAccess.endpoint)
	}

	// Last, so that nothing but the command's own life is between it and Close.
	sweep(p.temp)
	if a.folder, err = makeFolder(p.temp); err != nil {
		return nil, err
	}
	if awsAccess != nil {
		if err := awsAccess.add(a.env, base+"/aws", a.folder.path); err != nil {
			return nil, err
		}
	}
	if googleAccess != nil {
		if err := googleAccess.add(ctx, a.env, base+"/google/token", a.folder.path); err != nil {
			return nil, err
		}
	}
	a.env.withoutProxy()
	a.env.removeTokens(tokens.all(), platform.Name())
	a.environ = a.env.pairs(o.keep)
	return a, nil
}

// removed says which variables the command does not get, if there are any.
func (a *access) removed() string {
	if len(a.env.taken) == 0 {
		return ""
	}
	return "not in the command's environment: " + strings.Join(a.env.taken, ", ") +
		" (other credentials, and the tokens that were exchanged; --keep-env NAME keeps one)"
}

// Close ends the endpoints and removes the folder.
func (a *access) Close() {
	if a.server != nil {
		_ = a.server.Close()
	}
	if a.folder != nil {
		_ = a.folder.Remove() // the next run tries again
	}
	if a.fake != nil {
		a.fake()
	}
}
