package oidc_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

const (
	audience = "https://deploy.acme.example"
	otherOrg = "0d3f0f3e-58a4-4a1c-9f06-52e0a6e4c002"
	thirdOrg = "7a9e1c55-9c0f-4f55-8f5c-3f3f9b3f0003"
)

// must returns a verifier that must be one.
func must(t *testing.T, cfg oidc.Config) *oidc.Verifier {
	t.Helper()
	v, err := oidc.NewVerifier(cfg)
	require.NoError(t, err)
	return v
}

func TestOneVerifierForBothPlatforms(t *testing.T) {
	gitlab := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	circle := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(oidctest.CircleCIOrganizationID)})
	other := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(otherOrg), KeysOf: circle})
	third := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(thirdOrg), KeysOf: circle})
	v := must(t, oidc.Config{
		Issuers: []oidc.Issuer{
			oidc.GitLab("https://gitlab.com"), oidc.CircleCI(oidctest.CircleCIOrganizationID), oidc.CircleCI(otherOrg),
		},
		Audiences:  []string{audience},
		HTTPClient: oidctest.Client(gitlab, circle, other, third),
	})
	ctx := t.Context()

	tok, err := v.Verify(ctx, gitlab.GitLab(audience))
	require.NoError(t, err)
	require.IsType(t, (*claims.GitLab)(nil), tok.Claims())
	assert.Equal(t, claims.ID(oidctest.GitLabProjectID), tok.Claims().(*claims.GitLab).ProjectID)
	assert.Equal(t, gitlab.KeyID(), tok.KeyID())
	assert.Equal(t, oidc.RS256, tok.Algorithm())
	assert.Contains(t, string(tok.Payload()), `"project_path":"`+oidctest.GitLabProjectPath+`"`)
	assert.Equal(t, "gitlab", tok.Identity().Platform)
	assert.Nil(t, tok.Decision())

	for _, issuer := range []*oidctest.Issuer{circle, other} {
		tok, err := v.Verify(ctx, issuer.CircleCI(audience))
		require.NoError(t, err)
		require.IsType(t, (*claims.CircleCI)(nil), tok.Claims())
	}
	c, err := oidc.Verify[claims.CircleCI](ctx, v, circle.CircleCI(audience))
	require.NoError(t, err)
	assert.Equal(t, oidctest.CircleCIProjectID, c.ProjectID)

	_, err = oidc.Verify[claims.CircleCI](ctx, v, gitlab.GitLab(audience))
	requireToken(t, err, oidc.ErrModel)

	before := gitlab.Requests() + circle.Requests() + other.Requests() + third.Requests()
	_, err = v.Verify(ctx, third.CircleCI(audience))
	e := requireToken(t, err, oidc.ErrIssuer)
	assert.Equal(t, oidctest.CircleCIURL(thirdOrg), e.Issuer)
	assert.Equal(t, before, gitlab.Requests()+circle.Requests()+other.Requests()+third.Requests(), "requests for a token of a third organization")
	assert.Zero(t, third.Requests())
	assert.Equal(t, 2, gitlab.Requests(), "discovery and keys, once")
}

// requireToken asserts that err is a TokenError for this reason.
func requireToken(t *testing.T, err, reason error) *oidc.TokenError {
	t.Helper()
	var e *oidc.TokenError
	require.ErrorAs(t, err, &e)
	require.ErrorIs(t, err, reason, "%v", err)
	return e
}

