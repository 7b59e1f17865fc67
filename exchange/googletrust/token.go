package googletrust

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cioidc/cioidc/internal/jsontree"
	"github.com/cioidc/cioidc/internal/safetext"
)

const (
	// maxLifetime is how long after iat a token may expire for Google to take it.
	maxLifetime = 24 * time.Hour
	// skew is how far the clocks of the issuer, the job and Google may differ. What
	// Google tolerates is not documented, so what is within it cannot be told.
	skew = 5 * time.Minute
)

// The words of Google.
const (
	invalidGrant  = "invalid_grant"
	unauthorized  = "unauthorized_client"
	invalidReq    = "invalid_request"
	invalidTarget = "invalid_target"

	noTarget    = `The target service indicated by the "audience" parameters is invalid. This might either be because the pool or provider is disabled or deleted or because it doesn't exist.`
	noSubject   = "Could not obtain a value for google.subject from the given credential."
	longSubject = "The size of mapped attribute google.subject exceeds the 127 bytes limit. Either modify your attribute mapping or the incoming assertion to produce a mapped attribute that is less than 127 bytes."
	noCondition = "The given credential is rejected by the attribute condition."
	noPermit    = "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist)."
)

// refusal is an answer of Google, and why it is given. With an assumption it is
// not sure.
type refusal struct {
	code, message string
	why           string
	assumption    string
	open          bool // of an attribute: it may have any value
}

func refused(code, message, format string, args ...any) *refusal {
	return &refusal{code: code, message: message, why: fmt.Sprintf(format, args...)}
}

func unknown(assumption, format string, args ...any) *refusal {
	return &refusal{assumption: assumption, why: fmt.Sprintf(format, args...)}
}

// token is a claims set, of which the last of two claims counts.
type token struct{ claims *jsontree.Node }

func readToken(payload []byte) (token, *refusal) {
	root, err := jsontree.Parse(payload)
	if err != nil || root.Kind != jsontree.Object {
		return token{}, refused(invalidGrant, "", "the claims set is no JSON object")
	}
	for _, name := range []string{"iss", "aud", "iat", "exp"} {
		if root.Get(name) == nil {
			return token{}, refused(invalidGrant, "", "there is no %s", name)
		}
	}
	if iss := root.Get("iss"); iss.Kind != jsontree.String {
		return token{}, refused(invalidGrant, "", "iss is %v, not a string", iss.Kind)
	}
	return token{root}, nil
}

// checkAudience holds aud against the audiences of the provider.
func (t token) checkAudience(p *Provider) *refusal {
	aud := t.claims.Get("aud")
	list := []*jsontree.Node{aud}
	if aud.Kind == jsontree.Array {
		list = aud.Elements
	}
	if len(list) == 0 {
		return refused(invalidGrant, "", "aud is an empty list")
	}
	allowed := p.Audiences()
	if allowed == nil {
		return unknown("the provider's own name is the token's audience", "the provider has no allowed audiences, and its own name is not known")
	}
	matching := 0
	var other string
	for _, a := range list {
		if a.Kind != jsontree.String {
			return refused(invalidGrant, "", "aud has %v where a string should be", a.Kind)
		}
		if slices.Contains(allowed, a.Text) {
			matching++
		} else {
			other = a.Text
		}
	}
	switch {
	case matching == len(list):
		return nil
	case matching > 0:
		return unknown("Google takes a token that has another audience beside the provider's", "aud has %s beside an audience of the provider", safetext.Quote(other))
	}
	return refused(invalidGrant, fmt.Sprintf("The audience in ID Token [%s] does not match the expected audience.", safetext.Cut(other)),
		"aud is %s, and the provider takes %s", safetext.Quote(other), quoted(allowed))
}

// checkTime holds the token's times against now, of which the zero one is not
// known.
func (t token) checkTime(now time.Time) *refusal {
	at := map[string]time.Time{}
	for _, name := range []string{"iat", "nbf", "exp"} {
		n := t.claims.Get(name)
		if n == nil {
			continue // nbf may be missing
		}
		seconds, err := strconv.ParseFloat(n.Text, 64)
		if n.Kind != jsontree.Number || err != nil || seconds < -1e15 || seconds > 1e15 {
			return refused(invalidGrant, "", "%s is no number of seconds", name)
		}
		at[name] = time.Unix(int64(seconds), 0)
	}
	if at["exp"].Sub(at["iat"]) > maxLifetime {
		return refused(invalidGrant, "", "the token lives for more than 24 hours")
	}
	if now.IsZero() {
		return nil
	}
	for _, name := range []string{"iat", "nbf"} {
		if start, ok := at[name]; ok && start.After(now) {
			return late(start.Sub(now), "%s is in the future", name)
		}
	}
	if !now.Before(at["exp"]) {
		no := late(now.Sub(at["exp"]), "the token has expired")
		if no.assumption == "" {
			no.message = fmt.Sprintf("ID Token issued at %d is stale to sign-in.", at["iat"].Unix())
		}
		return no
	}
	return nil
}

// late refuses a token for a time that is off by so much.
func late(by time.Duration, format string, args ...any) *refusal {
	if by <= skew {
		return unknown("Google's clock and its tolerance make up for that", format+", by less than five minutes", args...)
	}
	return refused(invalidGrant, "", format, args...)
}

// value returns a claim as CEL sees it.
func value(n *jsontree.Node) any {
	switch n.Kind {
	case jsontree.Bool:
		return n.Text == "true"
	case jsontree.Number:
		if i, err := strconv.ParseInt(n.Text, 10, 64); err == nil {
			return i
		}
		f, _ := strconv.ParseFloat(n.Text, 64) // infinite if it is too large
		return f
	case jsontree.String:
		return n.Text
	case jsontree.Array:
		list := make([]any, len(n.Elements))
		for i, e := range n.Elements {
			list[i] = value(e)
		}
		return list
	case jsontree.Object:
		return members(n)
	}
	return nil
}

func members(n *jsontree.Node) map[string]any {
	m := make(map[string]any, len(n.Members))
	for _, member := range n.Members {
		m[member.Name] = value(member.Value)
	}
	return m
}

// maxQuoted is how many texts a sentence lists.
const maxQuoted = 16

// quoted lists texts for a sentence.
func quoted(list []string) string {
	var out []string
	for _, s := range list[:min(len(list), maxQuoted)] {
		out = append(out, safetext.Quote(s))
	}
	if more := len(list) - maxQuoted; more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, ", ")
}
