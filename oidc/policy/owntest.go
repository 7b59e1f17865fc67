package policy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/cioidc/cioidc/claims"
)

// What a [Test] can expect.
const (
	ExpectAllow = "allow"
	ExpectDeny  = "deny"
)

// maxTokenFile bounds a file of claims, in bytes: a token has at most 16 KiB.
const maxTokenFile = 16 << 10

// Test is one of a policy's own tests: the claims of a token, and what the policy
// must decide on them.
type Test struct {
	// Name is the test's name. Required.
	Name string
	// Token is the path, within [Options.Files], of a file that holds the claims
	// of a token as JSON, not the token itself. Either Token or Claims is required.
	Token string
	// Claims are the claims as JSON.
	Claims []byte
	// Expect is [ExpectAllow] or [ExpectDeny]. Required.
	Expect string
	// Rule is the rule that must be why: the one that allows, or one that refuses.
	// Empty means any.
	Rule string
	// Claim is the claim whose condition in Rule must be why the token is refused.
	// Empty means any. It needs Rule.
	Claim string
	// Position is where the test starts in its file; zero for Go values.
	Position Position
}

// TestResult is what came of a [Test].
type TestResult struct {
	Test Test
	// Decision is what the policy decided; nil if the claims could not be read.
	Decision *Decision
	// Err says what is not as the test expects, or why the claims could not be
	// read; nil if the test passed.
	Err error
}

// Test runs the policy's own tests in their order. It reads the files that they
// name. None means that the policy has no tests.
func (p *Policy) Test(ctx context.Context) []TestResult {
	out := make([]TestResult, len(p.spec.Tests))
	for i, t := range p.spec.Tests {
		out[i] = TestResult{Test: t}
		m, err := p.model(t)
		if err != nil {
			out[i].Err = fmt.Errorf("policy: test %q: %w", t.Name, err)
			continue
		}
		out[i].Decision = p.Evaluate(ctx, m)
		if err := t.judge(out[i].Decision); err != nil {
			out[i].Err = fmt.Errorf("policy: test %q: %w", t.Name, err)
		}
	}
	return out
}

// model returns the claims of t as the model of their platform.
func (p *Policy) model(t Test) (claims.Model, error) {
	data := t.Claims
	if t.Token != "" {
		if p.files == nil {
			return nil, errors.New("a token in a file needs Options.Files")
		}
		if !fs.ValidPath(t.Token) {
			return nil, fmt.Errorf("token %q is not a path below Options.Files: write it with slashes, without a leading one and without .. in it", t.Token)
		}
		f, err := p.files.Open(t.Token)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if data, err = io.ReadAll(io.LimitReader(f, maxTokenFile+1)); err != nil {
			return nil, fmt.Errorf("reading %s: %w", t.Token, err)
		}
		if len(data) > maxTokenFile {
			return nil, fmt.Errorf("%s has more than %d bytes: it must hold the claims of one token", t.Token, maxTokenFile)
		}
	}
	set, err := claims.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("the claims must be one JSON object, not a token: %w", err)
	}
	if _, ok := set.Lookup("oidc.circleci.com/project-id"); ok {
		return claims.Decode[claims.CircleCI](data)
	}
	return claims.Decode[claims.GitLab](data)
}

// judge compares a decision with what t expects.
func (t Test) judge(d *Decision) error {
	switch {
	case t.Expect == ExpectAllow && !d.Allowed:
		return fmt.Errorf("expected allow, but the decision is %q%s", d.Reason, d.because())
	case t.Expect == ExpectDeny && d.Allowed:
		return fmt.Errorf("expected deny, but rule %q allows", d.Rule)
	case t.Expect == ExpectAllow && t.Rule != "" && t.Rule != d.Rule:
		return fmt.Errorf("expected rule %q to allow, but %q does", t.Rule, d.Rule)
	case t.Expect == ExpectAllow || t.Rule == "":
		return nil
	}
	traces := d.Rules()
	i := slices.IndexFunc(traces, func(r RuleTrace) bool { return r.Rule == t.Rule })
	if i < 0 {
		return fmt.Errorf("the policy has no rule %q", t.Rule)
	}
	r := traces[i]
	if r.Deny && !r.Matched {
		return fmt.Errorf("expected deny rule %q to match, but it does not%s", t.Rule, d.because())
	}
	if t.Claim == "" {
		return nil
	}
	var found []string
	for _, c := range r.Checks {
		// A deny rule refuses by what it matched, another by what it did not.
		if (c.Result == Pass) == r.Deny {
			found = append(found, c.Claim)
		}
	}
	if !slices.Contains(found, t.Claim) {
		return fmt.Errorf("expected %s to be why rule %q refuses, but that is %s", t.Claim, t.Rule, join(found))
	}
	return nil
}

// because names the nearest rule and what it refused, for an error.
func (d *Decision) because() string {
	for _, r := range d.Rules() {
		for _, c := range r.Checks {
			if c.Result != Pass {
				return fmt.Sprintf(": rule %q: %s", r.Rule, c.Why)
			}
		}
		if r.Matched {
			return fmt.Sprintf(": rule %q matched", r.Rule)
		}
	}
	return ""
}

// checkTests checks the form of a policy's own tests.
func checkTests(s Spec) error {
	seen := map[string]bool{}
	for _, t := range s.Tests {
		named := func(r Rule) bool { return r.Name == t.Rule }
		switch {
		case t.Name == "" || seen[t.Name]:
			return wrong(t.Position, "test %q: give every test a name of its own", t.Name)
		case (t.Token == "") == (len(t.Claims) == 0):
			return wrong(t.Position, "test %q: give it either token, a file of claims, or claims", t.Name)
		case t.Expect != ExpectAllow && t.Expect != ExpectDeny:
			return wrong(t.Position, "test %q: expect is allow or deny", t.Name)
		case t.Claim != "" && (t.Rule == "" || t.Expect == ExpectAllow):
			return wrong(t.Position, "test %q: a claim can be why a rule refuses: expect deny, and name the rule", t.Name)
		case t.Rule != "" && !slices.ContainsFunc(s.Rules, named) && !slices.ContainsFunc(s.Deny, named):
			return wrong(t.Position, "test %q: the policy has no rule %q", t.Name, t.Rule)
		}
		seen[t.Name] = true
	}
	return nil
}
