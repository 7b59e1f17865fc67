package fakeaws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cioidc/cioidc/internal/fakecloud/relyingparty"
)

// skew is AWS's tolerance for the times of a web identity token.
const skew = 5 * time.Minute

// AWS's texts. Since 2026 the first stands for several refusals that each had
// a text before.
const (
	notValidated  = "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements."
	notJWT        = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
	noKey         = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
	notAuthorized = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
	tooLong       = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
	twoAudiences  = "Token audience contains more than one audience while authorized party is not present"
)

// gitLabKeys and circleCIKeys are the claims that AWS makes condition keys of,
// beside those of every issuer.
var (
	everyIssuerKeys = []string{"amr", "email"}
	gitLabKeys      = []string{"namespace_id", "project_id", "user_id", "user_login", "user_email", "user_access_level", "ref_protected", "pipeline_source", "runner_environment"}
	circleCIKeys    = []string{"oidc.circleci.com/project-id"}
)

// refusal is an answer that is an error.
type refusal struct {
	status     int
	code, text string
}

func (r *refusal) Error() string { return r.code + ": " + r.text }

func invalidToken(text string) error {
	return &refusal{http.StatusBadRequest, "InvalidIdentityToken", text}
}

func validation(format string, args ...any) error {
	return &refusal{http.StatusBadRequest, "ValidationError", fmt.Sprintf(format, args...)}
}

func (s *Server) assumeRoleWithWebIdentity(w http.ResponseWriter, q *query) {
	out, err := s.assume(q)
	var r *refusal
	if errors.As(err, &r) {
		refuse(w, r.status, r.code, r.text)
		return
	}
	answer(w, out)
}

func (s *Server) assume(q *query) (*assumeRoleResult, error) {
	in, err := readAssumeRole(q)
	if err != nil {
		return nil, err
	}
	who, err := s.identify(q.request.Context(), in.token)
	if err != nil {
		return nil, err
	}
	r := s.roles[in.roleARN]
	if r == nil || !r.policy.allows(s.providerARN(who.provider), "sts:AssumeRoleWithWebIdentity", who.keys) {
		// The same answer for both: who may not assume a role is not told
		// whether there is one.
		return nil, &refusal{http.StatusForbidden, "AccessDenied", notAuthorized}
	}
	if in.duration > r.MaxSession {
		return nil, validation("%s", tooLong)
	}
	ses := s.sessions.issue(s.account, r, in.sessionName, s.now(), in.duration)
	return &assumeRoleResult{
		Subject:  who.subject,
		Audience: who.audience,
		Provider: who.provider.URL,
		User:     assumedRoleUser{ARN: ses.arn, ID: ses.userID},
		Credentials: credentials{
			AccessKeyID: ses.accessKeyID, SecretAccessKey: ses.secret, SessionToken: ses.token,
			Expiration: ses.expires.UTC().Format(time.RFC3339),
		},
	}, nil
}

type assumeRole struct {
	roleARN, sessionName, token string
	duration                    time.Duration
}

var sessionNamePattern = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

// readAssumeRole checks the parameters by the limits of the STS API.
func readAssumeRole(q *query) (*assumeRole, error) {
	in := &assumeRole{
		roleARN: q.form.Get("RoleArn"), sessionName: q.form.Get("RoleSessionName"),
		token: q.form.Get("WebIdentityToken"), duration: time.Hour,
	}
	switch {
	case len(in.roleARN) < 20 || len(in.roleARN) > 2048:
		return nil, validation("1 validation error detected: Value '%s' at 'roleArn' failed to satisfy constraint: Member must have length between 20 and 2048", in.roleARN)
	case !sessionNamePattern.MatchString(in.sessionName):
		return nil, validation(`1 validation error detected: Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`, in.sessionName)
	case len(in.token) < 4 || len(in.token) > 20000:
		return nil, validation("1 validation error detected: Value '%s' at 'webIdentityToken' failed to satisfy constraint: Member must have length between 4 and 20000", in.token)
	case q.form.Has("ProviderId"):
		return nil, &refusal{http.StatusForbidden, "AccessDenied", notAuthorized}
	case utf8.RuneCountInString(q.form.Get("Policy")) > 2048:
		return nil, validation("1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048")
	case q.form.Has("Policy") && !json.Valid([]byte(q.form.Get("Policy"))):
		return nil, &refusal{http.StatusBadRequest, "MalformedPolicyDocument", "This policy contains invalid Json"}
	case q.form.Has("PolicyArns.member.11.arn"):
		return nil, validation("1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to 10")
	}
	if text := q.form.Get("DurationSeconds"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 900 || n > 43200 {
			return nil, validation("1 validation error detected: Value '%s' at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 43200", text)
		}
		in.duration = time.Duration(n) * time.Second
	}
	return in, nil
}

