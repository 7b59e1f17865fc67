package awstrust

import (
	"fmt"
	"strings"

	"github.com/cioidc/cioidc/internal/safetext"
)

// operatorRules look for operators that do not do what they seem to.
func operatorRules() []rule {
	return []rule{
		{
			id: "AWS005", kind: Broken,
			story: "StringEquals takes * and ? as they are, and no token has such a value",
			fix:   "write the value out, or use StringLike",
			statement: eachCondition(func(s *linted, c *Condition, r report) {
				if _, ours := s.claimOf(c.Key); !ours || !strings.HasPrefix(c.Operator.positive(), "StringEquals") {
					return
				}
				for _, v := range c.Values {
					plain := strings.NewReplacer("${*}", "", "${?}", "").Replace(v.Text)
					if strings.ContainsAny(plain, "*?") {
						r(v.Position, High, fmt.Sprintf("%v compares with %s as it is written", c.Operator, safetext.Quote(v.Text)))
					}
				}
			}),
		},
		{
			id: "AWS009", kind: TooBroad, witnesses: allIdentities,
			story: "ForAllValues is true of a key that the token does not have, or that AWS does not set",
			fix:   "use the operator without ForAllValues",
			statement: eachCondition(func(_ *linted, c *Condition, r report) {
				if c.Operator.Set == forAllValues {
					r(c.Position, High, fmt.Sprintf("%v holds without %s", c.Operator, safetext.Quote(c.Key)))
				}
			}),
		},
		{
			id: "AWS010", kind: Fragile,
			story: "AWS advises against set operators on keys with one value; it works as without",
			fix:   "use the operator without ForAnyValue",
			statement: eachCondition(func(s *linted, c *Condition, r report) {
				if claim, ours := s.claimOf(c.Key); ours && claim != "amr" && c.Operator.Set == forAnyValue {
					r(c.Position, Low, fmt.Sprintf("%v on a key that has one value", c.Operator))
				}
			}),
		},
		{
			id: "AWS011", kind: TooBroad, witnesses: allIdentities,
			story: "without the key the condition holds, and the check is gone: on an issuer for which AWS does not set it, always",
			fix:   "use the operator without IfExists",
			statement: eachCondition(func(s *linted, c *Condition, r report) {
				if _, ours := s.claimOf(c.Key); ours && c.Operator.IfExists {
					r(c.Position, High, fmt.Sprintf("%v holds without %s", c.Operator, safetext.Quote(c.Key)))
				}
			}),
		},
		{
			id: "AWS012", kind: TooBroad, witnesses: allIdentities,
			story: "every other value is let in, and a token without the key as well",
			fix:   "say in StringEquals which values are meant",
			statement: eachCondition(func(s *linted, c *Condition, r report) {
				if _, ours := s.claimOf(c.Key); ours && c.Operator.negated() {
					r(c.Position, High, fmt.Sprintf("%v lets everything in but %s", c.Operator, quoteAll(texts(c.Values))))
				}
			}),
		},
		{
			id: "AWS013", kind: Broken,
			story: "every token that AWS takes has this claim, so the statement never applies",
			fix:   "leave the condition out",
			statement: eachCondition(func(s *linted, c *Condition, r report) {
				claim, _ := s.claimOf(c.Key)
				if (claim == "sub" || claim == "aud") && c.Operator.Name == "Null" && strings.EqualFold(strings.Join(texts(c.Values), ""), "true") {
					r(c.Position, High, fmt.Sprintf("%s must be missing", safetext.Quote(c.Key)))
				}
			}),
		},
		{
			id: "AWS013", kind: Fragile,
			story: "that a claim is there does not say what it says",
			fix:   "compare the value with StringEquals",
			statement: eachCondition(func(s *linted, c *Condition, r report) {
				claim, ours := s.claimOf(c.Key)
				if ours && c.Operator.Name == "Null" && strings.EqualFold(strings.Join(texts(c.Values), ""), "false") && len(s.wants(claim)) == 0 {
					r(c.Position, Low, fmt.Sprintf("%s must be there, with any value", safetext.Quote(c.Key)))
				}
			}),
		},
		{
			id: "AWS019", kind: Broken,
			story: "the keys of an issuer are strings; what AWS makes of another type is not documented",
			fix:   `use StringEquals, with "true" for a boolean`,
			statement: eachCondition(func(s *linted, c *Condition, r report) {
				_, ours := s.claimOf(c.Key)
				if name := c.Operator.Name; ours && name != "Null" && !strings.HasPrefix(name, "String") {
					r(c.Position, Medium, fmt.Sprintf("%v on %s, which is a string", c.Operator, safetext.Quote(c.Key)))
				}
			}),
		},
		{
			id: "AWS020", kind: Broken, anyway: true,
			story: "what is not filled in is compared as it is, and no token has such a value",
			fix:   `fill in templates before AWS gets the document; for variables of AWS, write "Version": "2012-10-17" and a key that AWS sets`,
			statement: func(s *linted, r report) {
				for _, c := range s.live {
					for _, v := range c.Values {
						if problem := s.variableProblem(c, v.Text); problem != "" {
							r(v.Position, Medium, problem)
						}
					}
				}
			},
		},
		{
			id: "AWS026", kind: TooBroad, witnesses: nil,
			story: "names of branches and tags tell upper from lower case: MAIN is another branch than main",
			fix:   "use StringEquals",
			statement: eachCondition(func(s *linted, c *Condition, r report) {
				if claim, _ := s.claimOf(c.Key); claim == "sub" && c.Operator.Name == "StringEqualsIgnoreCase" {
					r(c.Position, Low, "the subject is compared in any case")
				}
			}),
		},
	}
}

// eachCondition applies f to the conditions that AWS keeps.
func eachCondition(f func(s *linted, c *Condition, r report)) func(*linted, report) {
	return func(s *linted, r report) {
		for _, c := range s.live {
			f(s, c, r)
		}
	}
}

func texts(values []Value) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = v.Text
	}
	return out
}

// variableProblem says what is wrong with the first variable in a value, if
// anything is.
func (s *linted) variableProblem(c *Condition, value string) string {
	_, rest, found := strings.Cut(value, "${")
	name, _, closed := strings.Cut(rest, "}")
	key, _, _ := strings.Cut(name, ",")
	claim, ours := s.claimOf(strings.TrimSpace(key))
	switch {
	case !found:
		return ""
	case !closed:
		return fmt.Sprintf("a variable in %s is not closed", safetext.Quote(value))
	case isTemplate(name):
		return fmt.Sprintf("%s is a template that nobody filled in", safetext.Quote("${"+name+"}"))
	case len(name) == 1:
		return ""
	case s.doc.Version != "2012-10-17":
		return fmt.Sprintf("%s is plain text in a document that is not of version 2012-10-17", safetext.Quote("${"+name+"}"))
	case !c.Operator.takesVariables():
		return fmt.Sprintf("%v does not fill in %s", c.Operator, safetext.Quote("${"+name+"}"))
	case ours:
		if _, known := s.key(claim); !known {
			return fmt.Sprintf("%s has no value: AWS does not set this key", safetext.Quote("${"+name+"}"))
		}
	}
	return ""
}