// What a platform signs that is not a job the owner of the project controls is
// refused unless it is asked for, each for its own reason.
func TestRefusedByDefault(t *testing.T) {
	gitlab := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	circle := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(oidctest.CircleCIOrganizationID)})
	cfg := oidc.Config{
		Issuers:    []oidc.Issuer{oidc.GitLab("https://gitlab.com"), oidc.CircleCI(oidctest.CircleCIOrganizationID)},
		Audiences:  []string{audience, oidctest.CircleCIOrganizationID},
		HTTPClient: oidctest.Client(gitlab, circle),
	}
	strict := must(t, cfg)
	cfg.AllowForks, cfg.AllowSSHRerun = true, true
	lax := must(t, cfg)

	for name, c := range map[string]struct {
		raw    string
		reason error
		claim  string // of a TokenError; a DeniedError has none
		detail string
	}{
		"login token of a GitLab user": {
			gitlab.Login(audience), oidc.ErrClaim, "project_id", "the ID tokens of users who log in",
		},
		"GitLab token without pipeline_id": {
			gitlab.GitLab(audience, func(c oidctest.Claims) { delete(c, "pipeline_id") }), oidc.ErrClaim, "pipeline_id", "no pipeline_id",
		},
		"GitLab token with an empty job_id": {
			gitlab.GitLab(audience, func(c oidctest.Claims) { c["job_id"] = "" }), oidc.ErrClaim, "job_id", "no job_id",
		},
		"audit log stream": {
			circle.CircleCI("", oidctest.AuditLogStream), oidc.ErrClaim, "oidc.circleci.com/project-id", "audit log stream",
		},
		"CircleCI token without project-id": {
			circle.CircleCI(audience, func(c oidctest.Claims) { delete(c, "oidc.circleci.com/project-id") }),
			oidc.ErrClaim, "oidc.circleci.com/project-id", "every job's token has one",
		},
		"another organization's ID": {
			circle.CircleCI(audience, func(c oidctest.Claims) { c["oidc.circleci.com/org-id"] = otherOrg }),
			oidc.ErrClaim, "oidc.circleci.com/org-id", otherOrg,
		},
		"rerun with SSH": {
			circle.CircleCI(audience, oidctest.SSHRerun), oidc.ErrSSHRerun, "", "a person may be typing",
		},
		"silent on SSH": {
			circle.CircleCI(audience, func(c oidctest.Claims) { delete(c, "oidc.circleci.com/ssh-rerun") }),
			oidc.ErrSSHRerun, "", "the token has no oidc.circleci.com/ssh-rerun",
		},
		"CircleCI pull request of a fork": {
			circle.CircleCI(audience, oidctest.ForkPullRequest), oidc.ErrFork, "", oidctest.CircleCIForkOrigin,
		},
		"GitLab merge request of a fork, run in the parent": {
			gitlab.GitLab(audience, oidctest.ForkMergeRequestInParent), oidc.ErrFork, "", oidctest.GitLabForkProjectPath,
		},
		"GitLab merge request that may be a fork's": {
			gitlab.GitLab(audience, oidctest.MergeRequest, oidctest.BeforeGitLab184), oidc.ErrFork, "", "it may be a fork's merge request",
		},
	} {
		t.Run(name, func(t *testing.T) {
			tok, err := strict.Verify(t.Context(), c.raw)
			require.ErrorIs(t, err, c.reason)
			assert.Nil(t, tok)
			assert.ErrorContains(t, err, c.detail)
			if c.claim != "" {
				assert.Equal(t, c.claim, requireToken(t, err, c.reason).Claim)
				return
			}
			var denied *oidc.DeniedError
			require.ErrorAs(t, err, &denied)
			assert.NotNil(t, denied.Claims)
			_, err = lax.Verify(t.Context(), c.raw)
			assert.NoError(t, err, "and accepted when asked for")
		})
	}

	for name, raw := range map[string]string{
		"push before GitLab 18.4":        gitlab.GitLab(audience, oidctest.BeforeGitLab184),
		"merge request within a project": gitlab.GitLab(audience, oidctest.MergeRequest),
		"subject of a maintainer's own":  gitlab.GitLab(audience, oidctest.Subject("project_id", "ref")),
		"tag":                            gitlab.GitLab(audience, oidctest.Tag("v1")),
		"several audiences":              gitlab.GitLab(audience, oidctest.AudienceArray("https://elsewhere.example")),
		"no user":                        gitlab.GitLab(audience, oidctest.NoUser),
		"custom webhook":                 circle.CircleCI(audience, oidctest.CustomWebhook),
		"before November 2025":           circle.CircleCI(audience, oidctest.BeforeNovember2025),
		"second form of the subject":     circle.CircleCI(audience, oidctest.SubjectV2),
		"five hours":                     circle.CircleCI(audience, oidctest.FiveHours),
	} {
		_, err := strict.Verify(t.Context(), raw)
		assert.NoError(t, err, name)
	}
}

func TestCircleCIRoot(t *testing.T) {
	root := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIRootURL})
	v := must(t, oidc.Config{
		Issuers:    []oidc.Issuer{oidc.CircleCIRoot(otherOrg, "2F1A9E5C-6A53-4F2B-8B63-0C6D1D8E4F01")},
		Audiences:  []string{audience},
		HTTPClient: oidctest.Client(root),
	})
	for org, reason := range map[string]error{
		otherOrg: nil, "2f1a9e5c-6a53-4f2b-8b63-0c6d1d8e4f01": nil, thirdOrg: oidc.ErrIssuer, "": oidc.ErrClaim,
	} {
		_, err := v.Verify(t.Context(), root.CircleCI(audience, func(c oidctest.Claims) { c["oidc.circleci.com/org-id"] = org }))
		if reason == nil {
			assert.NoError(t, err)
			continue
		}
		assert.Equal(t, "oidc.circleci.com/org-id", requireToken(t, err, reason).Claim)
	}
}

