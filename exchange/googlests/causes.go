package googlests

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests/internal/answer"
	"github.com/cioidc/cioidc/internal/cause"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/safetext"
)

// maxSubject is the most that google.subject may have, in bytes (iam/v1,
// workloadIdentityPools.providers).
const maxSubject = 127

// causes explains a refusal, by the code first and the text second: Google has
// one code for several things and rewords its texts. An unknown text has no
// cause rather than a wrong one.
func (p *provider) causes(r answer.Refusal, token *peek.Token) []exchange.Cause {
	row, _ := cause.Find(cause.Google, r.Code, r.Description)
	var c exchange.Cause
	switch row.ID {
	case "G1":
		c = p.audienceCause(token)
	case "G2":
		c = issuerCause(r, token)
	case "G3":
		c = exchange.Cause{
			ID:       "google-issuer-unreachable",
			Summary:  "Google could not fetch the keys of the token's issuer, " + safetext.Quote(token.Issuer),
			Action:   "make " + safetext.Quote(token.Issuer+"/.well-known/openid-configuration") + " reachable from the internet, or upload the issuer's keys to the provider (--jwk-json-path)",
			Evidence: []exchange.Evidence{{Name: "iss", Token: token.Issuer}, {Name: "kid", Token: token.KeyID}},
		}
	case "G4":
		c = expiredCause(token)
	case "G5":
		c = exchange.Cause{
			ID:       "google-condition",
			Summary:  "the token is valid, but the provider's attribute condition is false for " + sentence(identity(token)),
			Action:   "compare the condition with these claims" + booleans(token),
			Certain:  true,
			Evidence: identity(token),
		}
	case "G6":
		c = subjectCause(token)
	case "G7":
		c = exchange.Cause{
			ID:       "google-subject-missing",
			Summary:  "the provider's mapping of google.subject reads a claim that the token does not have",
			Action:   "map google.subject to a claim that is always there, such as assertion.sub",
			Certain:  true,
			Evidence: identity(token),
		}
	case "G8":
		c = exchange.Cause{
			ID:       "google-provider-name",
			Summary:  "Google does not take Config.Provider for the name of a pool provider",
			Action:   "compare it with the name that gcloud iam workload-identity-pools providers describe prints, with //iam.googleapis.com/ in front",
			Evidence: []exchange.Evidence{{Name: "provider", Configured: p.name}},
		}
	case "G9":
		c = exchange.Cause{
			ID:       "google-provider",
			Summary:  "the pool or the provider does not exist under this project number, is disabled, or was deleted",
			Action:   "compare the name with what gcloud iam workload-identity-pools providers describe prints; a deleted ID stays taken for 30 days",
			Evidence: []exchange.Evidence{{Name: "provider", Configured: p.name}},
		}
	default:
		return nil
	}
	p.known.add(&c, token)
	return []exchange.Cause{c}
}

// expiredCause explains a token whose time is over. Who makes it anew in the
// same job does so before its end; so it is the rest that needs advice.
func expiredCause(token *peek.Token) exchange.Cause {
	c := exchange.Cause{
		ID:      "google-expired",
		Summary: "the token is too old: it expired at " + instant(token.ExpiresAt),
		Action:  "exchange it earlier in the job, or let the source get a fresh one",
		Certain: true,
		Evidence: []exchange.Evidence{
			{Name: "iat", Token: instant(token.IssuedAt)},
			{Name: "exp", Token: instant(token.ExpiresAt)},
		},
	}
	if token.ExpiresAt == 0 {
		c.Summary = "the token is too old, and does not say when it expires"
		c.Evidence = c.Evidence[:1]
		return c
	}
	if now := time.Now(); now.Before(token.ExpiresAt.Time()) {
		c.Summary = "Google takes the token for too old, though by the clock here it is valid until " + instant(token.ExpiresAt)
		c.Action = "compare its iat with the clocks of the CI server and of this machine, and set these by NTP; Google takes no token that lives for more than 24 hours"
		c.Certain = false
		c.Evidence = append(c.Evidence, exchange.Evidence{Name: "clock here", Configured: now.UTC().Format(time.RFC3339)})
		return c
	}
	if token.Identity.Platform == "gitlab" {
		c.Action = "exchange it earlier in the job, or raise the job's timeout, for which GitLab's ID tokens live: none is renewed during a job"
	}
	return c
}

