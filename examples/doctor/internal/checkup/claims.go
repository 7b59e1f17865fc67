package checkup

import (
	"strings"
	"time"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/safetext"
)

// circleCIRoot is the issuer that all of CircleCI's customers share.
const circleCIRoot = "https://oidc.circleci.com"

// soon is the time left below which a token may end during what it is for.
const soon = 5 * time.Minute

// claims shows what trust is built on, and warns of what verifiers refuse.
func (e *examination) claims() {
	show := Check{Name: "claims", State: Info, Words: "what the token says of itself, unverified"}
	has := func(name, value string) {
		if value != "" {
			show.Evidence = append(show.Evidence, Evidence{Name: name, Value: value})
		}
	}
	has("iss", e.token.Issuer)
	has("sub", e.token.Subject)
	has("aud", strings.Join(e.token.Audience, ", "))
	has("kid", e.token.KeyID)
	fork, rerun := claims.False, claims.False
	switch c := e.token.Claims.(type) {
	case *claims.GitLab:
		has("project_id", string(c.ProjectID))
		has("project_path", c.ProjectPath)
		has("namespace_id", string(c.NamespaceID))
		has("ref_path", c.RefPath)
		has("ref_protected", c.RefProtected.String())
		has("pipeline_source", c.PipelineSource)
		has("environment", c.Environment)
		if c.Environment != "" {
			has("environment_protected", c.EnvironmentProtected.String())
		}
		has("user_id", string(c.UserID))
		if e.cfg.ShowUser {
			has("user_login", c.UserLogin)
			has("user_email", c.UserEmail)
		}
		fork = c.Fork()
	case *claims.CircleCI:
		has("oidc.circleci.com/org-id", c.OrganizationID)
		has("oidc.circleci.com/project-id", c.ProjectID)
		has("oidc.circleci.com/context-ids", strings.Join(c.ContextIDs, ", "))
		has("oidc.circleci.com/vcs-origin", c.VCSOrigin)
		has("oidc.circleci.com/vcs-ref", c.VCSRef)
		has("oidc.circleci.com/ssh-rerun", c.SSHRerun.String())
		rerun = c.SSHRerun
		if c.ForkPullRequest() {
			fork = claims.True
		}
	}
	e.add(show)

	if fork == claims.True {
		e.add(Check{
			Name: "fork", State: Warn, Words: "the job runs what a fork brings along: services that verify the token should refuse it",
			Action: "run this step for the project's own branches only",
		})
	}
	if rerun == claims.True {
		e.add(Check{
			Name: "ssh-rerun", State: Warn, Words: "the job was rerun with SSH, where a person has a shell: services that verify the token should refuse it",
			Action: "rerun the job without SSH",
		})
	}
	if e.token.Issuer == circleCIRoot {
		e.add(Check{
			Name: "root-issuer", State: Warn, Words: "the token is of CircleCI's root issuer, which all of its customers share, not of the organization's",
			Action:   "ask for it without --root-issuer, unless the service trusts that one and checks org-id and project-id",
			Evidence: []Evidence{{Name: "iss", Value: e.token.Issuer}},
		})
	}
	if _, azp := e.token.Claims.RegisteredClaims().Lookup("azp"); len(e.token.Audience) > 1 && !azp {
		e.add(Check{
			Name: "several-audiences", State: Warn, Words: "the token has more than one audience: AWS refuses it, and one service can present it to another",
			Action: "use a token of its own for each service", Evidence: []Evidence{{Name: "aud", Value: strings.Join(e.token.Audience, ", ")}},
		})
	}
}

// time judges the token's time by the clock of this machine.
func (e *examination) time() {
	now := e.cfg.Now()
	times := func(name string, at claims.NumericDate) []Evidence {
		return []Evidence{{Name: name, Value: stamp(at.Time())}, {Name: "now, here", Value: stamp(now)}}
	}
	t := e.token
	if t.ExpiresAt == 0 {
		e.add(Check{Name: "time", State: Fail, Words: "the token has no expiry time, and nothing accepts such a token"})
		return
	}
	left := t.ExpiresAt.Time().Sub(now).Round(time.Second)
	switch {
	case left <= 0:
		c := Check{
			Name: "time", State: Fail, Words: "the token expired " + (-left).String() + " ago; AWS takes it for 5m0s after its end, others do not",
			Evidence: times("exp", t.ExpiresAt), Action: "use it earlier in the job, or get a new one",
		}
		if t.Identity.Platform == "gitlab" {
			c.Action = "use it earlier in the job, or raise the job's timeout, for which it lives: GitLab makes no second one"
		}
		e.add(c)
	case t.IssuedAt.Time().Sub(now) > smallSkew:
		e.add(Check{
			Name: "time", State: Warn, Words: "the token was issued " + t.IssuedAt.Time().Sub(now).Round(time.Second).String() + " ahead of the clock here",
			Evidence: times("iat", t.IssuedAt), Action: "set this machine's clock, or the issuer's",
		})
	case left < soon:
		e.add(Check{Name: "time", State: Warn, Words: "the token has only " + left.String() + " left", Evidence: times("exp", t.ExpiresAt),
			Action: "use it earlier in the job"})
	default:
		e.add(Check{Name: "time", State: OK, Words: "the token has " + left.String() + " left"})
	}
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// list quotes values for a sentence, eight at most.
func list(values []string) string {
	var quoted []string
	for i, v := range values {
		if i == 8 {
			quoted = append(quoted, "and more")
			break
		}
		quoted = append(quoted, safetext.Quote(v))
	}
	return strings.Join(quoted, ", ")
}
