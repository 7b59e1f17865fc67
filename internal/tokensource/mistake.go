package tokensource

import (
	"regexp"
	"strings"
)

// unexpanded is what remains of a variable that nobody has put a value for.
var unexpanded = regexp.MustCompile(`^["']?(\$\{?\w+\}?|%\w+%)["']?$`)

// Mistake says what raw, which should be a token, looks like, and what to do
// about it. It never repeats any of it: it may be another secret. Both are empty
// for what looks like a token.
func Mistake(raw string) (what, action string) {
	trimmed := strings.TrimSpace(raw)
	switch {
	case trimmed == "":
		return "it is empty", "check that the variable or file it comes from is set in this job"
	case unexpanded.MatchString(trimmed):
		return "it is the name of a variable that was not expanded", "check the variable's name, and that it is there where it is used: quotes, containers and other jobs do not pass it on"
	case strings.HasPrefix(trimmed, "glcbt-"):
		return "it looks like CI_JOB_TOKEN, which is for GitLab's own API and is no ID token", "add an entry to id_tokens of the job and use its variable"
	case strings.ContainsAny(trimmed[:1], `"'`):
		return "it is in quotes", "take the quotes off"
	case trimmed != raw:
		return "it has white space or a line break around it", "write the token without one: printf '%s' in place of echo"
	case strings.Count(raw, ".") != 2 || strings.ContainsAny(raw, " \t\r\n"):
		return "it is not a JWT", "check that it is the job's ID token, whole and unchanged"
	}
	return "", ""
}
