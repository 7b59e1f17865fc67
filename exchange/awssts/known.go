package awssts

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awstrust"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/safetext"
)

// Known is what the owner of a job knows of the AWS account. It changes no
// request: it only explains a refusal, for which AWS has one text whatever is
// wrong. A cause that rests on it is certain as far as it is up to date.
type Known struct {
	// Providers are the IAM OpenID Connect providers of the role's account, all
	// of them. Nil means that they are not known; an empty list that there are
	// none.
	Providers []KnownProvider
	// TrustPolicy is the role's trust policy in JSON, as package awstrust reads it.
	// The condition that refuses a token is then named with its line and column.
	// Empty means that it is not known.
	TrustPolicy []byte
}

// KnownProvider is an IAM OpenID Connect provider.
type KnownProvider struct {
	// URL is the provider's URL. "https://" may be missing, as it is in what
	// `aws iam get-open-id-connect-provider` prints.
	URL string
	// ClientIDs are the audiences that the provider has. Empty means none.
	ClientIDs []string
}

func (p *KnownProvider) url() string {
	if strings.Contains(p.URL, "://") {
		return p.URL
	}
	return "https://" + p.URL
}

// clone returns a copy that the caller of [New] cannot change.
func (k *Known) clone() *Known {
	if k == nil {
		return nil
	}
	c := &Known{Providers: slices.Clone(k.Providers), TrustPolicy: slices.Clone(k.TrustPolicy)}
	for i := range c.Providers {
		c.Providers[i].ClientIDs = slices.Clone(c.Providers[i].ClientIDs)
	}
	return c
}

func (k *Known) validate() error {
	if k == nil {
		return nil
	}
	for i := range k.Providers {
		if k.Providers[i].URL == "" {
			return invalid("Known", "provider number %d has no URL", i+1)
		}
	}
	if len(k.TrustPolicy) > 0 {
		if _, err := awstrust.Parse(k.TrustPolicy); err != nil {
			return invalid("Known", "TrustPolicy is not one that AWS would take: %v", err)
		}
	}
	return nil
}

// provider explains, with the providers of the account, why AWS did not accept
// the token. The second result is false if they are not known.
func (k *Known) provider(t *peek.Token, where string) (exchange.Cause, bool) {
	if k == nil || k.Providers == nil || t.Issuer == "" {
		return exchange.Cause{}, false
	}
	var urls []string
	var near *KnownProvider
	for i := range k.Providers {
		p := &k.Providers[i]
		urls = append(urls, p.url())
		if p.url() == t.Issuer {
			return p.audience(t), true
		}
		if near == nil && strings.EqualFold(strings.TrimRight(p.url(), "/"), strings.TrimRight(t.Issuer, "/")) {
			near = p
		}
	}
	if near != nil {
		return exchange.Cause{
			ID: "aws-issuer", Certain: true, Evidence: []exchange.Evidence{{Name: "iss", Token: t.Issuer, Configured: near.url()}},
			Summary: fmt.Sprintf("the provider's URL, %s, differs from the token's issuer, %s, by a final slash or in case", safetext.Quote(near.url()), safetext.Quote(t.Issuer)),
			Action:  "make a provider whose URL is exactly " + safetext.Quote(t.Issuer),
		}, true
	}
	return exchange.Cause{
		ID: "aws-provider", Certain: true, Evidence: []exchange.Evidence{{Name: "iss", Token: t.Issuer, Configured: safetext.Cut(strings.Join(urls, ", "))}},
		Summary: fmt.Sprintf("%s has no IAM OpenID Connect provider for %s", where, claim("iss", t.Issuer)),
		Action:  fmt.Sprintf("make one with URL %s and client ID %s, or use a role of an account that has it", safetext.Quote(t.Issuer), quoteOr(join(presented(t)), "the token's aud")),
	}, true
}

// audience explains a refusal by the provider that has the token's issuer.
func (p *KnownProvider) audience(t *peek.Token) exchange.Cause {
	name, aud := "aud", presented(t)
	if authorizedParty(t) != "" {
		name = "azp"
	}
	evidence := []exchange.Evidence{
		{Name: name, Token: safetext.Cut(join(aud)), Configured: safetext.Cut(strings.Join(p.ClientIDs, ", "))},
		{Name: "iss", Token: t.Issuer, Configured: p.url()},
	}
	if slices.ContainsFunc(aud, func(a string) bool { return slices.Contains(p.ClientIDs, a) }) {
		return exchange.Cause{
			ID: "token-signature", Evidence: evidence,
			Summary: "cannot tell: the account as Known describes it has the token's issuer and audience, so the token was changed after it was signed, or the account is not as described",
			Action:  "check that the source gives the token unchanged, and compare Known with what `aws iam get-open-id-connect-provider` prints",
		}
	}
	c := exchange.Cause{
		ID: "aws-audience", Certain: true, Evidence: evidence,
		Summary: fmt.Sprintf("%s is not a client ID of the IAM OpenID Connect provider for %s", claim(name, join(aud)), claim("iss", t.Issuer)),
		Action:  "add the client ID to the provider, or ask for a token with an audience that it has",
	}
	if name == "azp" {
		c.Action += "; of a token with azp AWS compares azp, not aud"
	}
	return c
}

// presented is what AWS compares with the client IDs: azp where there is one.
func presented(t *peek.Token) []string {
	if azp := authorizedParty(t); azp != "" {
		return []string{azp}
	}
	return t.Audience
}

func authorizedParty(t *peek.Token) string { return text(t, "azp") }

// text returns the claim if it is a string.
func text(t *peek.Token, name string) string {
	if t.Claims == nil {
		return ""
	}
	raw, _ := t.Claims.RegisteredClaims().Lookup(name)
	var value string
	if json.Unmarshal(raw, &value) != nil {
		return ""
	}
	return value
}
