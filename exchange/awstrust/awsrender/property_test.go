package awsrender_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange/awstrust"
	"github.com/cioidc/cioidc/exchange/awstrust/awsrender"
	"github.com/cioidc/cioidc/internal/hostile"
	"github.com/cioidc/cioidc/internal/trustcase"
	"github.com/cioidc/cioidc/oidc/policy"
)

const (
	aud     = trustcase.Audience
	gitLab  = trustcase.GitLab
	managed = trustcase.Managed
	org     = trustcase.Organization
	project = trustcase.Project
	user    = trustcase.User
	reason  = trustcase.Reason
)

func equal(values ...string) policy.Matcher { return policy.Matcher{Values: values} }

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
	target := &awsrender.Target{AccountID: "123456789012", SubjectComponents: choose(r, subjects...)}
	issuer := gitLab
	base, token := trustcase.GitLabRule, func() map[string]any { return wilderGitLab(r, issuer, target.SubjectComponents) }
	if r.IntN(2) == 0 {
		issuer = "https://oidc.circleci.com/org/" + org
		base, token = trustcase.CircleCIRule, func() map[string]any { return wilderCircleCI(r, issuer) }
	}
	change := choose(r, wilderRule, trustcase.WildRule)
	of := func(r *rand.Rand, deny bool) policy.Rule { return change(r, base(r, deny), deny) }
	spec := policy.Spec{Name: "p", Audiences: choose(r, []string{aud}, []string{aud, odd}), Rules: []policy.Rule{of(r, false)}}
	for i := range r.IntN(3) {
		deny := of(r, true)
		deny.Name = fmt.Sprint("deny", i)
		spec.Deny = append(spec.Deny, deny)
	}
	p, err := policy.New(spec, nil)
	if err != nil {
		return // no policy
	}
	if m, ok := spec.Rules[0].Claims["issuer"]; ok && len(m.Values) > 0 {
		issuer = m.Values[0]
	}
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
		payload, err := json.Marshal(c)
		require.NoError(t, err)
		m := model(t, spec.Rules[0].Platform, payload)
		outcome := awstrust.Simulate(doc.Document, payload, ids, nil).Outcome
		// What AWS makes of null is not known. TestNull has each thing that it may be.
		null := issuer == gitLab && (c["user_access_level"] == nil || c["user_email"] == nil || c["user_login"] == nil)
		if outcome == awstrust.Rejected || null && outcome == awstrust.Indeterminate {
			n.refused++
			continue
		}
		d := p.Evaluate(t.Context(), m)
		n.accepted++
		if d.Allowed {
			continue
		}
		require.True(t, trustcase.Explained(d, gaps), "seed %d: AWS accepts %s\nand the policy does not: %+v\n%s\ngaps: %v", seed, payload, d.Rules(), doc.JSON, gaps)
	}
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
				c := trustcase.GitLabToken(r, gitLab)
				if platform == policy.CircleCI {
					c = trustcase.CircleCIToken(r)
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
