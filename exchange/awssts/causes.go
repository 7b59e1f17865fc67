package awssts

import (
	"fmt"
	"strings"
	"time"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awstrust"
	"github.com/cioidc/cioidc/internal/cloudnames"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/safetext"
)

// notValidated explains the one text for three mistakes: AWS no longer says
// which. Unless the claims do, the first cause names all three, as it is the
// only one that [exchange.Error.Error] shows.
func (p *Provider) notValidated(t *peek.Token) []exchange.Cause {
	issuer := exchange.Evidence{Name: "iss", Token: t.Issuer}
	_, owner := p.roleOwner()
	account := exchange.Evidence{Name: "account of RoleARN", Configured: owner}
	where := "the role's account"
	if owner != "" {
		where = "account " + owner
	}
	// AWS compares azp where there is one.
	sent, party := claim("aud", join(t.Audience)), authorizedParty(t)
	shown := audience(t, p.cfg.Audience)
	if party != "" {
		sent, shown = claim("azp", party), exchange.Evidence{Name: "azp", Token: safetext.Cut(party)}
	}
	provider := exchange.Cause{
		ID: "aws-provider", Evidence: []exchange.Evidence{issuer, shown, account},
		Summary: fmt.Sprintf("%s has no IAM OpenID Connect provider for %s, or %s is not among the provider's client IDs, or the provider's URL differs from iss by a final slash or in case",
			where, claim("iss", t.Issuer), sent),
		Action: "compare both with what `aws iam get-open-id-connect-provider` prints there",
	}
	aud := exchange.Cause{
		ID: "aws-audience", Evidence: []exchange.Evidence{shown, issuer},
		Summary: sent + " is not a client ID of the IAM OpenID Connect provider for " + claim("iss", t.Issuer),
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
	case party == "" && p.cfg.Audience != "" && len(t.Audience) > 0 && !t.Audience.Contains(p.cfg.Audience):
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
	role := exchange.Evidence{Name: "RoleARN", Configured: p.cfg.RoleARN}
	key := cloudnames.ConditionKey(t.Issuer, "sub")
	policy := exchange.Cause{
		ID: "aws-trust-policy", Evidence: []exchange.Evidence{{Name: "sub", Token: t.Subject}, audience(t, p.cfg.Audience), {Name: "iss", Token: t.Issuer}, role},
		Summary: fmt.Sprintf("role %s does not exist, or its trust policy does not accept %s", safetext.Quote(p.cfg.RoleARN), claim("sub", t.Subject)),
		Action: fmt.Sprintf("compare the condition on %s in it: StringEquals takes * literally, and a key that AWS does not know never matches",
			safetext.Quote(key)),
	}
	if t.Issuer != "" {
		// Under it CloudTrail has a token that was found valid and then refused.
		partition, account := p.roleOwner()
		policy.Evidence = append(policy.Evidence, exchange.Evidence{
			Name: "principalId", Token: cloudnames.PrincipalID(cloudnames.ProviderARN(partition, account, t.Issuer), join(presented(t)), t.Subject),
		})
	}
	if needed := sessionActions(t); len(needed) > 0 {
		policy.Evidence = append(policy.Evidence, exchange.Evidence{Name: "actions that the token needs", Token: strings.Join(needed, ", ")})
		policy.Action += "; the token sets what its statement must allow too: " + strings.Join(needed, " and ")
	}
	policy.Action += "; CloudTrail has the call under the principalId"
	others := []exchange.Cause{{
		ID: "aws-role", Evidence: []exchange.Evidence{role},
		Summary: "there is no such role, or it is in another account",
		Action:  "check the role's name, path and account: AWS answers the same for a role that does not exist",
	}, {
		ID:      "aws-new-role",
		Summary: "the role or its trust policy was changed in the last seconds",
		Action:  "try again in a minute, if so",
	}, {
		ID:      "aws-outside-policy",
		Summary: "a policy of the organization (SCP or RCP) refuses the call",
		Action:  "ask who administers the organization, if the trust policy accepts the token",
	}}
	if p.cfg.Known == nil {
		return append([]exchange.Cause{policy}, others...)
	}
	switch c, outcome := p.cfg.Known.trust(t, p); outcome {
	case awstrust.Rejected:
		return []exchange.Cause{c}
	case awstrust.Accepted:
		policy.Summary = "the trust policy is not, or not yet, the one that Known has: that one accepts the token"
		policy.Action = "compare Known.TrustPolicy with what `aws iam get-role` prints"
		return append(others, policy)
	}
	return append([]exchange.Cause{policy}, others...)
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
		switch {
		case now.Before(exp):
			c.Summary = "AWS says that the token has expired, but by this machine's clock it has not"
			c.Action = "set this machine's clock"
		case now.Before(exp.Add(tolerance)):
			c.Summary = "the token has expired, and this machine's clock is behind: by it, AWS would still tolerate the token"
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
	discovery := "the issuer's /.well-known/openid-configuration"
	if t.Issuer != "" {
		discovery = safetext.Quote(strings.TrimSuffix(t.Issuer, "/") + "/.well-known/openid-configuration")
	}
	c := exchange.Cause{
		ID:       "issuer-keys",
		Evidence: []exchange.Evidence{{Name: "iss", Token: t.Issuer}, {Name: "kid", Token: t.KeyID}},
		Summary:  "AWS could not fetch the issuer's keys, or the token's key is not among them",
		Action:   fmt.Sprintf("check that %s can be fetched from the internet, and that its jwks_uri has the token's kid", discovery),
	}
	if t.Issuer != "" && !cloudnames.TrustedByAWS(t.Issuer) {
		c.Action += "; a server of your own must be reachable for AWS, not only for its runners"
	}
	return []exchange.Cause{c}
}
