package awsrender_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange/awstrust"
	"github.com/cioidc/cioidc/exchange/awstrust/awsrender"
	"github.com/cioidc/cioidc/internal/hostile"
	"github.com/cioidc/cioidc/oidc/policy"
)

const (
	aud     = "https://aws.example"
	gitLab  = "https://gitlab.com"
	managed = "https://git.acme.example"
	org     = "4ada2c32-0d0f-4f2e-9a56-1c2b3d4e5f60"
	project = "cb279ff5-2f0c-4f4b-8f0b-6c1c0b2f7d22"
	user    = "15d9a7e2-48b3-4c06-9f7a-80c2e5b6d314"
	reason  = "it is a test"
)

// choose returns one of the values.
func choose[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

var (
	gitLabRefs = []string{"main", "stable", "v1", "v1/x", "vx", "release/1", "a/ref:x"}
	circleRefs = []string{"refs/heads/main", "refs/heads/x", "refs/tags/v1", "refs/tags/v1/x", "refs/heads/pull/7", "refs/heads/pull/7/x", "refs/heads/release/1",
		"refs/heads/x/vcs-origin/github.com/acme/app/vcs-ref/refs/heads/main"}
	patterns = []string{"*", "v*", "**", "v**", "release/*", "m*n", "refs/heads/*", "refs/tags/v*", "refs/heads/**", "refs/heads/pull/*", "refs/**"}
)

func matcher(r *rand.Rand, of ...string) policy.Matcher {
	m := policy.Matcher{Op: choose(r, policy.Equal, policy.Equal, policy.Equal, policy.Equal, policy.Glob, policy.Regex, policy.Present, policy.Absent)}
	switch m.Op {
	case policy.Equal:
		m.Values = []string{choose(r, of...)}
		if r.IntN(3) == 0 {
			m.Values = append(m.Values, choose(r, of...))
		}
		m.Not = r.IntN(4) == 0
	case policy.Glob:
		m.Values = []string{choose(r, patterns...)}
		if r.IntN(4) == 0 {
			m.Values = append(m.Values, choose(r, patterns...))
		}
		m.Not = r.IntN(6) == 0
	case policy.Regex:
		m.Values = []string{choose(r, "v.*", "main|stable", ".*")}
	}
	return m
}

func equal(values ...string) policy.Matcher { return policy.Matcher{Values: values} }

// randomGitLabRule returns conditions that a policy may compile or not.
func randomGitLabRule(r *rand.Rand, deny bool) policy.Rule {
	rule := policy.Rule{Name: "r", Platform: policy.GitLab, Claims: map[string]policy.Matcher{}, Allow: map[string]string{}}
	maybe := func(claim string, of ...string) {
		if r.IntN(3) == 0 {
			rule.Claims[claim] = matcher(r, of...)
		}
	}
	if !deny {
		rule.Claims["issuer"] = equal(choose(r, gitLab, gitLab, managed))
		rule.Claims[choose(r, "project_id", "project_id", "namespace_id")] = equal("1")
		if r.IntN(2) == 0 {
			rule.Claims["project_path"] = equal("acme/app")
		}
	}
	maybe("namespace_path", "acme", "other")
	maybe("ref", gitLabRefs...)
	maybe("ref_type", "branch", "tag")
	maybe("pipeline_source", "push", "web", "schedule", "merge_request_event", "parent_pipeline")
	maybe("runner_environment", "gitlab-hosted", "self-hosted")
	maybe("environment", "production", "staging")
	maybe("user_login", "somebody", "else")
	maybe("user_id", "7", "8")
	if r.IntN(2) == 0 {
		rule.Claims["ref_protected"] = equal(choose(r, "true", "false"))
	}
	if !deny {
		for _, name := range []string{policy.AllowFork, policy.AllowRefWithoutType, policy.AllowOpenEnvironment} {
			if r.IntN(2) == 0 {
				rule.Allow[name] = reason
			}
		}
	}
	return rule
}

func randomCircleCIRule(r *rand.Rand, deny bool) policy.Rule {
	rule := policy.Rule{Name: "r", Platform: policy.CircleCI, Claims: map[string]policy.Matcher{}, Allow: map[string]string{}}
	maybe := func(claim string, of ...string) {
		if r.IntN(2) == 0 {
			rule.Claims[claim] = matcher(r, of...)
		}
	}
	if !deny {
		rule.Claims["org-id"], rule.Claims["project-id"] = equal(org), equal(project)
	}
	maybe("vcs-origin", "github.com/acme/app", "github.com/acme/other")
	maybe("vcs-ref", circleRefs...)
	if r.IntN(4) == 0 {
		rule.Claims["context-ids"] = policy.Matcher{Op: policy.AllOf, Values: []string{user}}
	}
	if !deny {
		for _, name := range []string{policy.AllowFork, policy.AllowSSHRerun, policy.AllowRefFromAnyRepository} {
			if r.IntN(2) == 0 {
				rule.Allow[name] = reason
			}
		}
	}
	return rule
}

// gitLabToken is a token as GitLab makes them.
func gitLabToken(r *rand.Rand, issuer string) map[string]any {
	path := choose(r, "acme/app", "acme/app", "acme/app-evil", "acme/sub/app", "other/app")
	c := map[string]any{
		"iss": issuer, "aud": choose(r, aud, aud, aud, "https://other.example"), "iat": 1, "exp": 4102444800, "jti": "j",
		"project_id": choose(r, "1", "1", "2"), "project_path": path, "namespace_id": choose(r, "1", "1", "3"), "namespace_path": path[:strings.LastIndex(path, "/")],
		"ref": choose(r, gitLabRefs[:6]...), "ref_type": choose(r, "branch", "tag"), "ref_protected": choose(r, "true", "false"),
		"pipeline_source":    choose(r, "push", "web", "schedule", "api", "merge_request_event", "parent_pipeline", "pipeline"),
		"runner_environment": choose(r, "gitlab-hosted", "self-hosted"), "user_login": choose(r, "somebody", "else", "third"), "user_id": choose(r, "7", "8"),
		"pipeline_id": "5", "job_id": "6",
	}
	if r.IntN(2) == 0 {
		c["environment"], c["environment_protected"] = choose(r, "production", "staging"), choose(r, "true", "false")
	}
	if r.IntN(2) == 0 {
		c["job_project_id"] = c["project_id"]
		if c["pipeline_source"] == "merge_request_event" && r.IntN(2) == 0 {
			c["job_project_id"] = "99"
		}
	}
	c["sub"] = fmt.Sprintf("project_path:%s:ref_type:%s:ref:%s", path, c["ref_type"], c["ref"])
	return c
}

// circleToken is a token as CircleCI makes them, in either form of sub.
func circleToken(r *rand.Rand) map[string]any {
	p := choose(r, project, project, user)
	c := map[string]any{
		"iss": "https://oidc.circleci.com/org/" + org, "aud": choose(r, aud, aud, aud, org), "iat": 1, "exp": 4102444800,
		"oidc.circleci.com/org-id": org, "oidc.circleci.com/project-id": p, "oidc.circleci.com/ssh-rerun": r.IntN(3) == 0,
	}
	sub := "org/" + org + "/project/" + p + "/user/" + user
	if r.IntN(6) > 0 {
		origin, ref := choose(r, "github.com/acme/app", "github.com/acme/app", "github.com/acme/other"), choose(r, circleRefs...)
		c["oidc.circleci.com/vcs-origin"], c["oidc.circleci.com/vcs-ref"] = origin, ref
		if r.IntN(4) > 0 {
			sub += "/vcs-origin/" + origin + "/vcs-ref/" + ref
		}
	}
	if r.IntN(3) == 0 {
		c["oidc.circleci.com/context-ids"] = []string{user}
	}
	c["sub"] = sub
	return c
}

func model(t testing.TB, platform string, payload []byte) claims.Model {
	if platform == policy.GitLab {
		m, err := claims.Decode[claims.GitLab](payload)
		require.NoError(t, err)
		return m
	}
	m, err := claims.Decode[claims.CircleCI](payload)
	require.NoError(t, err)
	return m
}

// counts tell whether the property was about anything.
type counts struct{ rendered, wider, accepted, refused int }

// check renders a random rule, and holds the document against tokens: what AWS
// accepts the policy allows, unless a gap is about it.
func check(t testing.TB, seed uint64, n *counts) {
	r := rand.New(rand.NewPCG(seed, 7))
	of, token := randomGitLabRule, func() map[string]any { return gitLabToken(r, gitLab) }
	if r.IntN(2) == 0 {
		of, token = randomCircleCIRule, func() map[string]any { return circleToken(r) }
	}
	spec := policy.Spec{Name: "p", Audiences: []string{aud}, Rules: []policy.Rule{of(r, false)}}
	for i := range r.IntN(3) {
		deny := of(r, true)
		deny.Name = fmt.Sprint("deny", i)
		spec.Deny = append(spec.Deny, deny)
	}
	p, err := policy.New(spec, nil)
	if err != nil {
		return // no policy
	}
	issuer := ""
	if m, ok := spec.Rules[0].Claims["issuer"]; ok {
		issuer = m.Values[0]
	}
	target := &awsrender.Target{AccountID: "123456789012"}
	if r.IntN(2) == 0 {
		target.ProjectPath = "acme/app"
	}
	doc, err := awsrender.Render(p, "r", target)
	var wider *awsrender.WiderError
	var gaps []awsrender.Gap
	if errors.As(err, &wider) {
		n.wider++
		target.AllowWider = reason
		doc, err = awsrender.Render(p, "r", target)
		gaps = wider.Gaps
		require.NoError(t, err)
		require.NotEmpty(t, gaps)
	}
	if err != nil {
		var none *awsrender.Error
		require.ErrorAs(t, err, &none)
		return
	}
	n.rendered++
	ids := awstrust.Provider{URL: doc.ProviderURL, ClientIDs: doc.ClientIDs}
	for range 60 {
		c := token()
		if issuer != "" {
			c["iss"] = issuer
		}
		payload, err := json.Marshal(c)
		require.NoError(t, err)
		m := model(t, spec.Rules[0].Platform, payload)
		if awstrust.Simulate(doc.Document, payload, ids, nil).Outcome == awstrust.Rejected {
			n.refused++
			continue
		}
		d := p.Evaluate(t.Context(), m)
		n.accepted++
		if d.Allowed {
			continue
		}
		require.True(t, explained(d, gaps), "seed %d: AWS accepts %s\nand the policy does not: %+v\n%s\ngaps: %v", seed, payload, d.Rules(), doc.JSON, gaps)
	}
}

// explained reports whether every reason why the policy refuses has its gap.
func explained(d *policy.Decision, gaps []awsrender.Gap) bool {
	has := func(field string) bool {
		return slices.ContainsFunc(gaps, func(g awsrender.Gap) bool { return g.Field == field })
	}
	for _, rule := range d.Rules() {
		if rule.Deny {
			if rule.Matched && !has("deny "+rule.Rule) {
				return false
			}
			continue
		}
		for _, c := range rule.Checks {
			if c.Result != policy.Pass && !has(c.Claim) {
				return false
			}
		}
	}
	return true
}

func TestWhatAWSAcceptsThePolicyAllows(t *testing.T) {
	var n counts
	for seed := range uint64(1000) {
		check(t, seed, &n)
	}
	t.Logf("%+v", n)
	assert.Greater(t, n.rendered-n.wider, 30, "documents without a widening gap")
	assert.Greater(t, min(n.wider, n.accepted, n.refused), 300)
}

func FuzzWhatAWSAcceptsThePolicyAllows(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { check(t, seed, &counts{}) })
}

