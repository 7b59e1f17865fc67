package oidctest_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/fakeissuer"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

const aud = "https://deploy.example.com"

// verifier trusts these issuers through a client that reaches the fakes alone.
func verifier(t *testing.T, trusted []oidc.Issuer, fakes ...*oidctest.Issuer) *oidc.Verifier {
	t.Helper()
	v, err := oidc.NewVerifier(oidc.Config{Issuers: trusted, Audiences: []string{aud}, HTTPClient: oidctest.Client(fakes...)})
	require.NoError(t, err)
	return v
}

func TestTokensAreAcceptedByTheVerifier(t *testing.T) {
	for _, alg := range []oidc.Algorithm{"", oidc.RS256, oidc.ES256, oidc.EdDSA} {
		gitLab := oidctest.NewIssuer(t, &oidctest.Options{Algorithm: alg})
		circleCI := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(oidctest.CircleCIOrganizationID), Algorithm: alg, X5C: true})
		trusted := []oidc.Issuer{oidc.GitLab(gitLab.URL()), oidc.CircleCI(oidctest.CircleCIOrganizationID)}
		if alg != "" {
			for n := range trusted {
				trusted[n].Algorithms = []oidc.Algorithm{alg}
			}
		}
		v := verifier(t, trusted, gitLab, circleCI)

		tok, err := v.Verify(t.Context(), gitLab.GitLab(aud, oidctest.Tag("v1")))
		require.NoError(t, err)
		c := tok.Claims().(*claims.GitLab)
		assert.Equal(t, claims.ID(oidctest.GitLabProjectID), c.ProjectID)
		assert.Equal(t, "refs/tags/v1", c.RefPath)
		assert.Equal(t, gitLab.KeyID(), tok.KeyID())

		tok, err = v.Verify(t.Context(), circleCI.CircleCI("", oidctest.AudienceArray(aud)))
		require.NoError(t, err)
		assert.Equal(t, oidctest.CircleCIJobID, tok.Claims().(*claims.CircleCI).JobID)
		assert.Equal(t, []int{2, 2}, []int{gitLab.Requests(), circleCI.Requests()}, "discovery and keys, once")

		_, err = v.Verify(t.Context(), gitLab.GitLab(aud, oidctest.Expired))
		require.ErrorIs(t, err, oidc.ErrExpired)
		_, err = v.Verify(t.Context(), circleCI.CircleCI(aud, oidctest.NotYet))
		require.ErrorIs(t, err, oidc.ErrNotYet)
		_, err = v.Verify(t.Context(), circleCI.CircleCI(aud, oidctest.SSHRerun))
		require.ErrorIs(t, err, oidc.ErrSSHRerun)
		_, err = v.Verify(t.Context(), gitLab.GitLab(aud, oidctest.ForkMergeRequestInParent))
		require.ErrorIs(t, err, oidc.ErrFork)
	}
}

func TestRootIssuerWithTheKeysOfAnOrganization(t *testing.T) {
	org := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(oidctest.CircleCIOrganizationID)})
	root := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIRootURL, KeysOf: org})
	v := verifier(t, []oidc.Issuer{oidc.CircleCIRoot(oidctest.CircleCIOrganizationID)}, org, root)
	_, err := v.Verify(t.Context(), org.CircleCI(aud, oidctest.RootIssuer))
	require.NoError(t, err)
	_, err = v.Verify(t.Context(), root.CircleCI(aud))
	require.NoError(t, err)
	_, err = v.Verify(t.Context(), org.CircleCI(aud))
	require.ErrorIs(t, err, oidc.ErrIssuer)
	assert.Zero(t, org.Requests())
}

func TestServedOverTCP(t *testing.T) {
	srv := httptest.NewUnstartedServer(nil)
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "http://" + srv.Listener.Addr().String() + "/gitlab"})
	srv.Config.Handler = issuer
	srv.Start()
	defer srv.Close()
	v, err := oidc.NewVerifier(oidc.Config{Issuers: []oidc.Issuer{oidc.GitLab(issuer.URL())}, Audiences: []string{aud}})
	require.NoError(t, err)
	_, err = v.Verify(t.Context(), issuer.GitLab(aud))
	require.NoError(t, err)
	assert.Equal(t, 1, issuer.Fetches())

	for _, url := range []string{issuer.DiscoveryURL(), issuer.KeysURL()} {
		res, err := srv.Client().Get(url)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		assert.Equal(t, http.StatusOK, res.StatusCode, url)
	}
}

