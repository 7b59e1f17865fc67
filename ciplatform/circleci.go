package ciplatform

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cioidc/cioidc/internal/peek"
)

const (
	// circleRoot is the iss of tokens minted with --root-issuer, as documented
	// on https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/.
	circleRoot = "https://oidc.circleci.com"
	// minLeft is the time that a token of the environment must have left to be
	// used without asking for a new one: those are minted before the job
	// starts, and a job may run for longer than they live.
	minLeft = 5 * time.Minute
)

// CircleCI is the CircleCI platform. The zero value is ready to use.
//
// A job has one token in its environment, whose audience is the organization's
// ID unless the organization or the project has set others. CircleCI returns
// that token if it has the audience asked for and 5 minutes left; otherwise it
// runs "circleci run oidc get" (https://circleci.com/docs/guides/permissions-authentication/oidc-tokens-with-custom-claims/).
// Whether the subject of a token from the command has the form of
// CIRCLE_OIDC_TOKEN or of CIRCLE_OIDC_TOKEN_V2 is not documented: rely on
// neither.
type CircleCI struct {
	// RootIssuer asks for tokens issued by https://oidc.circleci.com, which all
	// of CircleCI's customers share, for the services that trust only that one.
	// False means the organization's own issuer.
	RootIssuer bool
	// SubjectV2 reads CIRCLE_OIDC_TOKEN_V2, whose subject also names the
	// repository and the ref, and can be longer than services take. It says
	// nothing about tokens from the command. False means CIRCLE_OIDC_TOKEN.
	SubjectV2 bool
	// LookupEnv reads the environment. Nil means [os.LookupEnv].
	LookupEnv func(string) (string, bool)
	// Run runs the circleci command with args and returns its standard output.
	// Nil means the command on PATH, with this process's own environment, for
	// 30 seconds at most. The output is a token: keep it out of logs and errors.
	Run func(ctx context.Context, args ...string) ([]byte, error)
	// Now returns the current time. Nil means [time.Now].
	Now func() time.Time
}

var _ Platform = (*CircleCI)(nil)

// Name returns "circleci".
func (p *CircleCI) Name() string { return "circleci" }

// Detected reports whether CIRCLECI is "true", the value that CircleCI
// documents (https://circleci.com/docs/reference/variables/). Any other value
// counts as no job, and so does a nil pointer.
func (p *CircleCI) Detected() bool { return p != nil && isOn(p.env("CIRCLECI")) }

func (p *CircleCI) signal() (variable, found string) {
	value, set := p.lookup("CIRCLECI")
	return "CIRCLECI", describe(value, set)
}

// IDToken returns a token for audience, from the environment or from the
// circleci command. Empty means the environment's token; where that must be
// minted anew, its audience is the same, if it has exactly one. If minting
// fails, a token of the environment that would serve but for its last 5 minutes
// is returned as it is. The signature is not checked. Errors are *[TokenError].
func (p *CircleCI) IDToken(ctx context.Context, audience string) (string, error) {
	if p == nil {
		return "", nilPlatform(p.Name(), audience, "CircleCI")
	}
	if !utf8.ValidString(audience) {
		return "", notUTF8(p.Name(), audience)
	}
	a := &circleAttempt{p: p, audience: audience, now: p.now()}
	a.readEnvironment()
	if a.serves && a.left() >= minLeft {
		return a.raw, nil
	}
	// Something to fall back on: with no way to a new token, minutes are
	// better than nothing, and the token's receiver judges its time anyway.
	last := a.serves && a.left() > 0

	if a.want = audience; audience == "" && a.token != nil && len(a.token.Audience) == 1 {
		a.want = a.token.Audience[0]
	}
	if a.want == "" || !p.Detected() {
		if last {
			return a.raw, nil
		}
		return "", a.fail(a.whyNotMinted())
	}
	raw, refused := a.mint(ctx)
	if refused == nil {
		return raw, nil
	}
	if last && ctx.Err() == nil && errors.Is(refused, ErrCommand) {
		return a.raw, nil
	}
	refused.text = a.whyNotServing() + ", and " + refused.text
	return "", a.fail(refused)
}

