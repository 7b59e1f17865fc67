// Package notoken explains what a source gave in place of a token. The
// exchanges that say so must all say it alike, and none may repeat any of it: it
// may be another secret.
package notoken

import (
	"strings"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/tokensource"
)

// Causes explains raw, which could not be read as a token. There is always one,
// and it is certain.
func Causes(raw string) []exchange.Cause {
	what, action := tokensource.Mistake(raw)
	c := exchange.Cause{ID: "token-malformed", Certain: true, Summary: "what the source returned is no token: " + what, Action: action}
	switch {
	case strings.TrimSpace(raw) == "":
		c.ID, c.Summary = "token-empty", "the token is empty"
	case what == "":
		c.Summary = "what the source returned has the form of a token, and cannot be read as one"
		c.Action = "check that it is the job's ID token, whole and unchanged"
	}
	return []exchange.Cause{c}
}