func TestEverythingReachesTheFake(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	i := oidctest.NewIssuer(t, &oidctest.Options{
		URL: oidctest.CircleCIRootURL, Platform: oidctest.GitLabPlatform, // against what the URL says
		Algorithm: oidc.RS256, LoginKeyBits: 3072, X5C: true, Now: func() time.Time { return now },
	})
	assert.Equal(t, oidctest.CircleCIRootURL, i.URL())
	assert.Equal(t, oidctest.DefaultURL, oidctest.NewIssuer(t, nil).URL())
	part := func(raw string, n int) string {
		data, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[n])
		require.NoError(t, err)
		return string(data)
	}
	assert.Contains(t, part(i.GitLab(aud), 1), `"iat":1772366400,`)
	assert.Equal(t, `{"a":1}`, part(i.Sign(oidctest.Claims{"a": 1}), 1))
	header := part(i.SignWith(func(h oidctest.Header) { h["typ"] = "at+jwt" }, nil), 0)
	assert.Equal(t, `{"kid":"`+i.KeyID()+`","typ":"at+jwt","alg":"RS256"}`, header)
	raw := i.SignRaw("h", "p")
	assert.Equal(t, []string{"h", "p"}, []string{part(raw, 0), part(raw, 1)})

	var set struct{ Keys []struct{ Kid, N, X string } }
	require.NoError(t, json.Unmarshal(i.JWKS(), &set))
	require.Len(t, set.Keys, 2)
	assert.Len(t, set.Keys[0].N, base64.RawURLEncoding.EncodedLen(3072/8))
	assert.Contains(t, part(i.Login("app"), 0), set.Keys[0].Kid)
	keys, err := oidc.ParseKeySet(i.JWKS())
	require.NoError(t, err)
	assert.Equal(t, i.PublicKey(), keys[1].Public)
	require.Len(t, i.Thumbprints(), 2)
	assert.Regexp(t, "^[0-9a-f]{40}$", i.Thumbprints()[1])

	assert.Contains(t, string(i.JWKS()), `"x5c":["`)

	client := oidctest.Client(i)
	status := func() int {
		res, err := client.Get(i.KeysURL())
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res.StatusCode
	}
	i.Fail(503)
	assert.Equal(t, 503, status())
	i.Misbehave(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(418); return true })
	assert.Equal(t, 418, status())
	i.Fail(0)
	i.Misbehave(nil)
	assert.Equal(t, 200, status())
	assert.Equal(t, []int{3, 3}, []int{i.Requests(), i.Fetches()})
	_, err = client.Get("https://elsewhere.test")
	var unknown *oidctest.HostError
	require.ErrorAs(t, err, &unknown)
	assert.Equal(t, "https://elsewhere.test", unknown.Host)

	old := i.KeyID()
	i.Rotate(false)
	assert.NotEqual(t, old, i.KeyID())
	i.Publish(`{"kty":"new"}`)
	assert.Contains(t, string(i.JWKS()), `{"kty":"new"}`)
	assert.NotContains(t, string(i.JWKS()), old)
}

