package fakeissuer

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// listen returns an issuer, and a function that returns the mistake f makes
// with it.
func listen(t *testing.T, opts Options) (*Issuer, func(f func() string) error) {
	t.Helper()
	var got error
	opts.Algorithm = EdDSA
	opts.Fatal = func(err error) { got = err }
	i := open(t, opts)
	return i, func(f func() string) error {
		t.Helper()
		got = nil
		raw := f()
		assert.Equal(t, got == nil, raw != "", "a mistake gives no token, and nothing else does")
		return got
	}
}

func TestModesOfTheOtherPlatformAreMistakes(t *testing.T) {
	gitLab, mistakeOfGitLab := listen(t, Options{})
	circleCI, mistakeOfCircleCI := listen(t, Options{URL: CircleCIRootURL})

	var e *ModeError
	for name, mode := range map[string]func(Claims){
		"SubjectV2": SubjectV2, "RootIssuer": RootIssuer, "Organization": Organization("o"), "CustomWebhook": CustomWebhook,
		"ForkPullRequest": ForkPullRequest, "SSHRerun": SSHRerun, "BeforeNovember2025": BeforeNovember2025,
		"Contexts": Contexts(), "AuditLogStream": AuditLogStream,
	} {
		require.ErrorAs(t, mistakeOfGitLab(func() string { return gitLab.GitLab(aud, mode) }), &e, name)
		assert.Equal(t, &ModeError{Mode: name, Detail: "is a mode of CircleCI's tokens, and this token is GitLab's"}, e)
		require.ErrorAs(t, mistakeOfGitLab(func() string { return gitLab.Login(aud, mode) }), &e, name)
		assert.Equal(t, name, e.Mode)
		assert.PanicsWithError(t, e.Error(), func() { mode(Claims{"project_id": "1"}) }, "by hand")
		require.NoError(t, mistakeOfCircleCI(func() string { return circleCI.CircleCI(aud, mode) }), name)
	}
	for name, mode := range map[string]func(Claims){
		"Subject": Subject("ref"), "BeforeGitLab184": BeforeGitLab184, "BeforeGitLab189": BeforeGitLab189, "NoConfigRef": NoConfigRef,
		"PipelineSource": PipelineSource("web"), "MergeRequest": MergeRequest, "ForkMergeRequest": ForkMergeRequest,
		"ForkMergeRequestInParent": ForkMergeRequestInParent, "NullUserAccessLevel": NullUserAccessLevel, "NoUser": NoUser,
		"Environment": Environment("e", "other"), "ProtectedEnvironment": ProtectedEnvironment("e", "other"), "NoEnvironment": NoEnvironment,
		"CommunityEdition": CommunityEdition, "PolicyJob": PolicyJob, "GroupsDirect": GroupsDirect(), "UserIdentity": UserIdentity("p", "u"),
		"SelfHostedRunner": SelfHostedRunner, "HostedRunner": HostedRunner, "LegacyV2": LegacyV2, "LegacyV1": LegacyV1,
	} {
		require.ErrorAs(t, mistakeOfCircleCI(func() string { return circleCI.CircleCI(aud, mode) }), &e, name)
		assert.Equal(t, &ModeError{Mode: name, Detail: "is a mode of GitLab's tokens, and this token is CircleCI's"}, e)
		assert.PanicsWithError(t, e.Error(), func() { mode(Claims{circleCIPrefix + "project-id": "1"}) }, "by hand")
		require.NoError(t, mistakeOfGitLab(func() string { return gitLab.GitLab(aud, mode) }), name)
	}
	for name, mode := range map[string]func(Claims){
		"AudienceArray": AudienceArray(), "Branch": Branch("b"), "ProtectedBranch": ProtectedBranch("b"), "Tag": Tag("t"), "Lifetime": Lifetime(1),
		"Expired": Expired, "NotYet": NotYet, "FiveHours": FiveHours,
	} {
		require.NoError(t, mistakeOfCircleCI(func() string { return circleCI.CircleCI(aud, mode) }), name)
		require.NoError(t, mistakeOfGitLab(func() string { return gitLab.GitLab(aud, mode) }), name)
	}

	assert.EqualError(t, mistakeOfGitLab(func() string { return gitLab.GitLab(aud, Tag("v1"), SSHRerun) }),
		"fakeissuer: GitLab: SSHRerun is a mode of CircleCI's tokens, and this token is GitLab's")
	assert.EqualError(t, mistakeOfGitLab(func() string { return gitLab.Login(aud, SSHRerun) }),
		"fakeissuer: Login: SSHRerun is a mode of CircleCI's tokens, and this token is GitLab's")
	assert.EqualError(t, mistakeOfCircleCI(func() string {
		return circleCI.CircleCI(aud, func(c Claims) { ForkMergeRequest(c) }) // within an edit of one's own
	}), "fakeissuer: CircleCI: ForkMergeRequest is a mode of GitLab's tokens, and this token is CircleCI's")
}