// identity is whom a token speaks for.
type identity struct {
	provider          *Provider
	subject, audience string
	keys              map[string]string // the condition keys, in lower case
}

func (s *Server) identify(ctx context.Context, token string) (*identity, error) {
	claims, err := relyingparty.Unverified(token)
	if err != nil {
		return nil, invalidToken(notJWT)
	}
	iss, ok := claims["iss"].(string)
	if !ok {
		return nil, invalidToken("Missing a required claim: iss")
	}
	aud, oaud, err := audience(claims)
	if err != nil {
		return nil, err
	}
	who := &identity{provider: s.providers[iss], audience: aud}
	if who.provider == nil || !contains(who.provider.ClientIDs, aud) {
		return nil, invalidToken(notValidated)
	}
	for _, name := range []string{"sub", "iat", "exp"} {
		if _, ok := claims[name]; !ok {
			return nil, invalidToken("Missing a required claim: " + name)
		}
	}
	if _, err := s.party.Verify(ctx, token); err != nil {
		return nil, s.refusalOf(err, claims)
	}
	if who.subject, ok = scalar(claims["sub"]); !ok {
		return nil, &refusal{http.StatusInternalServerError, "InternalFailure", "Unknown error validating third-party token"}
	}
	who.setKeys(claims, oaud)
	return who, nil
}

// audience returns what AWS takes for the audience: azp if there is one, else
// aud, of which there may be one only. The second is the first of aud.
func audience(claims map[string]any) (aud, original string, err error) {
	switch v := claims["aud"].(type) {
	case string:
		original = v
	case []any:
		if len(v) == 0 {
			return "", "", invalidToken("Claim is not allowed to be empty: aud")
		}
		if _, ok := claims["azp"]; len(v) > 1 && !ok {
			return "", "", invalidToken(twoAudiences)
		}
		original, _ = v[0].(string)
	}
	if _, ok := claims["aud"]; !ok {
		return "", "", invalidToken("Missing a required claim: aud")
	}
	if original == "" {
		return "", "", invalidToken("Claim is not allowed to be empty: aud")
	}
	if azp, ok := claims["azp"].(string); ok {
		return azp, original, nil
	}
	return original, original, nil
}

// refusalOf words a verification failure as AWS does.
func (s *Server) refusalOf(err error, claims map[string]any) error {
	var e *relyingparty.Error
	if !errors.As(err, &e) {
		return invalidToken(notValidated)
	}
	now := s.now().Unix()
	claim := claims[e.Claim]
	switch {
	case e.Kind == relyingparty.KindKeys:
		return invalidToken(noKey)
	case e.Kind == relyingparty.KindExpired:
		return &refusal{http.StatusBadRequest, "ExpiredTokenException", fmt.Sprintf(
			"Token expired: current date/time %d must be before the expiration date/time %v", now-int64(skew/time.Second), claim)}
	case e.Kind == relyingparty.KindNotYet && e.Claim == "iat":
		return invalidToken(fmt.Sprintf("Token issued in the future: %v", claim))
	case e.Kind == relyingparty.KindNotYet:
		return invalidToken(fmt.Sprintf("Token not yet valid: current date/time %d must be after or equal to the not-before date/time %v", now, claim))
	case e.Kind == relyingparty.KindClaim:
		return invalidToken("Invalid timestamp in token claims.")
	}
	return invalidToken(notValidated)
}

func (who *identity) setKeys(claims map[string]any, oaud string) {
	prefix := strings.TrimPrefix(who.provider.URL, "https://")
	names := append([]string(nil), everyIssuerKeys...)
	switch {
	case prefix == "gitlab.com":
		names = append(names, gitLabKeys...)
	case strings.HasPrefix(prefix, "oidc.circleci.com/org/"):
		names = append(names, circleCIKeys...)
	}
	who.keys = map[string]string{}
	set := func(name, value string) { who.keys[strings.ToLower(prefix+":"+name)] = value }
	for _, name := range names {
		if v, ok := scalar(claims[name]); ok {
			set(name, v)
		}
	}
	set("sub", who.subject)
	set("aud", who.audience)
	set("oaud", oaud)
}

// scalar returns a string or a number as text.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	}
	return "", false
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}
