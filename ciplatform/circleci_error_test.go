package ciplatform_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/ciplatform"
)

func TestCircleCIExplainsWhyThereIsNoToken(t *testing.T) {
	own := circleJWT(orgID, nil)
	outside := map[string]string{}
	text := func(s string) *string { return &s }
	leaky := "cannot reach " + own + " " + strings.Repeat("x ", 300)
	errOwn := errors.New("a runner of the caller's")

	for _, test := range []struct {
		name     string
		platform ciplatform.CircleCI
		env      map[string]string
		minter   minter
		audience string
		reason   error // which must match
		cause    error // which must match too
		ran      bool
		found    []ciplatform.FoundToken
		says     []string
		silent   []string // which must not be in the text
	}{
		{
			name: "not in a job", env: outside, audience: service, reason: ciplatform.ErrNotDetected,
			says: []string{
				`ciplatform: circleci: no token for audience "https://deploy.example.com": CIRCLE_OIDC_TOKEN is not set, and the circleci command makes tokens only inside a job: CIRCLECI is not set`,
				`circleci run oidc get --claims '{"aud": "https://deploy.example.com"}' > /dev/null`,
			},
			silent: []string{"noexec"},
		},
		{
			name: "not in a job, token of another audience", env: map[string]string{"CIRCLE_OIDC_TOKEN": own}, audience: service, reason: ciplatform.ErrNotDetected,
			found: []ciplatform.FoundToken{{Variable: "CIRCLE_OIDC_TOKEN", Audiences: []string{orgID}, ExpiresAt: start.Add(time.Hour)}},
			says:  []string{`CIRCLE_OIDC_TOKEN has "` + orgID + `"`, "pass on CIRCLECI and CIRCLE_OIDC_TOKEN"},
		},
		{
			name: "no variable, default asked for", env: map[string]string{"CIRCLECI": "true"}, reason: ciplatform.ErrNoToken,
			says: []string{
				"ciplatform: circleci: no default token: CIRCLE_OIDC_TOKEN is not set\n",
				"Pass secrets to builds from forked pull requests", "noexec", "4.4 or later", "use a context", "For an audience asked for by name",
				"\nThe likely reasons why CIRCLE_OIDC_TOKEN holds no token:\n",
			},
			silent: []string{"is set: this job builds a forked"},
		},
		{name: "empty variable, default asked for", env: job(""), reason: ciplatform.ErrNoToken, says: []string{"CIRCLE_OIDC_TOKEN is set but empty"}},
		{
			name: "V2 variable missing", platform: ciplatform.CircleCI{SubjectV2: true}, env: job(own), reason: ciplatform.ErrNoToken,
			says: []string{"CIRCLE_OIDC_TOKEN_V2 is not set"},
		},
		{name: "no token in the variable", env: job("$CIRCLE_OIDC_TOKEN"), reason: ciplatform.ErrNoToken, says: []string{"CIRCLE_OIDC_TOKEN does not hold a token"}},
		{
			name: "a forked pull request", env: map[string]string{"CIRCLECI": "true", "CIRCLE_PR_NUMBER": "7"}, reason: ciplatform.ErrNoToken,
			says:   []string{"CIRCLE_PR_NUMBER is set: this job builds a forked pull request", `"Pass secrets to builds from forked pull requests" is on`},
			silent: []string{"noexec"},
		},
		{
			name: "a forked pull request, and the command refuses", env: map[string]string{"CIRCLECI": "true", "CIRCLE_PR_USERNAME": "someone"}, audience: service,
			minter: minter{err: &exec.ExitError{Stderr: []byte("not allowed\n")}}, ran: true, reason: ciplatform.ErrCommand,
			says: []string{"CIRCLE_PR_USERNAME is set: this job builds a forked pull request", `"not allowed"`}, silent: []string{"not in containers"},
		},
		{
			name: "command missing", env: job(own), audience: service, minter: minter{err: &exec.Error{Name: "circleci", Err: exec.ErrNotFound}}, ran: true,
			reason: ciplatform.ErrCommand, cause: exec.ErrNotFound,
			found: []ciplatform.FoundToken{{Variable: "CIRCLE_OIDC_TOKEN", Audiences: []string{orgID}, ExpiresAt: start.Add(time.Hour)}},
			says:  []string{`CIRCLE_OIDC_TOKEN has "` + orgID + `", and there is no circleci command on PATH`, "not in containers"}, silent: []string{"likely reasons"},
		},
		{
			name: "command missing, with a token in the words", env: job(own), audience: service, minter: minter{err: fmt.Errorf("%s: %w", own, exec.ErrNotFound)}, ran: true,
			reason: ciplatform.ErrCommand, cause: exec.ErrNotFound, says: []string{"there is no circleci command on PATH"},
		},
		{
			name: "command fails with a token in its words", env: job(own), audience: service, minter: minter{err: &exec.ExitError{Stderr: []byte(leaky)}}, ran: true,
			reason: ciplatform.ErrCommand, says: []string{`the circleci command failed: "cannot reach [redacted] x x `, `x..."`},
			silent: []string{strings.Repeat("x ", 129)},
		},
		{
			name: "Run fails in a way of its own", env: job(own), audience: service, minter: minter{err: fmt.Errorf("%w: %s", errOwn, own)}, ran: true,
			reason: ciplatform.ErrCommand, cause: errOwn, says: []string{`"a runner of the caller's: [redacted]"`},
		},
		{name: "command prints nothing", env: job(own), audience: service, minter: minter{output: text(" \n")}, ran: true, reason: ciplatform.ErrUnusable, says: []string{"printed nothing"}},
		{
			name: "command prints no token", env: job(own), audience: service, minter: minter{output: text("Usage: circleci run")}, ran: true,
			reason: ciplatform.ErrUnusable, says: []string{"did not print a token"}, silent: []string{"Usage"},
		},
		{
			name: "command prints a token for another audience", env: job(own), audience: service, minter: minter{output: text(circleJWT("https://other.example.com", nil))}, ran: true,
			reason: ciplatform.ErrUnusable, says: []string{`printed a token for "https://other.example.com", not for "https://deploy.example.com"`},
		},
		{
			name: "command prints an expired token", env: job(own), audience: service, minter: minter{changes: expires(0)}, ran: true,
			reason: ciplatform.ErrUnusable, says: []string{"expired at 2026-03-04T05:06:07Z", "clock"},
		},
		{
			name: "command prints a token that never expires", env: job(own), audience: service, minter: minter{changes: map[string]any{"exp": nil}, output: text(circleJWT(service, map[string]any{"exp": nil}))},
			ran: true, reason: ciplatform.ErrUnusable, says: []string{"without an expiry time"},
		},
		{
			name: "command prints a token of the organization's issuer", platform: ciplatform.CircleCI{RootIssuer: true}, env: job(own), audience: service,
			minter: minter{output: text(circleJWT(service, nil))}, ran: true, reason: ciplatform.ErrUnusable,
			says: []string{"CIRCLE_OIDC_TOKEN is not from the root issuer", `a token of "https://oidc.circleci.com/org/` + orgID + `", not of the root issuer`, "--root-issuer > /dev/null"},
		},
		{
			name: "a new token for another audience does not make the old one do", env: job(circleJWT(orgID, expires(time.Minute))),
			minter: minter{output: text(circleJWT("https://other.example.com", nil))}, ran: true, reason: ciplatform.ErrUnusable,
			says: []string{"CIRCLE_OIDC_TOKEN expires within 5 minutes, and the circleci command printed"},
		},
		{
			name: "expired, and the command fails", env: job(circleJWT(orgID, expires(0))), minter: minter{err: exec.ErrNotFound}, ran: true,
			reason: ciplatform.ErrCommand, says: []string{"CIRCLE_OIDC_TOKEN expired at 2026-03-04T05:06:07Z", `{"aud": "` + orgID + `"}`},
		},
		{
			name: "no expiry time, and the command fails", env: job(circleJWT(orgID, map[string]any{"exp": nil})), minter: minter{err: exec.ErrNotFound}, ran: true,
			reason: ciplatform.ErrCommand, found: []ciplatform.FoundToken{{Variable: "CIRCLE_OIDC_TOKEN", Audiences: []string{orgID}}},
			says: []string{"CIRCLE_OIDC_TOKEN has no expiry time"},
		},
		{
			name: "many other audiences", env: job(circleJWT(strings.Split("abcdefghijkl", ""), nil)), audience: service, minter: minter{err: exec.ErrNotFound}, ran: true,
			reason: ciplatform.ErrCommand, says: []string{`"g", "h", and 4 more, and there is no`},
		},
		{
			name: "no audience", env: job(circleJWT(nil, nil)), audience: service, minter: minter{err: exec.ErrNotFound}, ran: true,
			reason: ciplatform.ErrCommand, says: []string{"CIRCLE_OIDC_TOKEN has no audience"},
		},
		{
			name: "expired, with several audiences", env: job(circleJWT([]string{"a", "b"}, expires(-time.Second))), reason: ciplatform.ErrAmbiguous,
			says: []string{`needs one audience: this one has "a", "b"`, "Ask for one of the audiences by name, in the Audience of the exchange's configuration."},
		},
		{name: "expired, without an audience", env: job(circleJWT(nil, expires(-time.Second))), reason: ciplatform.ErrUnusable, says: []string{"no audience"}},
		{name: "an audience that is not UTF-8", env: job(own), audience: "a\xff", reason: ciplatform.ErrNoToken, says: []string{`"a\xff"`, "not valid UTF-8"}, silent: []string{"\n"}},
		{
			name: "a long audience is cut in the reason and whole in the command", env: outside, audience: strings.Repeat("é", 300), reason: ciplatform.ErrNotDetected,
			says: []string{`"` + strings.Repeat(`\u00e9`, 126) + `..."`, `{"aud": "` + strings.Repeat("é", 300) + `"}`},
		},
		{
			name: "an audience with a quote is quoted for the shell", env: outside, audience: "it's", reason: ciplatform.ErrNotDetected,
			says: []string{`--claims '{"aud": "it'\''s"}'`},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := test.platform
			p.LookupEnv, p.Now, p.Run = in(test.env), clock, test.minter.run
			token, err := p.IDToken(t.Context(), test.audience)
			assert.Empty(t, token)
			var e *ciplatform.TokenError
			require.ErrorAs(t, err, &e)
			assert.Equal(t, "circleci", e.Platform)
			assert.Equal(t, test.audience, e.Audience)
			onlyReason(t, err, test.reason)
			if test.cause != nil {
				assert.ErrorIs(t, err, test.cause)
			}
			assert.Equal(t, test.ran, len(test.minter.calls) == 1)
			if test.found != nil {
				assert.Equal(t, test.found, e.Found)
			}
			for _, s := range test.says {
				assert.Contains(t, err.Error(), s)
			}
			for _, s := range test.silent {
				assert.NotContains(t, err.Error(), s)
			}
			noToken(t, err, own, circleJWT(service, nil))
		})
	}
}

