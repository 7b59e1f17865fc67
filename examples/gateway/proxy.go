package main

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"time"

	"github.com/cioidc/cioidc/oidc"
)

// newProxy returns what passes requests on whose token was accepted.
func newProxy(o options, logger *slog.Logger) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(o.target)
			r.SetXForwarded()
			// Trailers come after the headers that are looked at here.
			r.Out.Trailer = nil
			if !o.passToken {
				r.Out.Header.Del("Authorization")
			}
			setIdentity(r.Out)
		},
		Transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: o.timeout,
			IdleConnTimeout:       90 * time.Second,
			MaxIdleConnsPerHost:   64,
			ForceAttemptHTTP2:     true,
		},
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			status := http.StatusBadGateway
			var large *http.MaxBytesError
			if errors.As(err, &large) {
				status = http.StatusRequestEntityTooLarge
			} else if r.Context().Err() == nil {
				logger.WarnContext(r.Context(), "service failed", "error", err.Error())
			}
			http.Error(w, http.StatusText(status), status)
		},
	}
}

// identityPrefix begins the names of the headers by which the service knows who
// asks.
const identityPrefix = "X-Ci-"

// setIdentity sets the identity headers of a request whose token was accepted,
// and removes what came under such names.
func setIdentity(out *http.Request) {
	for name := range out.Header {
		// Many servers cannot tell X_CI_Project from X-CI-Project (RFC 3875
		// section 4.1.18).
		if strings.HasPrefix(strings.ToLower(strings.ReplaceAll(name, "_", "-")), strings.ToLower(identityPrefix)) {
			delete(out.Header, name)
		}
	}
	token, ok := oidc.FromContext(out.Context())
	if !ok {
		return
	}
	registered, identity := token.Claims().RegisteredClaims(), token.Identity()
	for name, value := range map[string]string{
		"Issuer": registered.Issuer, "Subject": registered.Subject,
		"Platform": identity.Platform, "Project": identity.Project, "Repository": identity.Repository, "Ref": identity.Ref,
		"Pipeline": identity.Pipeline, "Run": identity.Run, "Actor": identity.Actor,
	} {
		if value != "" {
			out.Header.Set(identityPrefix+name, plain(value))
		}
	}
}

// plain returns value as it is if a header can hold it so that everybody reads
// it the same way, else quoted: whoever pushes chooses the names of refs.
func plain(value string) string {
	if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == '"' || r > '~' }) {
		return strconv.QuoteToASCII(value)
	}
	return value
}