// circleAttempt is one call of IDToken.
type circleAttempt struct {
	p        *CircleCI
	audience string // as asked for
	want     string // the audience to ask the command for; empty if there is none
	now      time.Time

	variable string      // the environment's variable
	state    string      // why the variable gives no token; empty if it does
	raw      string      // its token
	token    *peek.Token // what raw says; nil if there is none
	serves   bool        // whether it is the token asked for, time aside
}

// readEnvironment reads the environment's token.
func (a *circleAttempt) readEnvironment() {
	a.variable = "CIRCLE_OIDC_TOKEN"
	if a.p.SubjectV2 {
		a.variable = "CIRCLE_OIDC_TOKEN_V2"
	}
	value, set := a.p.lookup(a.variable)
	value = strings.TrimSpace(value)
	if value == "" {
		a.state = a.variable + " is " + describe("", set)
		return
	}
	token, err := peek.Parse(value)
	if err != nil {
		a.state = a.variable + " does not hold a token: " + clip(err)
		return
	}
	a.raw, a.token = value, token
	a.serves = (a.audience == "" || token.Audience.Contains(a.audience)) &&
		(!a.p.RootIssuer || token.Issuer == circleRoot)
}

// left returns how long the environment's token, which must be there, is still
// valid. One without exp is not: its zero time is long past.
func (a *circleAttempt) left() time.Duration {
	return a.token.ExpiresAt.Time().Sub(a.now)
}

// whyNotMinted says why the command was not run.
func (a *circleAttempt) whyNotMinted() *reason {
	if !a.p.Detected() {
		_, found := a.p.signal()
		return because(ErrNotDetected, "%s, and the circleci command makes tokens only inside a job: CIRCLECI is %s", a.whyNotServing(), found)
	}
	switch {
	case a.token == nil:
		return because(ErrNoToken, "%s", a.state)
	case len(a.token.Audience) > 1:
		return because(ErrAmbiguous, "%s, and a new token needs one audience: this one has %s", a.whyNotServing(), quoteList(a.token.Audience))
	default:
		return because(ErrUnusable, "%s, and has no audience to ask a new token for", a.whyNotServing())
	}
}

// whyNotServing says what is wrong with the environment's token, if anything is.
func (a *circleAttempt) whyNotServing() string {
	switch {
	case a.token == nil:
		return a.state
	case a.p.RootIssuer && a.token.Issuer != circleRoot:
		return a.variable + " is not from the root issuer"
	case a.audience != "" && !a.token.Audience.Contains(a.audience):
		return a.variable + " has " + quoteList(a.token.Audience)
	case a.token.ExpiresAt == 0:
		return a.variable + " has no expiry time"
	case a.left() <= 0:
		return a.variable + " expired at " + a.token.ExpiresAt.Time().Format(time.RFC3339)
	default:
		return a.variable + " expires within 5 minutes"
	}
}

// fail returns the error of the attempt.
func (a *circleAttempt) fail(why *reason) error {
	e := &TokenError{Platform: a.p.Name(), Audience: a.audience, Hint: a.hint(why), Err: why}
	if a.token != nil {
		e.Found = []FoundToken{{
			Variable: a.variable, Audiences: a.token.Audience, ExpiresAt: a.token.ExpiresAt.Time(),
		}}
	}
	return e
}

func (p *CircleCI) lookup(name string) (string, bool) {
	if p.LookupEnv == nil {
		return os.LookupEnv(name)
	}
	return p.LookupEnv(name)
}

func (p *CircleCI) env(name string) string {
	value, _ := p.lookup(name)
	return value
}

func (p *CircleCI) now() time.Time {
	if p.Now == nil {
		return time.Now()
	}
	return p.Now()
}