// What the reason says the hint does not say again.
func TestCircleCISaysItOnce(t *testing.T) {
	for _, env := range []map[string]string{job(""), job("no token"), {"CIRCLECI": "true"}, {"CIRCLECI": "true", "CIRCLE_PR_NUMBER": "7"}} {
		for _, audience := range []string{"", service} {
			p := &ciplatform.CircleCI{LookupEnv: in(env), Now: clock, Run: (&minter{err: exec.ErrNotFound}).run}
			_, err := p.IDToken(t.Context(), audience)
			require.Error(t, err)
			for _, state := range []string{"CIRCLE_OIDC_TOKEN is ", "CIRCLE_OIDC_TOKEN does not hold"} {
				assert.LessOrEqual(t, strings.Count(err.Error(), state), 1, err.Error())
			}
		}
	}
}

func TestCircleCIHandsOnTheErrorOfRun(t *testing.T) {
	p := &ciplatform.CircleCI{
		LookupEnv: in(job("")), Now: clock,
		Run: func(context.Context, ...string) ([]byte, error) {
			return nil, &fs.PathError{Op: "exec", Path: "circleci", Err: fs.ErrPermission}
		},
	}
	_, err := p.IDToken(t.Context(), service)
	onlyReason(t, err, ciplatform.ErrCommand)
	var e *fs.PathError
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "exec", e.Op)
}

func TestCircleCIHandsOnTheEndOfTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := &ciplatform.CircleCI{
		// A token that would do, were the caller still there.
		LookupEnv: in(job(circleJWT(orgID, expires(time.Minute)))), Now: clock,
		Run: func(ctx context.Context, _ ...string) ([]byte, error) {
			cancel()
			return nil, errors.New("signal: killed")
		},
	}
	token, err := p.IDToken(ctx, "")
	assert.Empty(t, token)
	require.ErrorIs(t, err, context.Canceled)
	onlyReason(t, err, ciplatform.ErrCommand)
	assert.Contains(t, err.Error(), "the circleci command was stopped: context canceled")
}

// onlyReason asserts that err has this reason and no other.
func onlyReason(t *testing.T, err, want error) {
	t.Helper()
	for _, reason := range []error{
		ciplatform.ErrNotDetected, ciplatform.ErrNoToken, ciplatform.ErrAmbiguous,
		ciplatform.ErrExpired, ciplatform.ErrCommand, ciplatform.ErrUnusable,
	} {
		assert.Equal(t, reason == want, errors.Is(err, reason), "errors.Is(%v, %v)", err, reason)
	}
}

// noToken asserts that neither the text nor the fields of err, or of any error
// in its tree, hold a piece of these tokens.
func noToken(t *testing.T, err error, tokens ...string) {
	t.Helper()
	var walk func(error)
	walk = func(err error) {
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
			for _, token := range tokens {
				for _, part := range strings.Split(token, ".") {
					assert.NotContains(t, text, part[:16])
				}
			}
		}
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			if inner := e.Unwrap(); inner != nil {
				walk(inner)
			}
		case interface{ Unwrap() []error }:
			for _, inner := range e.Unwrap() {
				walk(inner)
			}
		}
	}
	walk(err)
}