func TestClaimsOfBothPlatformsTakeTheModesOfBoth(t *testing.T) {
	gitLab, mistake := listen(t, Options{})
	require.NoError(t, mistake(func() string {
		return gitLab.GitLab(aud, func(c Claims) { c[circleCIPrefix+"ssh-rerun"] = false }, SSHRerun, NoUser)
	}))
	other := Claims{"iss": "https://issuer.test", "sub": "s", "aud": "a", "jti": "j"} // of neither
	SSHRerun(other)
	assert.Equal(t, true, other[circleCIPrefix+"ssh-rerun"])
}

func TestPanicsOfAnEditAreItsOwn(t *testing.T) {
	i, _ := listen(t, Options{})
	assert.PanicsWithValue(t, "mine", func() { i.GitLab(aud, func(Claims) { panic("mine") }) })
}

func TestTokensOfTheOtherPlatformAreMistakes(t *testing.T) {
	gitLab, mistakeOfGitLab := listen(t, Options{URL: "https://gitlab.com"})
	circleCI, mistakeOfCircleCI := listen(t, Options{URL: CircleCIRootURL})

	var e *PlatformError
	require.ErrorAs(t, mistakeOfGitLab(func() string { return gitLab.CircleCI(aud) }), &e)
	assert.Equal(t, &PlatformError{URL: "https://gitlab.com", Platform: GitLabPlatform, Token: CircleCIPlatform}, e)
	assert.EqualError(t, e, "fakeissuer: CircleCI: the issuer https://gitlab.com is GitLab's: "+
		"set Options.Platform to CircleCIPlatform, or edit iss to have it sign for another issuer")
	require.ErrorAs(t, mistakeOfCircleCI(func() string { return circleCI.GitLab(aud) }), &e)
	assert.Equal(t, &PlatformError{URL: CircleCIRootURL, Platform: CircleCIPlatform, Token: GitLabPlatform}, e)
	assert.EqualError(t, e, "fakeissuer: GitLab: the issuer https://oidc.circleci.com is CircleCI's: "+
		"set Options.Platform to GitLabPlatform, or edit iss to have it sign for another issuer")
	require.ErrorAs(t, mistakeOfCircleCI(func() string {
		return circleCI.GitLab(aud, func(c Claims) { delete(c, "iss") })
	}), &e, "a token of no issuer is of this one's")

	// On purpose.
	explicit, mistake := listen(t, Options{URL: "https://gitlab.com", Platform: CircleCIPlatform})
	require.NoError(t, mistake(func() string { return explicit.CircleCI(aud, SSHRerun) }))
	require.ErrorAs(t, mistake(func() string { return explicit.GitLab(aud) }), &e)
	require.NoError(t, mistakeOfCircleCI(func() string {
		return circleCI.GitLab(aud, func(c Claims) { c["iss"] = gitLab.URL() })
	}), "another issuer's token with this one's key")
}

