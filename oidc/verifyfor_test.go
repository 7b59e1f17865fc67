package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// ruling is a decision of the tests.
type ruling string

func (r ruling) LogValue() slog.Value { return slog.StringValue(string(r)) }

// Both that decide are asked, Config's first; the last that decided is on
// record, once.
func TestVerifyFor(t *testing.T) {
	type answer struct {
		ruling slog.LogValuer
		err    error
	}
	refused, away := errors.New("refused"), &oidc.UnavailableError{Op: oidc.OpAuthorize}
	for name, c := range map[string]struct {
		config, call *answer // nil: not there
		asked        string
		want         slog.LogValuer
		err          error
	}{
		"neither":          {},
		"config":           {config: &answer{ruling: ruling("config")}, asked: "config ", want: ruling("config")},
		"call":             {call: &answer{ruling: ruling("call")}, asked: "call", want: ruling("call")},
		"both":             {config: &answer{ruling: ruling("config")}, call: &answer{ruling: ruling("call")}, asked: "config call", want: ruling("call")},
		"no decision":      {config: &answer{ruling: ruling("config")}, call: &answer{}, asked: "config call", want: ruling("config")},
		"config denies":    {config: &answer{ruling("config"), refused}, call: &answer{}, asked: "config ", want: ruling("config"), err: refused},
		"call denies":      {config: &answer{ruling: ruling("config")}, call: &answer{ruling("call"), refused}, asked: "config call", want: ruling("call"), err: refused},
		"call denies dumb": {call: &answer{nil, refused}, asked: "call", err: refused},
		"call cannot tell": {call: &answer{nil, fmt.Errorf("ask: %w", away)}, asked: "call", err: away},
	} {
		t.Run(name, func(t *testing.T) {
			gitlab := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
			var asked string
			var events []oidc.Event
			ask := func(who string, a *answer) func(context.Context, claims.Model) (slog.LogValuer, error) {
				if a == nil {
					return nil
				}
				return func(_ context.Context, c claims.Model) (slog.LogValuer, error) {
					assert.Equal(t, claims.ID(oidctest.GitLabProjectID), c.(*claims.GitLab).ProjectID)
					asked += who
					return a.ruling, a.err
				}
			}
			v := must(t, oidc.Config{
				Issuers: []oidc.Issuer{oidc.GitLab(gitlab.URL())}, Audiences: []string{audience}, HTTPClient: oidctest.Client(gitlab),
				Authorize: ask("config ", c.config),
				Audit:     func(_ context.Context, e oidc.Event) { events = append(events, e) },
			})
			tok, err := v.VerifyFor(t.Context(), gitlab.GitLab(audience), ask("call", c.call))
			assert.Equal(t, c.asked, asked)
			require.Len(t, events, 1)
			assert.Equal(t, c.want, events[0].Decision)
			assert.Equal(t, err, events[0].Err)
			if c.err == nil {
				require.NoError(t, err)
				assert.Equal(t, c.want, tok.Decision())
				return
			}
			assert.Nil(t, tok)
			require.ErrorIs(t, err, c.err)
			var denied *oidc.DeniedError
			assert.Equal(t, c.err == refused, errors.As(err, &denied))

			// A token that is not valid is no question for either.
			asked, events = "", nil
			_, err = v.VerifyFor(t.Context(), gitlab.GitLab(audience, oidctest.Expired), ask("call", c.call))
			requireToken(t, err, oidc.ErrExpired)
			assert.Empty(t, asked)
			assert.Len(t, events, 1)
		})
	}
	_, err := (*oidc.Verifier)(nil).VerifyFor(t.Context(), "x", func(context.Context, claims.Model) (slog.LogValuer, error) { return nil, nil })
	assert.ErrorContains(t, err, "NewVerifier")
}
