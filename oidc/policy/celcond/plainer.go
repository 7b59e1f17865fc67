package celcond

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/common/operators"
)

// plainer says in plain words what CEL's commonest findings say in its own. It
// changes the words only: a text it does not know stays as it is.
func plainer(problem string) string {
	if rest, ok := strings.CutPrefix(problem, "Syntax error: "); ok {
		if strings.Contains(rest, "'<EOF>'") {
			return "the expression ends too early"
		}
		rest, _, _ = strings.Cut(rest, " expecting {")
		return "syntax error: " + rest
	}
	if rest, ok := strings.CutPrefix(problem, "undeclared reference to "); ok {
		name, _, _ := strings.Cut(rest, " (in container")
		return fmt.Sprintf("there is no %s; what a token says is under claims", name)
	}
	if rest, ok := strings.CutPrefix(problem, "found no matching overload for '"); ok {
		name, args, ok := strings.Cut(rest, "' applied to '")
		if !ok {
			return problem
		}
		if name == operators.Index {
			name = "[ ]"
		} else if operator, known := operators.FindReverse(name); known && operator != "" {
			name = operator
		}
		return fmt.Sprintf("%s cannot be applied to %s", name, strings.TrimSuffix(args, "'"))
	}
	if problem == "comprehension exceeds nesting limit" {
		return fmt.Sprintf("at most %d of all, exists, exists_one, filter and map may be in or after one another", maxMacroDepth)
	}
	return problem
}
