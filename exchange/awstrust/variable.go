package awstrust

import (
	"fmt"
	"strings"

	"github.com/cioidc/cioidc/internal/safetext"
)

// expanded is a value of a condition with its variables filled in.
type expanded struct {
	pattern pattern
	// resolved is False if a variable has no value, and Unknown if it cannot be
	// told.
	resolved   Truth
	assumption string
}

// expand fills in the variables of a value. With wild, * and ? of the value are
// wildcards; those of what is filled in are not known to be.
func (e *environment) expand(value string, o Operator) expanded {
	wild := o.positive() == "StringLike" || strings.HasPrefix(o.Name, "Arn")
	plain := literal
	if wild {
		plain = wildcards
	}
	out := expanded{resolved: True}
	for value != "" {
		text, rest, found := strings.Cut(value, "${")
		out.pattern = append(out.pattern, plain(text)...)
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		switch {
		case closed && isTemplate(name):
			return expanded{assumption: fmt.Sprintf("%s, which is a template that nobody filled in, stands for what the token has", safetext.Quote("${"+name+"}"))}
		case !o.takesVariables() || e.doc.Version != "2012-10-17":
			out.pattern = append(out.pattern, literal("${")...)
			value = rest
			continue
		case !closed:
			return expanded{assumption: "AWS takes a variable that is not closed for plain text"}
		}
		p, resolved, assumption := e.variable(name, wild)
		if resolved != True {
			return expanded{resolved: resolved, assumption: assumption}
		}
		out.pattern = append(out.pattern, p...)
		value = after
	}
	return out
}

// isTemplate reports whether a variable is another program's, such as
// Terraform's: AWS's have a colon or are one of three characters.
func isTemplate(name string) bool {
	return !strings.Contains(name, ":") && name != "*" && name != "?" && name != "$"
}

// variable returns what one variable stands for.
func (e *environment) variable(name string, wild bool) (pattern, Truth, string) {
	if len(name) == 1 { // *, ? or $, which mean themselves
		return literal(name), True, ""
	}
	key, rest, hasDefault := strings.Cut(name, ",")
	v := e.lookup(strings.TrimSpace(key))
	switch {
	case v.present == Unknown || v.unsure:
		return nil, Unknown, v.assumption
	case v.present == False && hasDefault:
		text := strings.TrimSpace(rest)
		if len(text) < 2 || text[0] != '\'' || text[len(text)-1] != '\'' {
			return nil, Unknown, fmt.Sprintf("AWS understands the default in %s", safetext.Quote("${"+name+"}"))
		}
		return literal(text[1 : len(text)-1]), True, ""
	case v.present == False:
		return nil, False, ""
	case v.multi:
		return nil, Unknown, fmt.Sprintf("AWS fills in %s, which is a list", safetext.Quote("${"+name+"}"))
	case wild && strings.ContainsAny(v.values[0], "*?"):
		return nil, Unknown, fmt.Sprintf("the wildcards in the value of %s mean themselves", safetext.Quote(strings.TrimSpace(key)))
	}
	return literal(v.values[0]), True, ""
}
