package oidc_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// attributes is a decision that has these attributes.
type attributes []slog.Attr

func (a attributes) LogValue() slog.Value { return slog.GroupValue(a...) }

// panicking is a decision that has no value.
type panicking struct{}

func (panicking) LogValue() slog.Value { panic("no value") }

var errNotThisBranch = errors.New("not this branch")

// auditBench is a verifier that writes its audit to a buffer, decides like a
// policy and has a store.
func auditBench(t *testing.T, store oidc.ReplayStore, log oidc.AuditLog, edit ...func(*oidc.Config)) (*oidctest.Issuer, *oidc.Verifier, *bytes.Buffer) {
	t.Helper()
	now := func() time.Time { return time.Date(2026, 9, 21, 12, 0, 0, 0, time.UTC) }
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com", Now: now})
	out := new(bytes.Buffer)
	log.Logger = slog.New(slog.NewJSONHandler(out, nil))
	cfg := oidc.Config{
		Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer),
		Now: now, Replay: store, Audit: log.Record,
		Authorize: func(_ context.Context, c claims.Model) (slog.LogValuer, error) {
			base := attributes{slog.String("policy", "deploy"), slog.String("policy_digest", "sha256:0123")}
			if c.(*claims.GitLab).Ref == "main" {
				return append(base, slog.String("rule", "main"), slog.String("decision", "allow"), slog.String("mode", "enforce")), nil
			}
			return append(base, slog.String("rule", "main"), slog.String("decision", "deny"), slog.String("claim", "ref"), slog.String("mode", "enforce")),
				errNotThisBranch
		},
	}
	for _, f := range edit {
		f(&cfg)
	}
	return issuer, must(t, cfg), out
}

const (
	auditWho = `"issuer":"https://gitlab.com","subject":"project_path:` + oidctest.GitLabProjectPath + `:ref_type:branch:ref:$REF","platform":"gitlab",` +
		`"project":"` + oidctest.GitLabProjectID + `","repository":"gitlab.com/` + oidctest.GitLabProjectPath + `","ref":"refs/heads/$REF",$ENV` +
		`"pipeline":"$PIPELINE","job":"$JOB","actor":"$ACTOR","token_hash":"$HASH",`
	auditDecision = `"policy":"deploy","policy_digest":"sha256:0123","rule":"main","decision":"$DECISION",`
)

// auditLine is the record of a token of the bench.
func auditLine(c *claims.GitLab, hash, head, tail string) string {
	env, decision := "", "allow"
	if c.Environment != "" {
		env = `"environment":"` + c.Environment + `",`
	}
	if strings.Contains(tail, `"claim"`) {
		decision = "deny"
	}
	return strings.NewReplacer("$REF", c.Ref, "$ENV", env, "$PIPELINE", string(c.PipelineID), "$JOB", string(c.JobID), "$ACTOR", string(c.UserID),
		"$HASH", hash, "$DECISION", decision).Replace(
		`{"time":"2026-09-21T12:00:00Z","level":"INFO","msg":"oidc: decision",` + head + auditWho + auditDecision + tail + "}\n")
}

// hashAndClaims are what a record has of raw.
func hashAndClaims(t *testing.T, issuer *oidctest.Issuer, raw string) (string, *claims.GitLab) {
	t.Helper()
	var e oidc.Event
	v := must(t, oidc.Config{
		Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer),
		Now:   func() time.Time { return time.Date(2026, 9, 21, 12, 0, 0, 0, time.UTC) },
		Audit: func(_ context.Context, got oidc.Event) { e = got },
	})
	_, err := v.Verify(t.Context(), raw)
	require.NoError(t, err)
	return e.TokenHash, e.Claims.(*claims.GitLab)
}

// The whole record, to the byte, of everything that a token can come to.
func TestAuditLog(t *testing.T) {
	store := new(askedStore)
	issuer, v, out := auditBench(t, store, oidc.AuditLog{})
	_, open, openOut := auditBench(t, store, oidc.AuditLog{}, func(c *oidc.Config) { c.ReplayFailOpen, c.HTTPClient = true, oidctest.Client(issuer) })
	good := issuer.GitLab(audience, oidctest.ProtectedEnvironment("production", "production"))
	branch := issuer.GitLab(audience, oidctest.Branch("x"))
	goodHash, goodClaims := hashAndClaims(t, issuer, good)
	branchHash, branchClaims := hashAndClaims(t, issuer, branch)

	record := func(v *oidc.Verifier, out *bytes.Buffer, raw string, want error) string {
		out.Reset()
		_, err := v.Verify(t.Context(), raw)
		require.ErrorIs(t, err, want)
		for _, part := range strings.Split(raw, ".") {
			if len(part) > 3 {
				assert.NotContains(t, out.String(), part, "a part of the token")
			}
		}
		for _, c := range []string{goodClaims.UserLogin, goodClaims.UserEmail} {
			require.NotEmpty(t, c)
			assert.NotContains(t, out.String(), c, "a person")
		}
		return out.String()
	}
	assert.Equal(t, auditLine(goodClaims, goodHash, `"outcome":"accepted",`, `"mode":"enforce","cached":false`), record(v, out, good, nil))
	assert.Equal(t, auditLine(goodClaims, goodHash, `"outcome":"denied","reason":"replayed",`,
		`"mode":"enforce","error":"oidc: denied: token used before: with Config.Replay, each request needs a token of its own","cached":false`),
		record(v, out, good, oidc.ErrReplayed))
	assert.Equal(t, auditLine(branchClaims, branchHash, `"outcome":"denied","reason":"denied",`,
		`"claim":"ref","mode":"enforce","error":"oidc: denied: not this branch","cached":false`), record(v, out, branch, errNotThisBranch))
	assert.Equal(t, `{"time":"2026-09-21T12:00:00Z","level":"INFO","msg":"oidc: decision","outcome":"invalid","reason":"malformed",`+
		`"token_hash":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",`+
		`"error":"oidc: malformed token: not a signed token: it does not have three parts separated by dots","cached":false}`+"\n", record(v, out, "x", oidc.ErrMalformed))

	away := errors.New("store\naway")
	store.fail = away
	assert.Equal(t, auditLine(goodClaims, goodHash, `"outcome":"unavailable","reason":"unavailable",`,
		`"mode":"enforce","error":"oidc: replay unavailable for issuer \"https://gitlab.com\": store`+"\ufffd"+`away","cached":false`),
		record(v, out, good, away))
	assert.Equal(t, auditLine(goodClaims, goodHash, `"outcome":"accepted",`, `"mode":"enforce","replay_error":"store`+"\ufffd"+`away","cached":false`),
		record(open, openOut, good, nil))
}

