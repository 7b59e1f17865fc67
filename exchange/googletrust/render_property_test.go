package googletrust_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange/googletrust"
	"github.com/cioidc/cioidc/internal/trustcase"
	"github.com/cioidc/cioidc/oidc/policy"
)

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

type counts struct{ rendered, wider, accepted, refused, narrowed int }

// check renders a random rule, and holds the provider against tokens: what Google
// accepts the policy allows, unless a gap is about it.
func check(t testing.TB, seed uint64, n *counts) {
	r := rand.New(rand.NewPCG(seed, 11))
	of, token := trustcase.GitLabRule, func() map[string]any { return trustcase.GitLabToken(r, trustcase.GitLab) }
	if r.IntN(2) == 0 {
		of, token = trustcase.CircleCIRule, func() map[string]any { return trustcase.CircleCIToken(r) }
	}
	if r.IntN(3) > 0 {
		plainRule, plainToken := of, token
		of = func(r *rand.Rand, deny bool) policy.Rule { return trustcase.WildRule(r, plainRule(r, deny), deny) }
		wild := trustcase.WildGitLabToken
		if plainRule(rand.New(rand.NewPCG(1, 1)), true).Platform == policy.CircleCI {
			wild = trustcase.WildCircleCIToken
		}
		token = func() map[string]any { return wild(r, plainToken()) }
	}
	spec := policy.Spec{Name: "p", Audiences: []string{trustcase.Audience}, Rules: []policy.Rule{of(r, false)}}
	for i := range r.IntN(3) {
		deny := of(r, true)
		deny.Name = fmt.Sprint("deny", i)
		spec.Deny = append(spec.Deny, deny)
	}
	p, err := policy.New(spec, nil)
	if err != nil {
		return // no policy
	}
	target := &googletrust.Target{ProjectNumber: "123456789012", Pool: "ci", Provider: "x", StableSubject: r.IntN(2) == 0}
	doc, err := googletrust.Render(p, "r", target)
	var wider *googletrust.WiderError
	var gaps []googletrust.Gap
	if errors.As(err, &wider) {
		n.wider++
		target.AllowWider = trustcase.Reason
		doc, err = googletrust.Render(p, "r", target)
		gaps = wider.Gaps
		require.NotEmpty(t, gaps)
	}
	if err != nil {
		var none *googletrust.RenderError
		require.ErrorAs(t, err, &none, "seed %d", seed)
		require.NotContains(t, none.Problem, "what was written", "seed %d", seed)
		return
	}
	n.rendered++
	simulator := googletrust.NewSimulator(doc.Document)
	for range 25 {
		c := token()
		c["iss"] = doc.Document.Provider.IssuerURI.Text
		for _, name := range []string{"user_login", "environment", "runner_environment", "ref"} {
			if _, sent := c[name]; sent && r.IntN(8) == 0 {
				c[name] = "" // which is as good as absent
			}
		}
		payload, err := json.Marshal(c)
		require.NoError(t, err)
		d := p.Evaluate(t.Context(), model(t, spec.Rules[0].Platform, payload))
		result := simulator.Simulate(payload, nil)
		switch {
		case result.Outcome == googletrust.Rejected && d.Allowed:
			n.narrowed++
			// Nothing but the length of a stable subject keeps out what the rule allows.
			require.Contains(t, result.String(), "google.subject has", "seed %d: %s\n%v", seed, payload, result)
		case result.Outcome == googletrust.Rejected:
			n.refused++
		case d.Allowed:
			n.accepted++
		default:
			require.True(t, trustcase.Explained(d, gaps), "seed %d: Google accepts %s\nand the policy does not: %+v\n%s\ngaps: %v", seed, payload, d.Rules(), doc.Document.Provider.Condition.Text, gaps)
		}
	}
}

func TestWhatGoogleAcceptsThePolicyAllows(t *testing.T) {
	var n counts
	for seed := range uint64(200) {
		check(t, seed, &n)
	}
	t.Logf("%+v", n)
	assert.Greater(t, n.rendered-n.wider, 50, "providers without a widening gap")
	assert.Greater(t, min(n.accepted, n.refused), 80)
}

func FuzzWhatGoogleAcceptsThePolicyAllows(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { check(t, seed, &counts{}) })
}