func (p *provider) audienceCause(token *peek.Token) exchange.Cause {
	aud := list(token.Audience)
	c := exchange.Cause{
		ID:       "google-audience",
		Summary:  "the provider does not accept the token's audience, " + safetext.Quote(aud),
		Certain:  true,
		Evidence: []exchange.Evidence{{Name: "aud", Token: aud, Configured: p.audience}},
	}
	switch {
	case !token.Audience.Contains(p.audience):
		c.Action = "give the job a token for the audience " + safetext.Quote(p.audience) + ", or add the token's own to the provider's allowed audiences"
	case p.audience == "https:"+p.name:
		// The provider has audiences of its own, which end the default ones.
		c.Action = "set Config.Audience to one of the provider's allowed audiences, or add this one to them"
	default:
		c.Action = "add it to the provider's allowed audiences, or leave Config.Audience empty if the provider has none"
	}
	return c
}

func issuerCause(r answer.Refusal, token *peek.Token) exchange.Cause {
	c := exchange.Cause{
		ID:       "google-issuer",
		Summary:  "the provider is configured for another issuer than the token's, " + safetext.Quote(token.Issuer),
		Action:   "set the provider's issuer to the token's iss exactly, path and trailing slash included, or use the provider that has it",
		Certain:  true,
		Evidence: []exchange.Evidence{{Name: "iss", Token: token.Issuer}},
	}
	if _, expected, ok := strings.Cut(r.Description, "expected ones: "); ok {
		c.Evidence[0].Configured = expected
	}
	return c
}

// subjectCause explains a google.subject over 127 bytes. The mapping is not
// known; if sub itself is too long it is the reason, else it is only likely.
func subjectCause(token *peek.Token) exchange.Cause {
	size := len(token.Subject)
	c := exchange.Cause{
		ID:       "google-subject-length",
		Summary:  fmt.Sprintf("the provider maps google.subject to something longer than %d bytes; the token's sub has %d", maxSubject, size),
		Action:   "map google.subject to a shorter claim",
		Certain:  size > maxSubject,
		Evidence: []exchange.Evidence{{Name: "sub", Token: token.Subject}, {Name: "bytes of sub", Token: strconv.Itoa(size), Configured: "at most " + strconv.Itoa(maxSubject)}},
	}
	switch token.Identity.Platform {
	case "circleci":
		c.Action = "send CIRCLE_OIDC_TOKEN, whose sub has 127 bytes, instead of CIRCLE_OIDC_TOKEN_V2, or map google.subject to assertion['oidc.circleci.com/project-id']"
	case "gitlab":
		c.Action = "map google.subject to a shorter claim, such as assertion.project_id + '::' + assertion.job_id: the length of sub varies with the branch name"
	}
	return c
}

// booleans is a remark for the platform that sends booleans as strings, where
// a condition on the boolean is always false.
func booleans(token *peek.Token) string {
	if token.Identity.Platform == "gitlab" {
		return "; GitLab's booleans are strings, so it is assertion.ref_protected == 'true'"
	}
	return ""
}

// identity is the part of the claims that conditions are usually about and
// that names no person, each under the name that a condition has for it.
func identity(token *peek.Token) []exchange.Evidence {
	evidence := []exchange.Evidence{{Name: "iss", Token: token.Issuer}, {Name: "sub", Token: token.Subject}}
	add := func(name, value string) {
		if value != "" {
			evidence = append(evidence, exchange.Evidence{Name: name, Token: value})
		}
	}
	switch c := token.Claims.(type) {
	case *claims.GitLab:
		add("namespace_id", string(c.NamespaceID))
		add("project_id", string(c.ProjectID))
		add("ref", c.Ref)
		add("ref_type", c.RefType)
		add("ref_protected", boolean(c.RefProtected))
		add("environment", c.Environment)
	case *claims.CircleCI:
		add("oidc.circleci.com/org-id", c.OrganizationID)
		add("oidc.circleci.com/project-id", c.ProjectID)
		add("oidc.circleci.com/vcs-origin", c.VCSOrigin)
		add("oidc.circleci.com/vcs-ref", c.VCSRef)
		add("oidc.circleci.com/ssh-rerun", boolean(c.SSHRerun))
	}
	return evidence
}

func boolean(b claims.Bool) string {
	switch b {
	case claims.True:
		return "true"
	case claims.False:
		return "false"
	}
	return ""
}

// maxInSentence is how many bytes of a claim a sentence shows. The evidence
// has it whole.
const maxInSentence = 130

// sentence lists what the token says, for an error's one line.
func sentence(evidence []exchange.Evidence) string {
	said := make([]string, 0, len(evidence))
	for _, e := range evidence {
		value := e.Token
		if len(value) > maxInSentence {
			value = strings.ToValidUTF8(value[:maxInSentence], "") + "..."
		}
		said = append(said, e.Name+" "+safetext.Quote(value))
	}
	return strings.Join(said, ", ")
}

func instant(d claims.NumericDate) string { return d.Time().UTC().Format(time.RFC3339) }

func list(values []string) string { return strings.Join(values, ", ") }
