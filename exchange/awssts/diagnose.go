package awssts

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/safetext"
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
	text := e.Description
	switch e.Code {
	case "InvalidIdentityToken":
		switch {
		case strings.HasPrefix(text, "Couldn't retrieve verification key"):
			return p.noKeys(t)
		case strings.HasPrefix(text, "Token issued in the future"), strings.HasPrefix(text, "Token not yet valid"):
			return p.notYet(t)
		case strings.Contains(text, "more than one audience"):
			return []exchange.Cause{{
				ID: "aws-several-audiences", Certain: true, Evidence: []exchange.Evidence{audience(t, "")},
				Summary: "AWS takes tokens with one audience only",
				Action:  "use a token of its own for AWS, with one audience",
			}}
		case strings.HasPrefix(text, "The ID Token provided is not a valid JWT"):
			return []exchange.Cause{{
				ID: "token-malformed", Certain: true, Summary: "AWS cannot read the token as a JWT",
				Action: "check that the source returns the ID token of the job, unchanged",
			}}
		case strings.Contains(text, "configured thumbprint"):
			return []exchange.Cause{{
				ID: "aws-thumbprint", Certain: true, Evidence: []exchange.Evidence{{Name: "iss", Token: t.Issuer}},
				Summary: "the issuer's certificate is of no authority that AWS knows, and the provider's thumbprint is another one",
				Action:  "set the provider's thumbprint anew: `aws iam update-open-id-connect-provider-thumbprint`",
			}}
		case strings.HasPrefix(text, "Missing a required claim"), strings.HasPrefix(text, "Claim is not allowed"), strings.HasPrefix(text, "Invalid timestamp"),
			strings.HasPrefix(text, "principal_tags"), strings.Contains(text, "roles claim"):
			return []exchange.Cause{{
				ID: "aws-claim", Certain: true, Evidence: []exchange.Evidence{{Name: "iss", Token: t.Issuer}, {Name: "sub", Token: t.Subject}, audience(t, p.cfg.Audience)},
				Summary: "AWS does not take the token's claims as they are",
				Action:  "compare the claim that AWS names with what it requires of a web identity token; the issuer sets it",
			}}
		}
		return p.notValidated(t)
	case "AccessDenied":
		return p.denied(t)
	case "ExpiredTokenException":
		return p.expired(t)
	case "IDPCommunicationError":
		return p.noKeys(t)
	case "ValidationError":
		if strings.Contains(text, "DurationSeconds") {
			return []exchange.Cause{{
				ID: "aws-duration", Certain: true, Evidence: []exchange.Evidence{{Name: "Duration", Configured: p.cfg.Duration.String()}},
				Summary: "the role does not allow sessions of the length asked for",
				Action:  "raise the role's maximum session duration, or leave Duration zero for one hour",
			}}
		}
	case "RegionDisabledException":
		return []exchange.Cause{{
			ID: "aws-region", Certain: true, Evidence: []exchange.Evidence{{Name: "Region", Configured: p.cfg.Region}},
			Summary: "the account has not activated STS in the region",
			Action:  "activate it, or use a region that every account has",
		}}
	}
	return nil
}

// unreached explains a host that does not exist. The region is part of STS's
// host name, and a region unknown here is let through: it may be a new one.
func (p *Provider) unreached(e *exchange.Error) []exchange.Cause {
	var dns *net.DNSError
	if !errors.As(e.Err, &dns) || !dns.IsNotFound {
		return nil
	}
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
	return nil
}

// notValidated explains the one text for three mistakes: AWS no longer says
// which. Unless the claims do, the first cause names all three, as it is the
// only one that [exchange.Error.Error] shows.
func (p *Provider) notValidated(t *peek.Token) []exchange.Cause {
	issuer := exchange.Evidence{Name: "iss", Token: t.Issuer}
	account := exchange.Evidence{Name: "account of RoleARN", Configured: p.account()}
	where := "the role's account"
	if p.account() != "" {
		where = "account " + p.account()
	}
	provider := exchange.Cause{
		ID: "aws-provider", Evidence: []exchange.Evidence{issuer, audience(t, p.cfg.Audience), account},
		Summary: fmt.Sprintf("%s has no IAM OpenID Connect provider for %s, or %s is not among the provider's client IDs, or the provider's URL differs from iss by a final slash or in case",
			where, claim("iss", t.Issuer), claim("aud", join(t.Audience))),
		Action: "compare both with what `aws iam get-open-id-connect-provider` prints there",
	}
	aud := exchange.Cause{
		ID: "aws-audience", Evidence: []exchange.Evidence{audience(t, p.cfg.Audience), issuer},
		Summary: claim("aud", join(t.Audience)) + " is not a client ID of the IAM OpenID Connect provider for " + claim("iss", t.Issuer),
		Action:  "add the client ID to the provider, or ask for a token with an audience that it has",
	}
	url := exchange.Cause{
		ID: "aws-issuer", Evidence: []exchange.Evidence{issuer},
		Summary: "the provider's URL differs from the token's issuer in its path, a final slash or its case",
		Action:  fmt.Sprintf("the provider's URL must be exactly %s", quoteOr(t.Issuer, "the token's iss")),
	}
	known, ok := p.cfg.Known.provider(t, where)
	switch {
	case ok && known.Certain:
		return []exchange.Cause{known}
	case ok:
		return []exchange.Cause{known, provider, aud, url}
	case t.Issuer == circleCIRoot:
		return []exchange.Cause{{
			ID: "aws-root-issuer", Evidence: []exchange.Evidence{issuer},
			Summary: fmt.Sprintf("the token is of CircleCI's root issuer, %s, not of the organization's", claim("iss", t.Issuer)),
			Action:  "ask for it without --root-issuer, or make an IAM provider for the root issuer",
		}, provider, aud, url}
	case p.cfg.Audience != "" && len(t.Audience) > 0 && !t.Audience.Contains(p.cfg.Audience):
		// Whoever configured an audience has set up the provider with it.
		aud.Summary = claim("aud", join(t.Audience)) + " is not the audience asked for, " + safetext.Quote(p.cfg.Audience) + ", and not a client ID of the IAM OpenID Connect provider"
		aud.Action = "check why the source gave a token for another audience"
		return []exchange.Cause{aud, provider, url}
	case strings.HasSuffix(t.Issuer, "/"):
		// Few issuers end so, and few who set up a provider type it.
		url.Summary = "the token's issuer ends in a slash, and the provider's URL does not"
		return []exchange.Cause{provider, url, aud}
	}
	return []exchange.Cause{provider, aud, url}
}

