package awssts

import (
	"errors"
	"net"
	"strings"
	"time"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/cause"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/internal/unreached"
)

// circleCIRoot is the issuer that all of CircleCI's organizations share.
const circleCIRoot = "https://oidc.circleci.com"

// diagnose explains a refusal by STS's code, then its text, then by what the
// token says of itself. t is nil if the token could not be read.
func (p *Provider) diagnose(e *exchange.Error, t *peek.Token) []exchange.Cause {
	if t == nil {
		t = &peek.Token{}
	}
	if e.StatusCode == 0 && e.Code == "" {
		return p.unreached(e)
	}
	row, found := cause.Find(cause.AWS, e.Code, e.Description)
	switch {
	case found:
	case e.Code == "" && e.StatusCode >= 400:
		return p.bare(e, t)
	default:
		return p.redirected(e)
	}
	switch row.ID {
	case "A1":
		return p.notValidated(t)
	case "A3":
		return p.noKeys(t)
	case "A4":
		return p.denied(t)
	case "A6":
		return p.expired(t)
	case "A7":
		return p.notYet(t)
	case "A8":
		return []exchange.Cause{{
			ID: "token-malformed", Certain: true, Summary: "AWS cannot read the token as a JWT",
			Action: "check that the source returns the ID token of the job, unchanged",
		}}
	case "A10":
		return p.severalAudiences(t)
	case "A11", "A14", "A15":
		return p.claims(row.ID, e, t)
	case "A12":
		return []exchange.Cause{{
			ID: "aws-session-name", Certain: true, Evidence: []exchange.Evidence{{Name: "SessionName", Configured: p.sessionName(t)}},
			Summary: "AWS does not take the name of the session, " + safetext.Quote(p.sessionName(t)),
			Action:  `leave SessionName empty, or give it 2 to 64 letters, digits and characters of "_+=,.@-"`,
		}}
	case "A13":
		return []exchange.Cause{{
			ID: "aws-duration", Certain: true, Evidence: []exchange.Evidence{{Name: "Duration", Configured: p.cfg.Duration.String()}},
			Summary: "the role does not allow sessions of the length asked for",
			Action:  "raise the role's maximum session duration, or leave Duration zero for one hour; by role chaining one hour is the most",
		}}
	case "A16":
		return p.thumbprint(t)
	case "A19":
		return []exchange.Cause{{
			ID: "aws-region", Certain: true, Evidence: []exchange.Evidence{{Name: "Region", Configured: p.cfg.Region}},
			Summary: "the account has not activated STS in the region",
			Action:  "activate it, or use a region that every account has",
		}}
	case "A20":
		return p.odd(t)
	}
	return nil
}

// unreached explains a host that was not reached. The region is part of STS's
// host name, and a region unknown here is let through: it may be a new one.
func (p *Provider) unreached(e *exchange.Error) []exchange.Cause {
	var dns *net.DNSError
	if errors.As(e.Err, &dns) && dns.IsNotFound {
		host := exchange.Evidence{Name: "host", Configured: dns.Name}
		switch {
		case p.cfg.Endpoint != "":
			return []exchange.Cause{{
				ID: "aws-endpoint", Evidence: []exchange.Evidence{{Name: "Endpoint", Configured: p.cfg.Endpoint}, host},
				Summary: "the host of Endpoint, " + safetext.Quote(dns.Name) + ", is not known here",
				Action:  "check its spelling, and that this machine resolves it",
			}}
		case p.cfg.Client == nil && strings.Contains(dns.Name, p.cfg.Region):
			return []exchange.Cause{{
				ID: "aws-region-name", Evidence: []exchange.Evidence{{Name: "Region", Configured: p.cfg.Region}, host},
				Summary: "there is no region " + safetext.Quote(p.cfg.Region),
				Action:  "check the spelling of Region; if it is right, this machine does not resolve " + safetext.Quote(dns.Name),
			}}
		}
	}
	if c, ok := unreached.Cause(e.Err); ok {
		return []exchange.Cause{c}
	}
	return nil
}

// roleOwner returns the partition and the account of the role, which are empty
// where a lookalike of AWS has none.
func (p *Provider) roleOwner() (partition, account string) {
	part := strings.SplitN(p.cfg.RoleARN, ":", 6)
	return part[1], part[4] // New has read it
}

func audience(t *peek.Token, configured string) exchange.Evidence {
	return exchange.Evidence{Name: "aud", Token: safetext.Cut(strings.Join(t.Audience, ", ")), Configured: configured}
}

func stamp(name string, at time.Time) exchange.Evidence {
	return exchange.Evidence{Name: name, Token: at.UTC().Format(time.RFC3339)}
}

func join(a claims.Audience) string { return strings.Join(a, ", ") }

// claim names a claim with its value, for a sentence.
func claim(name, value string) string {
	if value == "" {
		return "the token's " + name
	}
	return name + " " + safetext.Quote(value)
}

func quoteOr(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return safetext.Quote(text)
}
