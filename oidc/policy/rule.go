package policy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/claims"
)

const (
	circleciRoot   = "https://oidc.circleci.com"
	circleciPrefix = circleciRoot + "/org/"
)

// rule is a compiled Rule.
type rule struct {
	name, platform   string
	deny             bool
	checks           []*check // the project first, then by claim
	when             []condition
	ssh, fork, owned bool // no SSH rerun, no fork, CircleCI's own issuers
}

type condition struct {
	When
	Condition
}

func compileRule(r Rule, deny bool, compiler Compiler) (*rule, error) {
	fields := fieldsOf(r.Platform)
	if fields == nil {
		return nil, wrong(r.Position, "rule %q: give it one of gitlab and circleci", r.Name)
	}
	c := &rule{name: r.Name, platform: r.Platform, deny: deny}
	exact := map[string]bool{}
	for _, claim := range slices.Sorted(maps.Keys(r.Claims)) {
		m := r.Claims[claim]
		f, ok := fields[claim]
		if !ok {
			return nil, wrong(m.Position, "rule %q: %s", r.Name, noClaim(r.Platform, claim, fields))
		}
		check, err := newCheck(r.Platform, claim, f, m)
		if err != nil {
			return nil, err
		}
		exact[claim] = check.exact()
		c.checks = append(c.checks, check)
	}
	// The project decides most often: to compare it first makes the other rules
	// of a policy cheap.
	slices.SortStableFunc(c.checks, func(a, b *check) int { return a.rank() - b.rank() })
	if len(r.Claims) == 0 {
		return nil, wrong(r.Position, "rule %q: give it a condition", r.Name)
	}
	if err := c.must(r, exact); err != nil {
		return nil, err
	}
	for _, w := range r.When {
		if w.CEL == "" || w.Message == "" {
			return nil, wrong(w.Position, "rule %q: a condition needs cel and message", r.Name)
		}
		if compiler == nil {
			return nil, wrong(w.Position, "rule %q: conditions in CEL need Options.Conditions", r.Name)
		}
		compiled, err := compiler.Compile(r.Platform, w.CEL)
		if err != nil {
			e := wrong(w.Position, "rule %q: cel: %v", r.Name, err)
			e.Err = err
			return nil, e
		}
		c.when = append(c.when, condition{w, compiled})
	}
	return c, nil
}

// noClaim says why a rule cannot name the claim.
func noClaim(platform, claim string, fields map[string]field) string {
	switch claim {
	case "exp", "nbf", "iat":
		return claim + " is the verifier's matter, which takes no token outside its time: remove the condition"
	case "aud":
		return "aud is for the whole policy: write it under audiences"
	}
	return fmt.Sprintf("%s tokens have no claim %q%s", platform, claim, suggestion(claim, slices.Sorted(maps.Keys(fields))))
}

// defaults are what a rule's allow can switch off.
var defaults = []string{AllowSSHRerun, AllowFork, AllowRefWithoutType, AllowOpenEnvironment, AllowRefFromAnyRepository}

// must checks what every allow rule must have, and sets its guards.
func (c *rule) must(r Rule, exact map[string]bool) error {
	if c.deny {
		if len(r.Allow) > 0 {
			return wrong(r.Position, "rule %q: a deny rule has no defaults that allow could switch off", r.Name)
		}
		return nil
	}
	for name, reason := range r.Allow {
		if !slices.Contains(defaults, name) {
			return wrong(r.Position, "rule %q: allow has no %q%s", r.Name, name, suggestion(name, defaults))
		}
		if strings.TrimSpace(reason) == "" {
			return wrong(r.Position, "rule %q: allow %s: write the reason", r.Name, name)
		}
	}
	has := func(claim string) bool { m, ok := r.Claims[claim]; return ok && m.Op != Absent }
	isTrue := func(claim string) bool {
		m := r.Claims[claim]
		return exact[claim] && len(m.Values) == 1 && m.Values[0] == "true"
	}
	off := func(name string) bool { return r.Allow[name] != "" }
	c.fork = !off(AllowFork)
	if c.platform == GitLab {
		switch {
		case !exact["issuer"]:
			return wrong(r.Position, "rule %q: name the issuer, such as https://gitlab.com: IDs are unique within one only", r.Name)
		case !exact["project_id"] && !exact["namespace_id"] && !exact["project_path"] && !exact["namespace_path"]:
			return wrong(r.Position, "rule %q: name the exact project_id, namespace_id, project_path or namespace_path: without one it is open to everybody's projects", r.Name)
		case has("ref") && !typed(r) && !off(AllowRefWithoutType):
			return wrong(r.Claims["ref"].Position, "rule %q: ref needs ref_type or ref_path: a tag can be called like a branch", r.Name)
		case has("environment") && !isTrue("environment_protected") && !isTrue("ref_protected") && !off(AllowOpenEnvironment):
			return wrong(r.Claims["environment"].Position, "rule %q: environment needs environment_protected: true or ref_protected: true: any job can name an environment", r.Name)
		}
		return nil
	}
	c.ssh = !off(AllowSSHRerun)
	c.owned = !exact["issuer"]
	switch {
	case !exact["org-id"] || !exact["project-id"]:
		return wrong(r.Position, "rule %q: name the exact org-id and project-id: without them it is open to other people's projects", r.Name)
	case has("vcs-ref") && !exact["vcs-origin"] && !off(AllowRefFromAnyRepository):
		return wrong(r.Claims["vcs-ref"].Position, "rule %q: vcs-ref needs an exact vcs-origin: a fork has branches of the same name", r.Name)
	}
	return nil
}