// recorder is a test that notes how it failed.
type recorder struct {
	testing.TB
	fatal    string
	cleanups []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Fatalf(format string, args ...any) {
	r.fatal = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// run calls f as a test of its own and returns how it failed.
func (r *recorder) run(f func()) string {
	r.fatal = ""
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	<-done
	return r.fatal
}

func TestMistakesFailTheTest(t *testing.T) {
	r := &recorder{TB: t}
	assert.Equal(t, `oidctest: Options.URL: "issuer" must be absolute, with the scheme https or http`,
		r.run(func() { oidctest.NewIssuer(r, &oidctest.Options{URL: "issuer"}) }))
	assert.Empty(t, r.cleanups)

	var i *oidctest.Issuer
	require.Empty(t, r.run(func() { i = oidctest.NewIssuer(r, nil) }))
	assert.Equal(t, `oidctest: claims: "f": json: unsupported type: func()`, r.run(func() { i.Sign(oidctest.Claims{"f": func() {}}) }))
	assert.Equal(t, "oidctest: Fail(1): not a final HTTP status", r.run(func() { i.Fail(1) }))

	assert.Equal(t, "oidctest: GitLab: SSHRerun is a mode of CircleCI's tokens, and this token is GitLab's",
		r.run(func() { i.GitLab(aud, oidctest.SSHRerun) }))
	assert.Equal(t, "oidctest: CircleCI: the issuer https://issuer.test is GitLab's: set Options.Platform to CircleCIPlatform, or edit iss to have it sign for another issuer",
		r.run(func() { i.CircleCI(aud) }))
	assert.Equal(t, "oidctest: GitLab: the audience is empty, and GitLab has no default one: name one, or edit aud",
		r.run(func() { i.GitLab("") }))
	assert.Equal(t, "oidctest: GitLab: Project needs the ID of the project", r.run(func() { i.GitLab(aud, oidctest.Project("", "a/b")) }))
	assert.Equal(t, "oidctest: Client: issuer 2 is nil", r.run(func() { oidctest.Client(i, nil) }))
	assert.Equal(t, "oidctest: Client: issuers 1 and 2 are both at https://issuer.test, where only one can answer",
		r.run(func() { oidctest.Client(i, oidctest.NewIssuer(t, nil)) }))
	_, err := oidctest.Client(nil).Get(i.KeysURL())
	assert.ErrorContains(t, err, "Client: issuer 1 is nil")
	_, err = oidctest.Client(i).Get("https://elsewhere.test/keys")
	assert.EqualError(t, err, `Get "https://elsewhere.test/keys": no fake issuer at https://elsewhere.test; this client reaches: https://issuer.test`)

	require.Len(t, r.cleanups, 1)
	assert.Empty(t, r.run(func() { i.GitLab(aud, nil) }))
	assert.Empty(t, r.run(func() { i.GitLab(aud); i.JWKS() }))
	r.cleanups[0]()
	assert.Equal(t, "oidctest: issuer is closed", r.run(func() { i.GitLab(aud) }))
	assert.Equal(t, "oidctest: issuer is closed", r.run(func() { i.JWKS() }))
}

// modes are all functions that change the claims of a token.
var modes = map[string][2]func(oidctest.Claims){
	"AudienceArray":            {oidctest.AudienceArray("b"), fakeissuer.AudienceArray("b")},
	"AuditLogStream":           {oidctest.AuditLogStream, fakeissuer.AuditLogStream},
	"BeforeGitLab184":          {oidctest.BeforeGitLab184, fakeissuer.BeforeGitLab184},
	"BeforeGitLab189":          {oidctest.BeforeGitLab189, fakeissuer.BeforeGitLab189},
	"BeforeNovember2025":       {oidctest.BeforeNovember2025, fakeissuer.BeforeNovember2025},
	"Branch":                   {oidctest.Branch("b"), fakeissuer.Branch("b")},
	"CommunityEdition":         {oidctest.CommunityEdition, fakeissuer.CommunityEdition},
	"Contexts":                 {oidctest.Contexts("a", "b"), fakeissuer.Contexts("a", "b")},
	"CustomWebhook":            {oidctest.CustomWebhook, fakeissuer.CustomWebhook},
	"Environment":              {oidctest.Environment("e", "other"), fakeissuer.Environment("e", "other")},
	"Expired":                  {oidctest.Expired, fakeissuer.Expired},
	"FiveHours":                {oidctest.FiveHours, fakeissuer.FiveHours},
	"ForkMergeRequest":         {oidctest.ForkMergeRequest, fakeissuer.ForkMergeRequest},
	"ForkMergeRequestInParent": {oidctest.ForkMergeRequestInParent, fakeissuer.ForkMergeRequestInParent},
	"ForkPullRequest":          {oidctest.ForkPullRequest, fakeissuer.ForkPullRequest},
	"GroupsDirect":             {oidctest.GroupsDirect("g"), fakeissuer.GroupsDirect("g")},
	"HostedRunner":             {oidctest.HostedRunner, fakeissuer.HostedRunner},
	"LegacyV1":                 {oidctest.LegacyV1, fakeissuer.LegacyV1},
	"LegacyV2":                 {oidctest.LegacyV2, fakeissuer.LegacyV2},
	"Lifetime":                 {oidctest.Lifetime(time.Minute), fakeissuer.Lifetime(time.Minute)},
	"MergeRequest":             {oidctest.MergeRequest, fakeissuer.MergeRequest},
	"NoConfigRef":              {oidctest.NoConfigRef, fakeissuer.NoConfigRef},
	"NoEnvironment":            {oidctest.NoEnvironment, fakeissuer.NoEnvironment},
	"NoUser":                   {oidctest.NoUser, fakeissuer.NoUser},
	"NotYet":                   {oidctest.NotYet, fakeissuer.NotYet},
	"NullUserAccessLevel":      {oidctest.NullUserAccessLevel, fakeissuer.NullUserAccessLevel},
	"Project":                  {oidctest.Project("1", "a/b"), fakeissuer.Project("1", "a/b")},
	"Organization":             {oidctest.Organization("o"), fakeissuer.Organization("o")},
	"PipelineSource":           {oidctest.PipelineSource("web"), fakeissuer.PipelineSource("web")},
	"PolicyJob":                {oidctest.PolicyJob, fakeissuer.PolicyJob},
	"ProtectedBranch":          {oidctest.ProtectedBranch("b"), fakeissuer.ProtectedBranch("b")},
	"ProtectedEnvironment":     {oidctest.ProtectedEnvironment("e", "other"), fakeissuer.ProtectedEnvironment("e", "other")},
	"RootIssuer":               {oidctest.RootIssuer, fakeissuer.RootIssuer},
	"SSHRerun":                 {oidctest.SSHRerun, fakeissuer.SSHRerun},
	"SelfHostedRunner":         {oidctest.SelfHostedRunner, fakeissuer.SelfHostedRunner},
	"Subject":                  {oidctest.Subject("project_id"), fakeissuer.Subject("project_id")},
	"SubjectV2":                {oidctest.SubjectV2, fakeissuer.SubjectV2},
	"Tag":                      {oidctest.Tag("t"), fakeissuer.Tag("t")},
	"UserIdentity":             {oidctest.UserIdentity("p", "u"), fakeissuer.UserIdentity("p", "u")},
}

func TestModesAreThoseOfTheFake(t *testing.T) {
	// What tokens of both platforms say together, so that every mode has
	// something to change.
	gitLabFake, circleCIFake := oidctest.NewIssuer(t, nil), oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(oidctest.CircleCIOrganizationID)})
	var gitLab, circleCI oidctest.Claims
	gitLabFake.GitLab(aud, oidctest.ProtectedEnvironment("x", "other"), func(c oidctest.Claims) {
		c["runner_environment"] = "?"
		gitLab = maps.Clone(c)
	})
	circleCIFake.CircleCI("", func(c oidctest.Claims) { circleCI = maps.Clone(c) })
	// try returns how mode refuses c, if it does.
	try := func(mode func(oidctest.Claims), c oidctest.Claims) (refused any) {
		defer func() { refused = recover() }()
		mode(c)
		return nil
	}
	for name, mode := range modes {
		changed := false
		for _, base := range []oidctest.Claims{gitLab, circleCI} {
			ours, theirs := maps.Clone(base), maps.Clone(base)
			assert.Equal(t, try(mode[1], theirs), try(mode[0], ours), name)
			assert.Equal(t, theirs, ours, name)
			changed = changed || !assert.ObjectsAreEqual(base, ours)
		}
		assert.True(t, changed, "%s changes nothing", name)
	}
}

// TestNoModeIsForgotten finds the fake's modes by their types.
func TestNoModeIsForgotten(t *testing.T) {
	files, err := filepath.Glob("../../internal/fakeissuer/*.go")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	isClaims := func(list *ast.FieldList) bool {
		if list == nil || len(list.List) != 1 || len(list.List[0].Names) > 1 {
			return false
		}
		id, ok := list.List[0].Type.(*ast.Ident)
		return ok && id.Name == "Claims"
	}
	found := map[string]bool{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !fn.Name.IsExported() {
				continue
			}
			mode := fn.Type.Results == nil && isClaims(fn.Type.Params)
			if fn.Type.Results != nil && len(fn.Type.Results.List) == 1 {
				result, ok := fn.Type.Results.List[0].Type.(*ast.FuncType)
				mode = ok && isClaims(result.Params)
			}
			if mode {
				found[fn.Name.Name] = true
			}
		}
	}
	listed := map[string]bool{}
	for name := range modes {
		listed[name] = true
	}
	assert.Equal(t, listed, found)
}