func TestCircleCIServer(t *testing.T) {
	const url = "https://circleci.acme.example/org/" + otherOrg
	server := oidctest.NewIssuer(t, &oidctest.Options{URL: url})
	bare := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://ci.acme.example", Platform: oidctest.CircleCIPlatform})
	v := must(t, oidc.Config{
		Issuers:    []oidc.Issuer{oidc.CircleCIServer(url, otherOrg), oidc.CircleCIServer("https://ci.acme.example", otherOrg)},
		Audiences:  []string{audience},
		HTTPClient: oidctest.Client(server, bare),
	})
	noOrg := func(c oidctest.Claims) { delete(c, "oidc.circleci.com/org-id") }
	_, err := v.Verify(t.Context(), server.CircleCI(audience))
	assert.NoError(t, err)
	_, err = v.Verify(t.Context(), server.CircleCI(audience, noOrg))
	assert.NoError(t, err, "the issuer names the organization")
	_, err = v.Verify(t.Context(), bare.CircleCI(audience, noOrg))
	assert.Equal(t, "oidc.circleci.com/org-id", requireToken(t, err, oidc.ErrClaim).Claim)
	_, err = v.Verify(t.Context(), bare.CircleCI(audience, func(c oidctest.Claims) { c["oidc.circleci.com/org-id"] = thirdOrg }))
	requireToken(t, err, oidc.ErrIssuer)
}

type verdict struct{ rule string }

func (d verdict) LogValue() slog.Value { return slog.StringValue(d.rule) }

func TestAuthorizeAndAudit(t *testing.T) {
	gitlab := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	var events []oidc.Event
	errOutage := errors.New("the policy store is away")
	v := must(t, oidc.Config{
		Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: oidctest.Client(gitlab),
		Authorize: func(_ context.Context, c claims.Model) (slog.LogValuer, error) {
			switch c.(*claims.GitLab).Ref {
			case "main":
				return verdict{"main only"}, nil
			case "outage":
				return nil, &oidc.UnavailableError{Op: oidc.OpAuthorize, Err: errOutage}
			}
			return verdict{"none"}, errors.New("only main may deploy")
		},
		Audit: func(_ context.Context, e oidc.Event) { events = append(events, e) },
	})
	tok, err := v.Verify(t.Context(), gitlab.GitLab(audience))
	require.NoError(t, err)
	assert.Equal(t, verdict{"main only"}, tok.Decision())

	tok, err = v.Verify(t.Context(), gitlab.GitLab(audience, oidctest.Branch("other")))
	assert.Nil(t, tok)
	var denied *oidc.DeniedError
	require.ErrorAs(t, err, &denied)
	assert.EqualError(t, denied.Err, "only main may deploy")

	_, err = v.Verify(t.Context(), gitlab.GitLab(audience, oidctest.Branch("outage")))
	var unavailable *oidc.UnavailableError
	require.ErrorAs(t, err, &unavailable)
	assert.ErrorIs(t, err, errOutage)
	assert.NotErrorAs(t, err, &denied)

	_, err = v.Verify(t.Context(), "x")
	requireToken(t, err, oidc.ErrMalformed)

	require.Len(t, events, 4)
	assert.Equal(t, verdict{"main only"}, events[0].Decision)
	assert.NoError(t, events[0].Err)
	assert.Len(t, events[0].TokenHash, 64)
	assert.Equal(t, verdict{"none"}, events[1].Decision)
	assert.Equal(t, oidctest.GitLabProjectID, events[1].Identity.Project, "a denial is recorded with whom it denied")
	assert.Zero(t, events[3].Identity, "what is not verified has no identity")
	assert.ErrorIs(t, events[3].Err, oidc.ErrMalformed)
}

type buildkite struct {
	claims.Registered
	Pipeline string `json:"pipeline_slug"`
}

func TestIssuerOf(t *testing.T) {
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://agent.example", Algorithm: oidc.ES256})
	trusted := oidc.IssuerOf[buildkite](issuer.URL())
	trusted.Algorithms = []oidc.Algorithm{oidc.ES256}
	v := must(t, oidc.Config{Issuers: []oidc.Issuer{trusted}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer)})
	now := time.Now().Unix()
	c, err := oidc.Verify[buildkite](t.Context(), v, issuer.Sign(oidctest.Claims{
		"iss": issuer.URL(), "sub": "s", "aud": audience, "iat": now, "exp": now + 60, "pipeline_slug": "deploy",
	}))
	require.NoError(t, err)
	assert.Equal(t, "deploy", c.Pipeline)
}
