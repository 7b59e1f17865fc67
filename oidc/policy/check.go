package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/claims"
)

// check is a compiled Matcher.
type check struct {
	claim  string
	field  field
	op     Op
	not    bool
	values []string
	regexs []*regexp.Regexp
	at     Position
}

func newCheck(platform, claim string, f field, m Matcher) (*check, error) {
	c := &check{claim: claim, field: f, op: m.Op, not: m.Not, values: slices.Clone(m.Values), at: m.Position}
	if c.op == "" {
		c.op = Equal
	}
	slices.Sort(c.values)
	pattern := c.op == Glob || c.op == Regex
	switch c.op {
	case Present, Absent:
		if len(c.values) > 0 || c.not {
			return nil, wrong(m.Position, "%s: %s takes no values and no not: write the other of present and absent", claim, c.op)
		}
		return c, nil
	case Equal, Glob, Regex:
	case AllOf:
		if f.kind != list {
			return nil, wrong(m.Position, "%s is no list: all_of cannot hold for it; use a list of values for any of them", claim)
		}
	default:
		return nil, wrong(m.Position, "%s: unknown operator %q", claim, m.Op)
	}
	if pattern && (f.kind == ident || f.kind == boolean || platform == CircleCI && f.kind == list) {
		return nil, wrong(m.Position, "%s is compared exactly: list the values that it may have", claim)
	}
	if len(c.values) == 0 {
		return nil, wrong(m.Position, "%s: give at least one value, or use present or absent", claim)
	}
	for i, v := range c.values {
		switch {
		case v == "":
			return nil, wrong(m.Position, "%s: an empty value matches nothing: use absent", claim)
		case f.kind == boolean && v != "true" && v != "false":
			return nil, wrong(m.Position, "%s is true or false", claim)
		case f.kind == ident && strings.Contains(v, "*"):
			return nil, wrong(m.Position, "%s is compared exactly: it takes no *", claim)
		case platform == CircleCI && strings.HasSuffix(claim, "-id") && (!claims.IsUUID(v) || v != lower(v)):
			return nil, wrong(m.Position, "%s is a UUID in lower case, 36 characters", claim)
		case c.op == Glob && len(v) > maxGlob:
			return nil, wrong(m.Position, "%s: a pattern has at most %d bytes", claim, maxGlob)
		case c.op == Regex:
			// Compiled alone first, so that a stray parenthesis cannot leave the group.
			prefix := "(?:"
			if f.kind == folded {
				prefix = "(?i:"
			}
			_, err := regexp.Compile(v)
			if err != nil {
				return nil, wrong(m.Position, "%s: %v", claim, err)
			}
			re, err := regexp.Compile(`\A` + prefix + v + `)\z`)
			if err != nil {
				return nil, wrong(m.Position, "%s: %v", claim, err)
			}
			c.regexs = append(c.regexs, re)
		case f.kind == folded:
			c.values[i] = lower(v)
		}
	}
	return c, nil
}

func (c *check) eval(m claims.Model) Result {
	if c.field.many != nil {
		return c.evalList(c.field.many(m))
	}
	v := c.field.one(m)
	if v == "" {
		return result(c.op == Absent, NotPresent)
	}
	switch c.op {
	case Present:
		return Pass
	case Absent:
		return Mismatch
	}
	return result(c.match(v) != c.not, Mismatch)
}

func (c *check) evalList(list []string) Result {
	if len(list) == 0 {
		return result(c.op == Absent, NotPresent)
	}
	ok := false
	switch c.op {
	case Present:
		return Pass
	case Absent:
		return Mismatch
	case AllOf:
		ok = true
		for _, want := range c.values {
			ok = ok && slices.Contains(list, want)
		}
	default:
		ok = slices.ContainsFunc(list, c.match)
	}
	return result(ok != c.not, Mismatch)
}

func result(ok bool, otherwise Result) Result {
	if ok {
		return Pass
	}
	return otherwise
}

func (c *check) match(v string) bool {
	fold := c.field.kind == folded
	if c.op == Regex {
		for _, re := range c.regexs {
			if re.MatchString(v) {
				return true
			}
		}
		return false
	}
	for _, want := range c.values {
		switch {
		case c.op == Glob && glob(want, v, fold), c.op != Glob && want == v, c.op != Glob && fold && equalFold(want, v):
			return true
		}
	}
	return false
}

// exact reports whether the claim can have the listed values only.
func (c *check) exact() bool { return c.op == Equal && !c.not }

func (c *check) explain(m claims.Model) Check {
	out := Check{Claim: c.claim, Op: string(c.op), Expected: slices.Clone(c.values), Result: c.eval(m), Position: c.at}
	if c.not {
		out.Op = "not " + out.Op
	}
	if c.field.many != nil {
		out.Actual = strings.Join(c.field.many(m), " ")
	} else {
		out.Actual = c.field.one(m)
	}
	if c.field.person {
		if out.Actual != "" {
			out.Actual = masked
		}
		for i := range out.Expected {
			out.Expected[i] = masked
		}
	}
	switch out.Result {
	case NotPresent:
		out.Why = c.claim + " was not sent, and an absent claim satisfies nothing"
	case Mismatch:
		out.Why = fmt.Sprintf("%s is %q, the rule wants %s %q", c.claim, out.Actual, out.Op, out.Expected)
	}
	return out
}

const masked = "(masked)"