// typed reports whether a rule says what kind of ref it wants.
func typed(r Rule) bool {
	if m := r.Claims["ref_type"]; (m.Op == "" || m.Op == Equal) && !m.Not && len(m.Values) == 1 {
		return true
	}
	m, ok := r.Claims["ref_path"]
	return ok && !m.Not && len(m.Values) > 0 && !slices.ContainsFunc(m.Values, func(value string) bool {
		// A pattern that begins with a star is for branches and tags alike.
		kind := strings.HasPrefix(value, "refs/heads/") || strings.HasPrefix(value, "refs/tags/")
		return !kind || m.Op == Regex && strings.Contains(value, "|")
	})
}

// eval returns Pass, Mismatch or, if a condition could not be evaluated and none
// was false, Failed. It adds what came of conditions to when.
func (r *rule) eval(ctx context.Context, platform string, m claims.Model, when *outcomes) Result {
	if platform != r.platform {
		return Mismatch
	}
	for _, c := range r.checks {
		if c.eval(m) != Pass {
			return Mismatch
		}
	}
	if !r.deny && r.guard(m) != "" {
		return Mismatch
	}
	out := Pass
	for i := range r.when {
		ok, err := r.when[i].Evaluate(ctx, m)
		*when = append(*when, outcome{&r.when[i], ok, err})
		switch {
		case err != nil:
			out = Failed
		case !ok:
			return Mismatch
		}
	}
	return out
}

// guard returns the name of the safe default that m fails, or "".
func (r *rule) guard(m claims.Model) string {
	switch c := m.(type) {
	case *claims.GitLab:
		if r.fork && c.Fork() != claims.False {
			return "fork"
		}
	case *claims.CircleCI:
		if r.owned && c.Issuer != circleciRoot {
			org, ok := strings.CutPrefix(c.Issuer, circleciPrefix)
			if !ok || org != c.OrganizationID {
				return "issuer"
			}
		}
		if r.fork && c.ForkPullRequest() {
			return "fork"
		}
		if r.ssh && c.SSHRerun != claims.False {
			return "ssh-rerun"
		}
	}
	return ""
}

func (r *rule) explain(p *Policy, platform string, m claims.Model, when outcomes) RuleTrace {
	t := RuleTrace{Rule: r.name, Deny: r.deny}
	if platform != r.platform {
		t.Checks = []Check{{Claim: "platform", Op: string(Equal), Expected: []string{r.platform}, Actual: platform,
			Result: Mismatch, Why: "the rule is for tokens of " + r.platform}}
		return t
	}
	if !r.deny {
		aud := Check{Claim: "aud", Op: string(Equal), Expected: slices.Clone(p.spec.Audiences),
			Actual: strings.Join(m.RegisteredClaims().Audience, " "), Result: Pass}
		if !p.audience(m) {
			aud.Result, aud.Why = Mismatch, "the token is for another audience"
		}
		t.Checks = append(t.Checks, aud)
	}
	for _, c := range r.checks {
		t.Checks = append(t.Checks, c.explain(m))
	}
	if !r.deny {
		if g := r.guard(m); g != "" {
			t.Checks = append(t.Checks, Check{Claim: g, Op: "default", Result: Mismatch,
				Why: fmt.Sprintf("%s: the token fails a safe default, or cannot tell", g)})
		}
	}
	for i := range r.when {
		w := &r.when[i]
		c := Check{Claim: "cel", Op: "cel", Expected: []string{w.CEL}, Result: Pass, Position: w.Position}
		if ok, err := when.of(w, m); err != nil {
			c.Result, c.Why = Failed, w.Message+": the condition could not be evaluated"
		} else if !ok {
			c.Result, c.Why = Mismatch, w.Message
		}
		t.Checks = append(t.Checks, c)
	}
	return t
}
