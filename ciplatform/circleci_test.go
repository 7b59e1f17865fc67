package ciplatform_test

import (
	"context"
	"encoding/json"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/ciplatform"
)

const (
	root    = "https://oidc.circleci.com"
	service = "https://deploy.example.com"
)

// expires is a change of a token's exp, relative to the tests' time.
func expires(in time.Duration) map[string]any { return map[string]any{"exp": start.Add(in).Unix()} }

// job returns the environment of a CircleCI job with this token.
func job(token string) map[string]string {
	return map[string]string{"CIRCLECI": "true", "CIRCLE_OIDC_TOKEN": token}
}

// minter is a Run that makes the tokens that it is asked for.
type minter struct {
	calls   [][]string
	changes map[string]any // of the token's claims
	output  *string        // instead of a token
	err     error
}

func (m *minter) run(_ context.Context, args ...string) ([]byte, error) {
	m.calls = append(m.calls, args)
	if m.err != nil {
		return nil, m.err
	}
	if m.output != nil {
		return []byte(*m.output), nil
	}
	var claims struct{ Aud string }
	if err := json.Unmarshal([]byte(args[4]), &claims); err != nil {
		return nil, err
	}
	changes := with(map[string]any{"minted": true}, m.changes)
	if len(args) == 6 && args[5] == "--root-issuer" && changes["iss"] == nil {
		changes["iss"] = root
	}
	return []byte(circleJWT(claims.Aud, changes) + "\n"), nil
}

func TestCircleCIReturnsAToken(t *testing.T) {
	own := circleJWT(orgID, nil)
	v2 := circleJWT(orgID, map[string]any{"sub": "longer"})
	minted := func(aud string, changes map[string]any) string {
		return circleJWT(aud, with(map[string]any{"minted": true}, changes))
	}
	get := func(aud string, more ...string) []string {
		return append([]string{"run", "oidc", "get", "--claims", `{"aud": ` + aud + `}`}, more...)
	}
	for _, test := range []struct {
		name     string
		platform ciplatform.CircleCI
		env      map[string]string
		minter   minter
		audience string
		want     string
		command  []string // nil: the command is not run
	}{
		{name: "default audience", env: job(own), want: own},
		{name: "default token asked for by name", env: job(own), audience: orgID, want: own},
		{name: "surrounding white space", env: job(" " + own + "\n"), want: own},
		{name: "one of several audiences", env: job(circleJWT([]string{"a", service}, nil)), audience: service, want: circleJWT([]string{"a", service}, nil)},
		{name: "several audiences, default asked for", env: job(circleJWT([]string{"a", "b"}, nil)), want: circleJWT([]string{"a", "b"}, nil)},
		{
			name: "V2 subject", platform: ciplatform.CircleCI{SubjectV2: true},
			env: map[string]string{"CIRCLECI": "true", "CIRCLE_OIDC_TOKEN": own, "CIRCLE_OIDC_TOKEN_V2": v2}, want: v2,
		},
		{name: "a container with the token alone", env: map[string]string{"CIRCLE_OIDC_TOKEN": own}, want: own},
		{name: "5 minutes left", env: job(circleJWT(orgID, expires(5*time.Minute))), want: circleJWT(orgID, expires(5*time.Minute))},

		{name: "another audience", env: job(own), audience: service, want: minted(service, nil), command: get(`"` + service + `"`)},
		{name: "an audience that is part of the token's", env: job(own), audience: orgID[:8], want: minted(orgID[:8], nil), command: get(`"` + orgID[:8] + `"`)},
		{name: "no token in the environment", env: map[string]string{"CIRCLECI": "true"}, audience: service, want: minted(service, nil), command: get(`"` + service + `"`)},
		{name: "empty variable", env: job(""), audience: service, want: minted(service, nil), command: get(`"` + service + `"`)},
		{name: "no token in the variable", env: job("a.b.c"), audience: service, want: minted(service, nil), command: get(`"` + service + `"`)},
		{
			name: "an audience that a shell or JSON would read", env: job(own), audience: `"},'; $(id) \` + "\n\u202e😀",
			want: minted(`"},'; $(id) \`+"\n\u202e😀", nil), command: get(`"\"},'; $(id) \\\n\u202E😀"`),
		},
		{name: "under 5 minutes left", env: job(circleJWT(orgID, expires(5*time.Minute-time.Second))), want: minted(orgID, nil), command: get(`"` + orgID + `"`)},
		{name: "expired", env: job(circleJWT(orgID, expires(-time.Hour))), audience: orgID, want: minted(orgID, nil), command: get(`"` + orgID + `"`)},
		{name: "a list of one audience, expired", env: job(circleJWT([]string{service}, expires(-time.Hour))), want: minted(service, nil), command: get(`"` + service + `"`)},
		{name: "no expiry time", env: job(circleJWT(orgID, map[string]any{"exp": nil})), want: minted(orgID, nil), command: get(`"` + orgID + `"`)},
		{
			name: "one of several audiences, soon expired", env: job(circleJWT([]string{"a", service}, expires(time.Minute))), audience: service,
			want: minted(service, nil), command: get(`"` + service + `"`),
		},
		{
			name: "root issuer", platform: ciplatform.CircleCI{RootIssuer: true}, env: job(circleJWT(service, nil)), audience: service,
			want: minted(service, map[string]any{"iss": root}), command: get(`"`+service+`"`, "--root-issuer"),
		},
		{
			name: "root issuer, default audience", platform: ciplatform.CircleCI{RootIssuer: true}, env: job(own),
			want: minted(orgID, map[string]any{"iss": root}), command: get(`"`+orgID+`"`, "--root-issuer"),
		},
		{
			name: "root issuer in the environment", platform: ciplatform.CircleCI{RootIssuer: true},
			env: job(circleJWT(service, map[string]any{"iss": root})), audience: service, want: circleJWT(service, map[string]any{"iss": root}),
		},
		{
			name: "a new token that lives for under 5 minutes", env: job(own), minter: minter{changes: expires(time.Minute)},
			audience: service, want: minted(service, expires(time.Minute)), command: get(`"` + service + `"`),
		},

		{
			name: "a minute left and no way to a new token", env: job(circleJWT(orgID, expires(time.Minute))), minter: minter{err: exec.ErrNotFound},
			want: circleJWT(orgID, expires(time.Minute)), command: get(`"` + orgID + `"`),
		},
		{name: "a minute left, outside of the job", env: map[string]string{"CIRCLE_OIDC_TOKEN": circleJWT(orgID, expires(time.Minute))}, want: circleJWT(orgID, expires(time.Minute))},
		{
			name: "a minute left and no single audience", env: job(circleJWT([]string{"a", "b"}, expires(time.Minute))),
			want: circleJWT([]string{"a", "b"}, expires(time.Minute)),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := test.platform
			p.LookupEnv, p.Now, p.Run = in(test.env), clock, test.minter.run
			token, err := p.IDToken(t.Context(), test.audience)
			require.NoError(t, err)
			assert.Equal(t, test.want, token)
			if test.command == nil {
				assert.Empty(t, test.minter.calls)
			} else {
				assert.Equal(t, [][]string{test.command}, test.minter.calls)
			}
		})
	}
}

func TestCircleCIDoesNotCache(t *testing.T) {
	m := &minter{}
	p := &ciplatform.CircleCI{LookupEnv: in(job(circleJWT(orgID, nil))), Now: clock, Run: m.run}
	for range 2 {
		_, err := p.IDToken(t.Context(), service)
		require.NoError(t, err)
	}
	assert.Len(t, m.calls, 2)
}