func (p *Provider) denied(t *peek.Token) []exchange.Cause {
	sub := exchange.Evidence{Name: "sub", Token: t.Subject}
	role := exchange.Evidence{Name: "RoleARN", Configured: p.cfg.RoleARN}
	key := strings.TrimPrefix(t.Issuer, "https://") + ":sub"
	if known := p.cfg.Known; known != nil && len(known.TrustPolicy) > 0 && t.Issuer != "" {
		var policy trustPolicy
		if json.Unmarshal(known.TrustPolicy, &policy) == nil {
			if c, ok := policy.refusal(t); ok {
				return []exchange.Cause{c}
			}
		}
	}
	return []exchange.Cause{{
		ID: "aws-trust-policy", Evidence: []exchange.Evidence{sub, audience(t, p.cfg.Audience), {Name: "iss", Token: t.Issuer}, role},
		Summary: fmt.Sprintf("role %s does not exist, or its trust policy does not accept %s", safetext.Quote(p.cfg.RoleARN), claim("sub", t.Subject)),
		Action: fmt.Sprintf("compare the condition on %s in it: StringEquals takes * literally, and a key that AWS does not know never matches",
			safetext.Quote(key)),
	}, {
		ID: "aws-role", Evidence: []exchange.Evidence{role},
		Summary: "there is no such role, or it is in another account",
		Action:  "check the role's name, path and account: AWS answers the same for a role that does not exist",
	}, {
		ID:      "aws-new-role",
		Summary: "the role or its trust policy was changed in the last seconds",
		Action:  "try again in a minute, if so",
	}}
}

func (p *Provider) expired(t *peek.Token) []exchange.Cause {
	c := exchange.Cause{
		ID: "token-expired", Certain: true,
		Summary: "the token has expired, by more than the five minutes that AWS tolerates",
		Action:  "exchange it earlier in the job, or give the job a token that lives longer",
	}
	if t.Identity.Platform == "gitlab" {
		c.Action = "exchange it earlier in the job, or raise the job's `timeout`: GitLab does not renew a token during a job"
	}
	if t.ExpiresAt != 0 {
		exp, now := t.ExpiresAt.Time(), p.cfg.Now()
		c.Evidence = []exchange.Evidence{stamp("exp", exp), {Name: "now", Configured: now.UTC().Format(time.RFC3339)}}
		if now.Before(exp) {
			c.Summary = "AWS says that the token has expired, but by this machine's clock it has not"
			c.Action = "set this machine's clock"
		}
	}
	return []exchange.Cause{c}
}

func (p *Provider) notYet(t *peek.Token) []exchange.Cause {
	c := exchange.Cause{
		ID: "issuer-clock", Certain: true,
		Summary: "by AWS's clock the token is from the future",
		Action:  fmt.Sprintf("set the clock of the issuer, %s: AWS tolerates five minutes", quoteOr(t.Issuer, "whatever it is")),
	}
	if t.IssuedAt != 0 {
		c.Evidence = []exchange.Evidence{stamp("iat", t.IssuedAt.Time()), {Name: "now", Configured: p.cfg.Now().UTC().Format(time.RFC3339)}}
	}
	return []exchange.Cause{c}
}

func (p *Provider) noKeys(t *peek.Token) []exchange.Cause {
	return []exchange.Cause{{
		ID:       "issuer-keys",
		Evidence: []exchange.Evidence{{Name: "iss", Token: t.Issuer}, {Name: "kid", Token: t.KeyID}},
		Summary:  "AWS could not fetch the issuer's keys, or the token's key is not among them",
		Action: fmt.Sprintf("check that %s can be fetched from the internet, and that its jwks_uri has the token's kid",
			quoteOr(strings.TrimSuffix(t.Issuer, "/")+"/.well-known/openid-configuration", "")),
	}}
}

// account returns the account of the role, or an empty string.
func (p *Provider) account() string {
	if part := strings.SplitN(p.cfg.RoleARN, ":", 6); len(part) == 6 {
		return part[4]
	}
	return ""
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
