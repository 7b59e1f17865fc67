package checkup

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/safetext"
)

// jobToken is GitLab's credential for its own API, jobTokenPrefix how its value
// begins.
const (
	jobToken       = "CI_JOB_TOKEN"
	jobTokenPrefix = "glcbt-"
)

// maxTokens bounds the tokens of a job that are listed.
const maxTokens = 16

var (
	// unexpanded is what remains of a variable that nobody has put a value for.
	unexpanded = regexp.MustCompile(`^["']?(\$\{?\w+\}?|%\w+%)["']?$`)
	// tokenName matches the names of variables that are meant for an ID token.
	tokenName = regexp.MustCompile(`(?i)ID_?TOKEN|OIDC|JWT`)
	// notATokensName are variables of the platforms that match tokenName and
	// hold something else, or what must not be used.
	notATokensName = regexp.MustCompile(`^(CI_JOB_TOKEN|CI_JOB_JWT(_V[12])?)$`)
)

// givenToken examines the token that was handed over.
func (e *examination) givenToken() {
	name := e.cfg.TokenName
	e.add(Check{Name: "platform", State: Info, Words: "a token from " + safetext.Quote(name) + "; no CI platform is asked"})
	raw := strings.TrimSpace(e.cfg.Token)
	token, err := peek.Parse(raw)
	if err != nil {
		e.hide(raw)
		words, action := e.judge(raw, err)
		e.add(Check{Name: "token", State: Fail, Words: safetext.Quote(name) + " " + words, Action: action})
		return
	}
	e.examine(raw, token)
	e.source = exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return raw, nil })
	e.addToken(name, token)
	if a := e.cfg.Audience; a != "" && !token.Audience.Contains(a) {
		e.add(Check{
			Name: "token-audience", State: Fail, Words: "the token has another audience than the one asked for",
			Evidence: []Evidence{{Name: "aud", Token: strings.Join(token.Audience, ", ")}, {Name: "asked for", Value: a}},
			Action:   "ask the platform for a token with the audience that the service expects",
		})
	}
}

// jobsToken finds the platform and its tokens, and picks the one to examine.
func (e *examination) jobsToken(ctx context.Context) {
	platform, err := ciplatform.Detect(e.platforms()...)
	if err != nil {
		e.add(Check{
			Name: "platform", State: Fail, Words: `this is no CI job: neither CIRCLECI nor GITLAB_CI is "true"`,
			Action: "run doctor in a job, and pass the variable on to containers that the job starts; or examine a token by --token-file",
		})
		return
	}
	words := map[string]string{"circleci": `CircleCI (CIRCLECI is "true")`, "gitlab": `GitLab CI/CD (GITLAB_CI is "true")`}
	e.add(Check{Name: "platform", State: OK, Words: words[platform.Name()]})
	e.source = platform

	found := e.inEnvironment()
	raw, err := platform.IDToken(ctx, e.cfg.Audience)
	if err == nil {
		if token, err := peek.Parse(raw); err == nil {
			e.examine(raw, token)
			if !slices.ContainsFunc(found, func(f foundToken) bool { return f.raw == raw }) {
				e.addToken("the circleci command", token)
			}
			return
		}
	}
	if len(found) > 0 {
		e.examine(found[0].raw, found[0].token)
	}
	e.notPicked(err, found)
}

// notPicked explains why the platform gave no token.
func (e *examination) notPicked(err error, found []foundToken) {
	var failed *ciplatform.TokenError
	switch {
	case errors.Is(err, ciplatform.ErrExpired):
		return // the check of its time says the same, and more
	case errors.Is(err, ciplatform.ErrAmbiguous) && len(found) > 0:
		e.add(Check{
			Name: "token-choice", State: Info, Words: "the job has several tokens; the rest is about " + safetext.Quote(found[0].variable),
			Action: "to examine another, give its audience by --audience",
		})
	case errors.As(err, &failed) && failed.Err != nil:
		c := Check{Name: "token", State: Fail, Words: failed.Err.Error(), Action: failed.Hint}
		if e.cfg.Audience != "" {
			c.Name, c.Words = "token-audience", "no token for the audience asked for: "+c.Words
			c.Evidence = append(c.Evidence, Evidence{Name: "asked for", Value: e.cfg.Audience})
		}
		e.add(c)
	default:
		e.add(Check{Name: "token", State: Fail, Words: "the platform gave no token that can be read"})
	}
}

// foundToken is a token of the environment.
type foundToken struct {
	variable, raw string
	token         *peek.Token
}

// inEnvironment reports the variables that hold a job's token, and those that
// were meant to, and returns the tokens by variable name.
func (e *examination) inEnvironment() []foundToken {
	var names []string
	for name := range e.env {
		names = append(names, name)
	}
	slices.Sort(names)
	var found []foundToken
	for _, name := range names {
		raw := strings.TrimSpace(e.env[name])
		if raw == "" || notATokensName.MatchString(name) {
			continue
		}
		if token, err := peek.Parse(raw); err == nil && token.Identity.Platform != "" {
			e.hide(raw)
			if found = append(found, foundToken{name, raw, token}); len(found) <= maxTokens {
				e.addToken(name, token)
			}
		} else if tokenName.MatchString(name) && e.mistaken(raw) {
			words, action := e.judge(raw, err)
			e.add(Check{Name: "token-value", State: Fail, Words: safetext.Quote(name) + " " + words, Action: action})
		}
	}
	return found
}

func (e *examination) addToken(name string, t *peek.Token) {
	e.add(Check{
		Name: "token", State: OK, Words: safetext.Quote(name) + " holds a token of " + safetext.Quote(t.Issuer),
		Evidence: []Evidence{{Name: "aud", Value: strings.Join(t.Audience, ", ")}},
	})
}

// mistaken reports whether raw is what is often found where a token should be.
func (e *examination) mistaken(raw string) bool {
	return unexpanded.MatchString(raw) || e.isJobToken(raw) || strings.HasPrefix(strings.TrimLeft(raw, `"'`), "eyJ")
}

func (e *examination) isJobToken(raw string) bool {
	return raw == strings.TrimSpace(e.env[jobToken]) || strings.HasPrefix(raw, jobTokenPrefix)
}

// judge says what raw is in place of a token, and what to do about it. Err is
// what reading it said.
func (e *examination) judge(raw string, err error) (words, action string) {
	switch {
	case raw == "":
		return "is empty", "check that what writes it has the job's token"
	case unexpanded.MatchString(raw):
		return "holds the text " + safetext.Quote(raw) + ", not a token: the variable was not expanded",
			"check the variable's name, and that it is there where it is used: quotes, containers and other jobs do not pass it on"
	case e.isJobToken(raw):
		return "holds CI_JOB_TOKEN, which is for GitLab's own API and is no ID token",
			"add an entry to id_tokens of the job and use its variable"
	case strings.ContainsAny(raw[:1], `"'`):
		return "holds a token in quotes", "take the quotes off"
	case err != nil:
		return "holds no token: " + safetext.Quote(safetext.Redact(err.Error())), "check that it is the job's ID token, whole and unchanged"
	}
	return "holds a JWT that is no CI job's", "check that it is the job's ID token"
}