// The tokens that a reviewer fears, against the narrowest rules.
func TestHostileTokens(t *testing.T) {
	for platform, rule := range map[string]policy.Rule{
		policy.GitLab: {Name: "r", Platform: policy.GitLab, Claims: map[string]policy.Matcher{
			"issuer": equal(gitLab), "project_id": equal("1"), "project_path": equal("acme/app"), "namespace_id": equal("1"),
			"ref": equal("main"), "ref_type": equal("branch"), "ref_protected": equal("true"), "pipeline_source": equal("push"), "runner_environment": equal("gitlab-hosted"),
		}},
		policy.CircleCI: {Name: "r", Platform: policy.CircleCI, Allow: map[string]string{policy.AllowSSHRerun: reason}, Claims: map[string]policy.Matcher{
			"org-id": equal(org), "project-id": equal(project), "vcs-origin": equal("github.com/acme/app"), "vcs-ref": equal("refs/heads/main"),
		}},
	} {
		t.Run(platform, func(t *testing.T) {
			p, err := policy.New(policy.Spec{Name: "p", Audiences: []string{aud}, Rules: []policy.Rule{rule}}, nil)
			require.NoError(t, err)
			doc, err := awsrender.Render(p, "r", &awsrender.Target{AccountID: "123456789012"})
			require.NoError(t, err)
			var identity claims.Model
			for seed := uint64(0); identity == nil; seed++ {
				r := rand.New(rand.NewPCG(seed, 1))
				c := gitLabToken(r, gitLab)
				if platform == policy.CircleCI {
					c = circleToken(r)
				}
				payload, err := json.Marshal(c)
				require.NoError(t, err)
				if m := model(t, platform, payload); p.Evaluate(t.Context(), m).Allowed && awstrust.Simulate(doc.Document, payload, awstrust.Provider{URL: doc.ProviderURL, ClientIDs: doc.ClientIDs}, nil).Outcome == awstrust.Accepted {
					identity = m
				}
			}
			variants, err := hostile.Variants(identity)
			require.NoError(t, err)
			seen := map[awstrust.Outcome]int{}
			for _, v := range variants {
				payload := v.Claims.RegisteredClaims().Payload()
				outcome := awstrust.Simulate(doc.Document, payload, awstrust.Provider{URL: doc.ProviderURL, ClientIDs: doc.ClientIDs}, nil).Outcome
				seen[outcome]++
				if v.ID == "absent/org-id" || v.ID == "before-november-2025" {
					continue // The policy wants the claim, and for AWS sub says the same.
				}
				if outcome != awstrust.Rejected {
					assert.True(t, p.Evaluate(t.Context(), v.Claims).Allowed, "%s", v.ID)
				}
			}
			assert.Greater(t, seen[awstrust.Rejected], 15, "%v", maps.Clone(seen))
		})
	}
}
