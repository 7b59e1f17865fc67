package awstrust

import (
	"fmt"
	"strconv"
	"time"

	"github.com/cioidc/cioidc/internal/jsontree"
)

// skew is AWS's tolerance for the times of a token.
const skew = 5 * time.Minute

// The words of STS.
const (
	notJWT        = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
	notValidated  = "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements."
	twoAudiences  = "Token audience contains more than one audience while authorized party is not present"
	badTime       = "Invalid timestamp in token claims."
	notAuthorized = "Not authorized to perform sts:AssumeRoleWithWebIdentity"

	invalidIdentityToken = "InvalidIdentityToken"
)

// token is a claims set, of which the last of two claims counts: that is how
// AWS reads it.
type token struct{ claims *jsontree.Node }

// refusal is an answer of STS, and why it is given. With an assumption it is
// not sure.
type refusal struct {
	code, message string
	why           string
	assumption    string
}

func invalid(message, format string, args ...any) *refusal {
	return &refusal{code: invalidIdentityToken, message: message, why: fmt.Sprintf(format, args...)}
}

// readToken reads a claims set and checks that it has what AWS requires.
func readToken(payload []byte) (token, *refusal) {
	root, err := jsontree.Parse(payload)
	if err != nil || root.Kind != jsontree.Object {
		return token{}, invalid(notJWT, "the claims set is no JSON object")
	}
	t := token{root}
	for _, name := range []string{"iss", "sub", "aud", "iat", "exp"} {
		if root.Get(name) == nil {
			return t, invalid("Missing a required claim: "+name, "there is no %s", name)
		}
	}
	if iss := root.Get("iss"); iss.Kind != jsontree.String {
		return t, invalid(notValidated, "iss is %v, not a string", iss.Kind)
	}
	switch sub := root.Get("sub"); sub.Kind {
	case jsontree.String:
	case jsontree.Null:
		return t, &refusal{code: "InternalFailure", message: "Unknown error validating third-party token", why: "sub is null"}
	default:
		return t, &refusal{why: fmt.Sprintf("sub is %v", sub.Kind), assumption: fmt.Sprintf("AWS takes a sub that is %v", sub.Kind)}
	}
	return t, nil
}

func (t token) text(name string) string {
	if n := t.claims.Get(name); n != nil && n.Kind == jsontree.String {
		return n.Text
	}
	return ""
}

// audience returns what AWS takes for the audience: azp if there is one, else
// aud, of which there may be one only.
func (t token) audience() (string, *refusal) {
	aud := t.claims.Get("aud")
	list := []*jsontree.Node{aud}
	if aud.Kind == jsontree.Array {
		list = aud.Elements
	}
	azp := t.claims.Get("azp")
	switch {
	case len(list) == 0:
		return "", invalid("Claim is not allowed to be empty: aud", "aud is an empty list")
	case len(list) > 1 && azp == nil:
		return "", invalid(twoAudiences, "aud has %d values and there is no azp", len(list))
	}
	if azp != nil {
		if azp.Kind != jsontree.String {
			return "", &refusal{why: fmt.Sprintf("azp is %v", azp.Kind), assumption: fmt.Sprintf("AWS takes an azp that is %v", azp.Kind)}
		}
		return azp.Text, nil
	}
	if list[0].Kind != jsontree.String {
		return "", &refusal{why: fmt.Sprintf("aud is %v", list[0].Kind), assumption: fmt.Sprintf("AWS takes an aud that is %v", list[0].Kind)}
	}
	if list[0].Text == "" {
		return "", invalid("Claim is not allowed to be empty: aud", "aud is empty")
	}
	return list[0].Text, nil
}

// checkTime holds the token's times against now.
func (t token) checkTime(now time.Time) *refusal {
	at := map[string]int64{}
	for _, name := range []string{"iat", "nbf", "exp"} {
		n := t.claims.Get(name)
		if n == nil {
			continue // nbf may be missing
		}
		seconds, err := strconv.ParseInt(n.Text, 10, 64)
		if (n.Kind != jsontree.Number && n.Kind != jsontree.String) || err != nil {
			return invalid(badTime, "%s is no whole number of seconds", name)
		}
		at[name] = seconds
	}
	seconds, tolerance := now.Unix(), int64(skew/time.Second)
	if at["iat"] > seconds+tolerance {
		return invalid(fmt.Sprintf("Token issued in the future: %d", at["iat"]), "iat is more than five minutes ahead")
	}
	if nbf, ok := at["nbf"]; ok && nbf > seconds+tolerance {
		return invalid(fmt.Sprintf("Token not yet valid: current date/time %d must be after or equal to the not-before date/time %d", seconds, nbf),
			"nbf is more than five minutes ahead")
	}
	if seconds-tolerance > at["exp"] {
		return &refusal{
			code:    "ExpiredTokenException",
			message: fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d", seconds-tolerance, at["exp"]),
			why:     "exp was more than five minutes ago",
		}
	}
	return nil
}

// Claims by which a token asks for more than a session.
const (
	tagsClaim           = "https://aws.amazon.com/tags"
	sourceIdentityClaim = "https://aws.amazon.com/source_identity"
	rolesClaim          = "https://aws.amazon.com/roles"
)

// actions returns what the request needs the trust policy to allow.
func (t token) actions() []string {
	needed := []string{webIdentity}
	if t.tagged() {
		needed = append(needed, "sts:TagSession")
	}
	if t.claims.Get(sourceIdentityClaim) != nil {
		needed = append(needed, "sts:SetSourceIdentity")
	}
	return needed
}