func TestGitLabHasNoDefaultAudience(t *testing.T) {
	i, mistake := listen(t, Options{})
	edited := false
	err := mistake(func() string { return i.GitLab("", func(Claims) { edited = true }) })
	require.ErrorIs(t, err, ErrNoAudience)
	assert.EqualError(t, err, "fakeissuer: GitLab: the audience is empty, and GitLab has no default one: name one, or edit aud")
	assert.False(t, edited)
	assert.Equal(t, `""`, take(t, i.GitLab(aud, func(c Claims) { c["aud"] = "" })).claims["aud"])
}

func TestNilEditsChangeNothing(t *testing.T) {
	gitLab, circleCI := open(t, Options{}), open(t, Options{URL: CircleCIRootURL})
	assert.Equal(t, `"v1"`, take(t, gitLab.GitLab(aud, nil, Tag("v1"), nil)).claims["ref"])
	assert.Equal(t, `"client-1"`, take(t, gitLab.Login("client-1", nil)).claims["aud"])
	assert.Equal(t, circleCI.CircleCI(aud), circleCI.CircleCI(aud, nil))
}

func TestWithoutFatalMistakesPanic(t *testing.T) {
	i, err := New(Options{Algorithm: EdDSA})
	require.NoError(t, err)
	defer i.Close()
	assert.PanicsWithError(t, "fakeissuer: GitLab: SSHRerun is a mode of CircleCI's tokens, and this token is GitLab's", func() { i.GitLab(aud, SSHRerun) })
	assert.Panics(t, func() { i.CircleCI(aud) })
	assert.Panics(t, func() { i.GitLab("") })
}

func TestClientRefusesIssuersItCannotReach(t *testing.T) {
	gitLab, mistake := listen(t, Options{URL: "https://gitlab.com/sub"})
	client := func(issuers ...*Issuer) (made error, err error) {
		made = mistake(func() string {
			res, failed := Client(issuers...).Get(gitLab.KeysURL())
			if err = failed; err != nil {
				return ""
			}
			require.NoError(t, res.Body.Close())
			return "reached"
		})
		return made, err
	}
	var e *ClientError
	for name, test := range map[string]struct {
		issuers []*Issuer
		number  int
		text    string
	}{
		"nil":         {[]*Issuer{gitLab, nil}, 2, "Client: issuer 2 is nil"},
		"nil first":   {[]*Issuer{nil, gitLab}, 1, "Client: issuer 1 is nil"},
		"one URL":     {[]*Issuer{gitLab, open(t, Options{URL: "https://gitlab.com/sub"})}, 2, "Client: issuers 1 and 2 are both at https://gitlab.com/sub, where only one can answer"},
		"one address": {[]*Issuer{gitLab, open(t, Options{URL: "https://GitLab.com:443/sub/"})}, 2, "Client: issuers 1 and 2 are both at https://GitLab.com:443/sub/, where only one can answer"},
	} {
		made, err := client(test.issuers...)
		require.ErrorAs(t, made, &e, name)
		assert.Equal(t, test.number, e.Issuer)
		assert.EqualError(t, made, test.text)
		require.ErrorAs(t, err, &e, name)
	}

	// Nobody to tell but the one who sends a request.
	_, err := Client(nil).Get(gitLab.KeysURL())
	require.ErrorAs(t, err, &e)
	assert.EqualError(t, e, "Client: issuer 1 is nil")
	assert.Zero(t, gitLab.Requests())

	for name, fine := range map[string][]*Issuer{
		"the same issuer twice": {gitLab, gitLab},
		"another path":          {gitLab, open(t, Options{URL: "https://gitlab.com"})},
		"another scheme":        {gitLab, open(t, Options{URL: "http://gitlab.com/sub"})},
		"another port":          {gitLab, open(t, Options{URL: "https://gitlab.com:444/sub"})},
	} {
		made, err := client(fine...)
		require.NoError(t, made, name)
		require.NoError(t, err, name)
	}
	assert.Equal(t, 4, gitLab.Requests())
}