// Persons are named by those who ask for it, and then of whom the token is.
func TestAuditLogPersons(t *testing.T) {
	issuer, v, out := auditBench(t, nil, oidc.AuditLog{Persons: true, Level: slog.LevelWarn})
	_, err := v.Verify(t.Context(), issuer.GitLab(audience))
	require.NoError(t, err)
	assert.Contains(t, out.String(), `"level":"WARN"`)
	assert.Contains(t, out.String(), `"user_login":"`+oidctest.GitLabUserLogin+`","user_email":"`)
	assert.NotContains(t, out.String(), "extern_uid")

	out.Reset()
	_, err = v.Verify(t.Context(), issuer.GitLab(audience, oidctest.Expired))
	requireToken(t, err, oidc.ErrExpired)
	assert.NotContains(t, out.String(), "user_", "what is not valid says nothing of anybody")
}

// A decision of any kind takes no attribute's place.
func TestAuditLogOfDecisions(t *testing.T) {
	for name, c := range map[string]struct {
		decision slog.LogValuer
		want     string
	}{
		"none":     {nil, `,"cached":false}`},
		"no group": {verdict{"main only"}, `,"decision":"main only","cached":false}`},
		"names that are the record's": {
			attributes{slog.String("issuer", "https://evil.example"), slog.String("outcome", "accepted"), slog.String("rule", "r")},
			`,"rule":"r","details":{"issuer":"https://evil.example","outcome":"accepted"},"cached":false}`},
		"a name twice": {attributes{slog.String("rule", "a"), slog.String("rule", "b")}, `,"rule":"a","details":{"rule":"b"},"cached":false}`},
		"empty":        {attributes{}, `,"cached":false}`},
		"panics":       {panicking{}, `LogValue panicked`},
	} {
		t.Run(name, func(t *testing.T) {
			issuer, v, out := auditBench(t, nil, oidc.AuditLog{}, func(cfg *oidc.Config) {
				cfg.Authorize = func(context.Context, claims.Model) (slog.LogValuer, error) { return c.decision, nil }
			})
			_, err := v.Verify(t.Context(), issuer.GitLab(audience))
			require.NoError(t, err)
			assert.Contains(t, out.String(), c.want)
			assert.Equal(t, 1, strings.Count(out.String(), `"issuer":"https://gitlab.com"`))
		})
	}
}

// An environment is GitLab's claim, or that of the same name of another model.
func TestAuditLogOfOtherModels(t *testing.T) {
	var out bytes.Buffer
	log := oidc.AuditLog{Logger: slog.New(slog.NewJSONHandler(&out, nil))}
	d := newDesk(t, oidc.RS256)
	trusted := oidc.IssuerOf[claims.Registered](d.issuer.URL())
	circle := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(otherOrg), Now: func() time.Time { return d.now }})
	v := must(t, oidc.Config{
		Issuers: []oidc.Issuer{trusted, oidc.CircleCI(otherOrg)}, Audiences: []string{audience}, HTTPClient: oidctest.Client(d.issuer, circle),
		Now: func() time.Time { return d.now }, Audit: log.Record,
	})
	for value, want := range map[any]string{"staging": `"subject":"s","environment":"staging","token_hash"`, 5: `"subject":"s","token_hash"`, nil: `"subject":"s","token_hash"`} {
		out.Reset()
		_, err := v.Verify(t.Context(), d.with("environment", value))
		require.NoError(t, err)
		assert.Contains(t, out.String(), want)
	}
	out.Reset()
	_, err := v.Verify(t.Context(), circle.CircleCI(audience))
	require.NoError(t, err)
	assert.Contains(t, out.String(), `"platform":"circleci","project":"`+oidctest.CircleCIProjectID+`"`)
	assert.NotContains(t, out.String(), "environment")
}

// Nothing is put together for a logger that does not want it.
func TestAuditLogThatIsOff(t *testing.T) {
	log := oidc.AuditLog{Logger: slog.New(slog.DiscardHandler)}
	e := oidc.Event{Decision: panicking{}}
	assert.Zero(t, testing.AllocsPerRun(100, func() { log.Record(t.Context(), e) }))
	assert.NotPanics(t, func() { oidc.AuditLog{Level: slog.LevelDebug}.Record(t.Context(), oidc.Event{}) }, "the default logger")
}
