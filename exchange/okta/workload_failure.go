package okta

import (
	"context"
	"errors"
	"net/url"
	"os/exec"
	"strings"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/safetext"
)

func (w *Workload) fail(stage string, err error) *exchange.Error {
	service := "okta"
	if u, parseErr := url.Parse(w.cfg.Address); parseErr == nil {
		service = u.Hostname()
	}
	return &exchange.Error{Service: service, Stage: stage, Err: err}
}

// commandFailed explains the error of a Run. Standard output is never in it;
// standard error is, without the token and anything else like one, and cut. The
// exit error itself is not kept: it holds all of standard error.
func (w *Workload) commandFailed(ctx context.Context, err error, token string, said *peek.Token) error {
	clean := func(text string) string { return safetext.Redact(safetext.Scrub(text, token)) }
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return w.fail(exchange.StageExchange, ctx.Err())
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, exec.ErrDot):
		e := w.fail(exchange.StageExchange, exec.ErrNotFound)
		e.Causes = []exchange.Cause{{
			ID: "okta-no-sft", Certain: true,
			Summary: "there is no sft command on PATH",
			Action:  "install the Okta Privileged Access client in the job's image",
		}}
		return e
	case errors.Is(err, context.DeadlineExceeded):
		return w.fail(exchange.StageExchange, context.DeadlineExceeded)
	case !errors.As(err, &exit):
		return w.fail(exchange.StageExchange, errors.New("the sft command failed: "+safetext.Cut(clean(err.Error()))))
	}
	e := w.fail(exchange.StageExchange, errors.New("the sft command failed: "+safetext.Cut(clean(err.Error()))))
	e.Description = safetext.Cut(strings.TrimSpace(clean(string(exit.Stderr))))
	connection := exchange.Evidence{Name: "connection", Configured: w.cfg.Connection}
	// What sft prints is for people, and no text of it is documented.
	e.Causes = []exchange.Cause{{
		ID:       "okta-workload",
		Summary:  "the workload connection is still a draft, or inactive",
		Action:   "have a security admin activate the connection, which takes up to five minutes",
		Evidence: []exchange.Evidence{connection},
	}, {
		ID:      "okta-workload-claims",
		Summary: "the workload connection demands other claims than the token has",
		Action:  "compare the connection's required claims with those of the token",
		Evidence: []exchange.Evidence{
			connection,
			{Name: "iss", Token: safetext.Cut(said.Issuer)},
			{Name: "aud", Token: safetext.Cut(strings.Join(said.Audience, ", "))},
			{Name: "sub", Token: safetext.Cut(said.Subject)},
		},
	}}
	return e
}
