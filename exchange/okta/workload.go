package okta

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/command"
	"github.com/cioidc/cioidc/internal/httpx"
	"github.com/cioidc/cioidc/internal/notoken"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/tokensource"
)

const (
	// jwtVariable is the variable in which the command finds the CI token.
	jwtVariable = "CIOIDC_WORKLOAD_JWT"
	// sourceTime bounds the getting of the CI token, and sftTime the command,
	// where the caller's context does not.
	sourceTime = 10 * time.Second
	sftTime    = 30 * time.Second
)

// WorkloadConfig configures a [Workload]. Address, Team, Connection, Source and
// Audience are required.
type WorkloadConfig struct {
	// Address is the URL of the team, such as "https://acme.pam.okta.com": the
	// command's OPA_ADDR. Required.
	Address string
	// Team is the name of the Okta Privileged Access team. Required.
	Team string
	// Connection is the name of the workload connection, which must be active: a
	// new one is a draft. Required.
	Connection string
	// RoleHint names the workload role to have, where the token's claims fit
	// several. Empty means none is named.
	RoleHint string
	// Source supplies the CI token. Required.
	Source exchange.TokenSource
	// Audience is the aud that the connection demands of the token. Required.
	Audience string
	// Run runs the sft command with args and returns its standard output; env,
	// which holds the CI token, is to be added to the environment of that one
	// child. Nil means the command on PATH, with this process's own environment
	// beside env, for 30 seconds at most. The output is a token: keep it out of
	// logs and errors.
	Run func(ctx context.Context, env []string, args ...string) ([]byte, error)
}

// Workload gets tokens of Okta Privileged Access for a CI job by the command
// that Okta documents for it, "sft wl authenticate"
// (https://help.okta.com/en-us/content/topics/privileged-access/pam-configure-workload-cli.htm).
// Okta documents no other interface for it. It is safe for concurrent use.
//
// It was not run against Okta: what is tested is that the command gets what
// Okta's page says, and what becomes of its output.
type Workload struct{ cfg WorkloadConfig }

// NewWorkload returns a workload. It runs nothing and sends nothing. Its error is
// an *[exchange.ConfigError].
func NewWorkload(cfg WorkloadConfig) (*Workload, error) {
	if problem := httpx.Problem(cfg.Address); problem != "" {
		return nil, configError("Address", problem)
	}
	for _, name := range []struct {
		field, value string
		required     bool
	}{
		{"Team", cfg.Team, true}, {"Connection", cfg.Connection, true}, {"RoleHint", cfg.RoleHint, false},
	} {
		switch {
		case name.value == "" && name.required:
			return nil, configError(name.field, "it is required: give the name as Okta Privileged Access shows it")
		case strings.HasPrefix(name.value, "-"):
			return nil, configError(name.field, "it begins with a hyphen, which the command would take for an option")
		case strings.ContainsFunc(name.value, unicode.IsControl):
			return nil, configError(name.field, "it holds a control character")
		}
	}
	switch {
	case tokensource.Missing(cfg.Source):
		return nil, configError("Source", "it is required, and neither nil nor a nil pointer: give the detected platform, or another exchange.TokenSource")
	case cfg.Audience == "":
		return nil, configError("Audience", "it is required: the aud among the required claims of the workload connection")
	}
	if cfg.Run == nil {
		cfg.Run = runSFT
	}
	return &Workload{cfg}, nil
}

func runSFT(ctx context.Context, env []string, args ...string) ([]byte, error) {
	return command.Command{Name: "sft", Args: args, Env: env, Limit: sftTime}.Run(ctx)
}

// Token gets a CI token and returns the Okta Privileged Access token that the
// command gives for it: the value of OPA_TOKEN for the sft commands that follow.
// It cannot be renewed, and how long it lives is not said: call Token again for
// another. The CI token is in the environment of that one child, and on no
// command line. The error is an *[exchange.Error].
func (w *Workload) Token(ctx context.Context) (string, error) {
	raw, said, failed := w.ciToken(ctx)
	if failed != nil {
		return "", failed
	}
	args := []string{"wl", "authenticate", "--team", w.cfg.Team, "--connection", w.cfg.Connection, "--jwt-env", jwtVariable}
	if w.cfg.RoleHint != "" {
		args = append(args, "--role-hint", w.cfg.RoleHint)
	}
	out, err := w.cfg.Run(ctx, []string{"OPA_ADDR=" + w.cfg.Address, jwtVariable + "=" + raw}, args...)
	if err != nil {
		return "", w.commandFailed(ctx, err, raw, said)
	}
	token := strings.TrimSpace(string(out))
	switch {
	case token == "":
		return "", w.fail(exchange.StageExchange, errors.New("the sft command printed nothing"))
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", w.fail(exchange.StageExchange, errors.New("the sft command printed something that is not a token: run it by hand to see what"))
	}
	return token, nil
}

func (w *Workload) ciToken(ctx context.Context) (string, *peek.Token, *exchange.Error) {
	ctx, cancel := context.WithTimeout(ctx, sourceTime)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return "", nil, w.fail(exchange.StageSource, err)
	}
	raw, err := tokensource.Token(ctx, w.cfg.Source, w.cfg.Audience)
	if err != nil {
		return "", nil, w.fail(exchange.StageSource, err)
	}
	said, err := peek.Parse(raw)
	if err != nil {
		// Whatever it is, a password perhaps, it is not given to anyone.
		failed := w.fail(exchange.StageSource, fmt.Errorf("the source gave something that is not a JWT: %w", err))
		failed.Causes = notoken.Causes(raw)
		return "", nil, failed
	}
	return raw, said, nil
}
