package ciplatform

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"time"

	"github.com/cioidc/cioidc/internal/command"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/safetext"
)

// commandTime bounds the command where the caller's context does not.
const commandTime = 30 * time.Second

// mintArgs returns the arguments of the circleci command. The audience is JSON
// in an argument of its own and meets no shell.
func (p *CircleCI) mintArgs(audience string) []string {
	args := []string{"run", "oidc", "get", "--claims", `{"aud": ` + jsonString(audience) + `}`}
	if p.RootIssuer {
		args = append(args, "--root-issuer")
	}
	return args
}

// mint asks the circleci command for a token and checks that it is the one
// asked for.
func (a *circleAttempt) mint(ctx context.Context) (string, *reason) {
	run := a.p.Run
	if run == nil {
		run = runCircleCI
	}
	out, err := run(ctx, a.p.mintArgs(a.want)...)
	if err != nil && ctx.Err() != nil {
		return "", &reason{
			kind: ErrCommand, cause: ctx.Err(),
			text: "the circleci command was stopped: " + ctx.Err().Error(),
		}
	}
	if err != nil {
		return "", commandFailed(err)
	}
	raw := strings.TrimSpace(string(out))
	if wrong := a.checkMinted(raw); wrong != nil {
		return "", wrong
	}
	return raw, nil
}

// checkMinted reports what is wrong with a token that the command printed.
func (a *circleAttempt) checkMinted(raw string) *reason {
	if raw == "" {
		return because(ErrUnusable, "the circleci command printed nothing")
	}
	token, err := peek.Parse(raw)
	if err != nil {
		return because(ErrUnusable, "the circleci command did not print a token: %s", clip(err))
	}
	switch {
	case !token.Audience.Contains(a.want):
		return because(ErrUnusable, "the circleci command printed a token for %s, not for %s", quoteList(token.Audience), safetext.Quote(a.want))
	case token.ExpiresAt == 0:
		return because(ErrUnusable, "the circleci command printed a token without an expiry time")
	case !a.now.Before(token.ExpiresAt.Time()):
		return because(ErrUnusable, "the circleci command printed a token that expired at %s, and it is %s here: the machine's clock may be wrong",
			token.ExpiresAt.Time().Format(time.RFC3339), a.now.UTC().Format(time.RFC3339))
	case a.p.RootIssuer && strings.Contains(token.Issuer, "/org/"):
		return because(ErrUnusable, "the circleci command printed a token of %s, not of the root issuer", safetext.Quote(token.Issuer))
	}
	return nil
}

// commandFailed explains err. The command's standard output is never in it;
// its standard error is, without anything like a token, and cut.
func commandFailed(err error) *reason {
	var exit *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, exec.ErrDot):
		return &reason{kind: ErrCommand, cause: foreign{err}, text: "there is no circleci command on PATH"}
	case errors.As(err, &exit):
		text := "the circleci command failed"
		switch {
		case err.Error() != exit.Error(): // a Run has said more
			text += " (" + clip(err) + ")"
		case exit.ProcessState != nil:
			text += " (" + exit.Error() + ")" // the system's words
		}
		if words := strings.TrimSpace(safetext.Redact(string(exit.Stderr))); words != "" {
			text += ": " + safetext.Quote(words)
		}
		// The exit error itself holds all of standard error: only its words
		// go on.
		return because(ErrCommand, "%s", text)
	default:
		return &reason{kind: ErrCommand, cause: foreign{err}, text: "the circleci command failed: " + clip(err)}
	}
}

// foreign is an error of a Run, which may have a token in its text: it matches
// as the error does, and a walk along the chain does not print it.
type foreign struct{ err error }

func (f foreign) Error() string        { return clip(f.err) }
func (f foreign) GoString() string     { return clip(f.err) }
func (f foreign) Is(target error) bool { return errors.Is(f.err, target) }
func (f foreign) As(target any) bool   { return errors.As(f.err, target) }

// clip returns the text of another's error without anything like a token,
// quoted and cut.
func clip(err error) string { return safetext.Quote(safetext.Redact(err.Error())) }

// runCircleCI runs the circleci command that PATH finds.
func runCircleCI(ctx context.Context, args ...string) ([]byte, error) {
	return command.Command{Name: "circleci", Args: args, Limit: commandTime}.Run(ctx)
}
