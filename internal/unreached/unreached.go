// Package unreached explains an endpoint that gave no answer of its own: a host
// that is not known, a certificate that is not trusted, nobody who answers, and
// a redirect, which no token is sent along.
package unreached

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"syscall"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/safetext"
)

// Cause explains the error of a request that had no answer. The second result is
// false if there is nothing to say beyond the error: for one of the caller's own
// context, and for all that is not of the network.
func Cause(err error) (exchange.Cause, bool) {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var network net.Error
	host := hostOf(err)
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return exchange.Cause{}, false
	case errors.As(err, &dns) && dns.IsNotFound:
		return exchange.Cause{
			ID: "host-unknown", Certain: true, Evidence: []exchange.Evidence{{Name: "host", Configured: dns.Name}},
			Summary: "the host " + safetext.Quote(dns.Name) + " is not known here",
			Action:  "check its spelling, and that this machine resolves it: a runner without a way to the internet may need a proxy",
		}, true
	case errors.As(err, &cert):
		c := exchange.Cause{
			ID: "host-certificate", Certain: true, Evidence: []exchange.Evidence{{Name: "host", Configured: host}},
			Summary: "the certificate of " + safetext.Quote(host) + " is not trusted here: " + safetext.Cut(cert.Err.Error()),
			Action:  "if a proxy of yours puts its own in place, add its authority to those that this machine trusts; otherwise somebody else answers for the host",
		}
		if len(cert.UnverifiedCertificates) > 0 {
			c.Evidence = append(c.Evidence, exchange.Evidence{Name: "issuer of the certificate", Configured: safetext.Cut(cert.UnverifiedCertificates[0].Issuer.String())})
		}
		return c, true
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH),
		errors.As(err, &network) && network.Timeout():
		return exchange.Cause{
			ID: "host-unreachable", Evidence: []exchange.Evidence{{Name: "host", Configured: host}},
			Summary: "nothing answers at " + safetext.Quote(host),
			Action:  "check that this machine may reach the host: its firewall, its proxy variables, and the private endpoint if there is one",
		}, true
	}
	return exchange.Cause{}, false
}

// Redirect explains an answer of this status that wants the request elsewhere.
// Where that is may be a secret's way out, so only its host is told. The second
// result is false for any other status.
func Redirect(status int, endpoint, location string) (exchange.Cause, bool) {
	if status < http.StatusMultipleChoices || status >= http.StatusBadRequest {
		return exchange.Cause{}, false
	}
	c := exchange.Cause{
		ID: "endpoint-redirects", Certain: true,
		Summary: "the endpoint redirects, and a token is not sent along",
		Action:  "configure the address that the service itself has: a redirect is mostly one from http to https, or to a login page",
	}
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		c.Evidence = append(c.Evidence, exchange.Evidence{Name: "endpoint", Configured: u.Scheme + "://" + u.Host})
	}
	if u, err := url.Parse(location); err == nil && u.Host != "" {
		c.Summary = "the endpoint redirects to " + safetext.Quote(u.Scheme+"://"+u.Host) + ", and a token is not sent along"
	}
	return c, true
}

// hostOf returns the host that a request was for, or an empty string.
func hostOf(err error) string {
	var request *url.Error
	if errors.As(err, &request) {
		if u, parsed := url.Parse(request.URL); parsed == nil {
			return u.Host
		}
	}
	return ""
}
