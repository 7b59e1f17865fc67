package awssts

import (
	"encoding/json"
	"strings"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/cloudnames"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/internal/unreached"
)

// The claims by which a token asks AWS for more than a session (IAM user guide,
// "Passing session tags using AssumeRoleWithWebIdentity").
const (
	tagsClaim   = "https://aws.amazon.com/tags"
	sourceClaim = "https://aws.amazon.com/source_identity"
	rolesClaim  = "https://aws.amazon.com/roles"
)

// sessionActions returns the actions beside AssumeRoleWithWebIdentity that a
// statement must allow for this token.
func sessionActions(t *peek.Token) []string {
	if t.Claims == nil {
		return nil
	}
	var needed []string
	r := t.Claims.RegisteredClaims()
	// Tags are one object, or a claim for each of them.
	if _, ok := r.Lookup(tagsClaim); ok || strings.Contains(string(r.Payload()), `"`+tagsClaim+"/") {
		needed = append(needed, "sts:TagSession")
	}
	if _, ok := r.Lookup(sourceClaim); ok {
		needed = append(needed, "sts:SetSourceIdentity")
	}
	return needed
}

// claims explains what AWS has against the claims of a token that is otherwise
// read.
func (p *Provider) claims(row string, e *exchange.Error, t *peek.Token) []exchange.Cause {
	c := exchange.Cause{ID: "aws-claim", Certain: true, Evidence: []exchange.Evidence{{Name: "iss", Token: t.Issuer}, {Name: "sub", Token: t.Subject}, audience(t, p.cfg.Audience)}}
	switch {
	case row == "A14":
		c.ID, c.Evidence = "aws-session-tags", []exchange.Evidence{{Name: tagsClaim, Token: form(raw(t, tagsClaim))}}
		c.Summary = "the token's session tags, in the claim " + tagsClaim + ", have not the form that AWS takes"
		c.Action = `let the issuer send {"principal_tags": {"Key": ["one value"]}}: each value a list of exactly one string`
	case row == "A15":
		c.ID = "aws-roles-claim"
		c.Evidence = []exchange.Evidence{{Name: rolesClaim, Token: safetext.Cut(raw(t, rolesClaim)), Configured: p.cfg.RoleARN}}
		c.Summary = "the token is for the roles in its claim " + rolesClaim + ", and " + safetext.Quote(p.cfg.RoleARN) + " is not among them"
		c.Action = "let the issuer list the role there, or assume one that it lists"
	case strings.HasSuffix(e.Description, ": aud"):
		c.Summary = "the token has no audience, or an empty one"
		c.Action = "ask for a token with an audience: on GitLab an entry of id_tokens has one, the old CI_JOB_JWT does not"
	default:
		c.Summary = "AWS does not take the token's claims as they are"
		c.Action = "compare the claim that AWS names with what it requires of a web identity token; the issuer sets it"
	}
	return []exchange.Cause{c}
}

func (p *Provider) severalAudiences(t *peek.Token) []exchange.Cause {
	return []exchange.Cause{{
		ID: "aws-several-audiences", Certain: true, Evidence: []exchange.Evidence{audience(t, "")},
		Summary: "AWS takes tokens with one audience only",
		Action:  "use a token of its own for AWS, with one audience",
	}}
}

// odd explains a failure of AWS on a token.
func (p *Provider) odd(t *peek.Token) []exchange.Cause {
	c := exchange.Cause{
		ID: "aws-odd-claim", Evidence: []exchange.Evidence{{Name: "iss", Token: t.Issuer}, {Name: "sub", Token: t.Subject}},
		Summary: "AWS failed on the token: a claim of it may be of a form that AWS does not expect, or AWS has a fault of its own",
		Action:  "look at the token's claims, sub above all; if they are as they should be, try again later",
	}
	if t.Claims != nil && t.Subject == "" {
		c.Certain = true
		c.Summary = "the token has no sub that is a text, and AWS fails on such a token"
		c.Action = "let the issuer set sub to the job's identity"
	}
	return []exchange.Cause{c}
}

// thumbprint explains a certificate that AWS does not take.
func (p *Provider) thumbprint(t *peek.Token) []exchange.Cause {
	c := exchange.Cause{
		ID: "aws-thumbprint", Certain: true, Evidence: []exchange.Evidence{{Name: "iss", Token: t.Issuer}},
		Summary: "the issuer's certificate is of no authority that AWS knows, and the provider's thumbprint is another one",
		Action:  "set the provider's thumbprint anew: `aws iam update-open-id-connect-provider-thumbprint`",
	}
	if t.Issuer != "" && cloudnames.TrustedByAWS(t.Issuer) {
		// AWS does not look at the thumbprint of these.
		c.Certain = false
		c.Summary = "AWS names the thumbprint, which it does not look at for " + safetext.Quote(t.Issuer) + ": the provider is more likely for another URL"
		c.Action = "compare the provider's URL and client IDs with the token's iss and aud"
	}
	return []exchange.Cause{c}
}

// raw returns the claim as JSON; empty if the token has none.
func raw(t *peek.Token, name string) string {
	if t.Claims == nil {
		return ""
	}
	value, _ := t.Claims.RegisteredClaims().Lookup(name)
	return string(value)
}

// form returns JSON, cut, without its texts: tags may name a person, and what is
// wrong with them is their form.
func form(text string) string {
	var value any
	if json.Unmarshal([]byte(text), &value) != nil {
		return ""
	}
	out, err := json.Marshal(withoutTexts(value))
	if err != nil {
		return ""
	}
	return safetext.Cut(string(out))
}

func withoutTexts(value any) any {
	switch v := value.(type) {
	case string:
		if v != "" {
			return "..."
		}
	case []any:
		for i := range v {
			v[i] = withoutTexts(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = withoutTexts(v[name])
		}
	}
	return value
}

// redirected explains an answer that is not one of STS but a redirect.
func (p *Provider) redirected(e *exchange.Error) []exchange.Cause {
	if c, ok := unreached.Redirect(e.StatusCode, p.cfg.Endpoint, ""); ok {
		return []exchange.Cause{c}
	}
	return nil
}
