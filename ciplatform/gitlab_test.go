package ciplatform_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/ciplatform"
)

const (
	sts   = "sts.amazonaws.com"
	vault = "https://vault.example.com"
)

// gitLabJob returns the environment of GitLab job 4242 with these variables.
func gitLabJob(variables map[string]string) map[string]string {
	env := map[string]string{
		"CI": "true", "GITLAB_CI": "true", "CI_JOB_ID": "4242", "CI_JOB_TOKEN": "glcbt-64_1234567890",
		"CI_SERVER_VERSION": "18.4.0", "CI_SERVER_VERSION_MAJOR": "18", "CI_SERVER_VERSION_MINOR": "4",
		"NOT_A_TOKEN": "1.2.3", "ALSO_NOT": "ey.a.b", "NEITHER": strings.Repeat("ey", 60), "GREETING": "eyes",
	}
	for name, value := range variables {
		env[name] = value
	}
	return env
}

func TestGitLabReturnsAToken(t *testing.T) {
	aws, vaultToken := gitLabJWT(sts, nil), gitLabJWT(vault, nil)
	list := gitLabJWT([]string{vault, sts}, nil)
	longer := gitLabJWT(sts, expires(2*time.Hour))
	otherJob := gitLabJWT(sts, map[string]any{"job_id": "4241", "exp": start.Add(9 * time.Hour).Unix()})
	expired := gitLabJWT(sts, expires(-time.Second))
	numeric := gitLabJWT(sts, map[string]any{"project_id": 77, "pipeline_id": 990, "job_id": 4242})

	for _, test := range []struct {
		name     string
		variable string
		env      map[string]string
		audience string
		want     string
	}{
		{name: "by audience", env: gitLabJob(map[string]string{"A_ID_TOKEN": vaultToken, "B_ID_TOKEN": aws}), audience: sts, want: aws},
		{name: "any variable's name", env: gitLabJob(map[string]string{"x": aws}), audience: sts, want: aws},
		{name: "in a list of audiences", env: gitLabJob(map[string]string{"A": vaultToken, "B": list}), audience: sts, want: list},
		{name: "IDs as numbers", env: gitLabJob(map[string]string{"A": numeric}), audience: sts, want: numeric},
		{name: "surrounding white space", env: gitLabJob(map[string]string{"A": aws + "\n"}), audience: sts, want: aws},
		{name: "a container with the token alone", env: map[string]string{"A": aws}, audience: sts, want: aws},
		{name: "the only one", env: gitLabJob(map[string]string{"A": list}), want: list},
		{name: "the only one, twice", env: gitLabJob(map[string]string{"A": aws, "B": aws}), want: aws},
		{name: "the only one of this job", env: gitLabJob(map[string]string{"A": otherJob, "B": vaultToken}), want: vaultToken},
		{name: "another job's, if there is no other", env: gitLabJob(map[string]string{"A": otherJob}), want: otherJob},
		{name: "a second before it expires", env: gitLabJob(map[string]string{"A": gitLabJWT(sts, expires(time.Second))}), audience: sts, want: gitLabJWT(sts, expires(time.Second))},

		{name: "two: this job's first", env: gitLabJob(map[string]string{"A": otherJob, "B": aws}), audience: sts, want: aws},
		{name: "two: this job's first, even with more audiences", env: gitLabJob(map[string]string{"A": otherJob, "B": list}), audience: sts, want: list},
		{name: "two: then the fewest audiences", env: gitLabJob(map[string]string{"A": gitLabJWT([]string{vault, sts}, expires(3*time.Hour)), "B": aws}), audience: sts, want: aws},
		{name: "two: then the longest-lived", env: gitLabJob(map[string]string{"A": aws, "B": longer}), audience: sts, want: longer},
		{name: "two: then by name", env: gitLabJob(map[string]string{"B": aws, "A": gitLabJWT(sts, map[string]any{"jti": "other"})}), audience: sts, want: gitLabJWT(sts, map[string]any{"jti": "other"})},
		{name: "two: never the expired one", env: gitLabJob(map[string]string{"A": expired, "B": otherJob}), audience: sts, want: otherJob},

		{name: "pinned", variable: "B", env: gitLabJob(map[string]string{"A": longer, "B": aws}), audience: sts, want: aws},
		{name: "pinned, default audience", variable: "B", env: gitLabJob(map[string]string{"A": longer, "B": list}), want: list},
		{name: "a legacy token does not get in the way", env: gitLabJob(map[string]string{"CI_JOB_JWT_V2": gitLabJWT("https://gitlab.example.com", nil), "A": aws}), want: aws},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &ciplatform.GitLab{Variable: test.variable, Environ: environ(test.env), Now: clock}
			token, err := p.IDToken(t.Context(), test.audience)
			require.NoError(t, err)
			assert.Equal(t, test.want, token)
		})
	}
}

func TestGitLabReadsTheFirstOfTwoValues(t *testing.T) {
	first, second := gitLabJWT(sts, nil), gitLabJWT(sts, expires(2*time.Hour))
	p := &ciplatform.GitLab{
		Environ: func() []string { return []string{"=C:=C:\\", "nothing", "A=" + first, "A=" + second} },
		Now:     clock,
	}
	token, err := p.IDToken(t.Context(), sts)
	require.NoError(t, err)
	assert.Equal(t, first, token)
}

func TestGitLabExplainsWhyThereIsNoToken(t *testing.T) {
	aws, vaultToken := gitLabJWT(sts, nil), gitLabJWT(vault, nil)
	login := gitLabJWT(sts, map[string]any{"project_id": nil, "pipeline_id": nil, "job_id": nil})
	legacy := gitLabJWT(sts, map[string]any{"jti": "legacy"})
	addAWSAs := func(name string) string {
		return "\n  id_tokens:\n    " + name + ":\n      aud: \"sts.amazonaws.com\""
	}
	addAWS := addAWSAs("AWS_ID_TOKEN")

	for _, test := range []struct {
		name     string
		variable string
		env      map[string]string
		audience string
		reason   error
		found    []ciplatform.FoundToken
		says     []string
		silent   []string
	}{
		{
			name: "no id_tokens", env: gitLabJob(nil), audience: sts, reason: ciplatform.ErrNoToken,
			says:   []string{`ciplatform: gitlab: no token for audience "sts.amazonaws.com": this job has no ID token` + "\n", addAWS, "No variable holds a JWT."},
			silent: []string{"legacy", "merge request", "older than"},
		},
		{
			name: "no id_tokens, default asked for", env: gitLabJob(nil), reason: ciplatform.ErrNoToken,
			says: []string{"no default token: this job has no ID token", "    MY_ID_TOKEN:\n      aud: \"https://service.example.com\" # the audience that the service expects"},
		},
		{
			name: "not in a job", env: map[string]string{"GITLAB_CI": "yes"}, audience: sts, reason: ciplatform.ErrNotDetected,
			says: []string{`this is no GitLab CI/CD job: GITLAB_CI is set, but not to "true"`, addAWS}, silent: []string{"What this job shows"},
		},
		{
			name: "tokens for other audiences", env: gitLabJob(map[string]string{"VAULT_ID_TOKEN": vaultToken, "X": gitLabJWT([]string{"a", "b\n"}, nil)}),
			audience: sts, reason: ciplatform.ErrNoToken,
			found: []ciplatform.FoundToken{
				{Variable: "VAULT_ID_TOKEN", Audiences: []string{vault}, ExpiresAt: start.Add(time.Hour)},
				{Variable: "X", Audiences: []string{"a", "b\n"}, ExpiresAt: start.Add(time.Hour)},
			},
			says: []string{`no ID token of this job has it: VAULT_ID_TOKEN has "https://vault.example.com"; X has "a", "b\n"`, addAWS},
		},
		{
			name: "a token for another audience, outside of the job", env: map[string]string{"VAULT_ID_TOKEN": vaultToken}, audience: sts, reason: ciplatform.ErrNoToken,
			says: []string{`VAULT_ID_TOKEN has`, addAWS},
		},
		{
			name: "the suggested name is in use", env: gitLabJob(map[string]string{"AWS_ID_TOKEN": vaultToken, "AWS_ID_TOKEN_2": "1"}), audience: sts,
			reason: ciplatform.ErrNoToken, says: []string{"    AWS_ID_TOKEN_3:\n      aud: \"sts.amazonaws.com\""},
		},
		{
			name: "several and no audience", env: gitLabJob(map[string]string{"A": aws, "B": vaultToken}), reason: ciplatform.ErrAmbiguous,
			says: []string{`the job has several ID tokens: A has "sts.amazonaws.com"; B has "https://vault.example.com"`,
				"Ask for one of the audiences by name, in the Audience of the exchange's configuration, or name the variable to read:\n\n  &ciplatform.GitLab{Variable: \"A\"}"},
			silent: []string{"id_tokens:"},
		},
		{
			name: "several of this job's, and no audience", reason: ciplatform.ErrAmbiguous,
			env:  gitLabJob(map[string]string{"A": gitLabJWT(sts, map[string]any{"job_id": "4241"}), "B": aws, "C": vaultToken}),
			says: []string{`&ciplatform.GitLab{Variable: "B"}`},
		},
		{
			name: "several and no audience, all but one expired", env: gitLabJob(map[string]string{"A": gitLabJWT(sts, expires(-time.Hour)), "B": vaultToken}), reason: ciplatform.ErrAmbiguous,
		},
		{
			name: "expired", env: gitLabJob(map[string]string{"A": gitLabJWT(sts, expires(-90*time.Second))}), audience: sts, reason: ciplatform.ErrExpired,
			says: []string{"A expired at 2026-03-04T05:04:37Z, 1m30s ago", "\n  timeout: 3 hours"}, silent: []string{"id_tokens:"},
		},
		{
			name: "expired, and another job's has not", env: gitLabJob(map[string]string{"A": gitLabJWT(sts, expires(0)), "B": gitLabJWT(sts, map[string]any{"job_id": "4241"})}), reason: ciplatform.ErrExpired,
			silent: []string{"holds an ID token"},
		},
		{name: "expires now", env: gitLabJob(map[string]string{"A": gitLabJWT(sts, expires(0))}), reason: ciplatform.ErrExpired, says: []string{"timeout:"}},
		{name: "pinned, expired", variable: "A", env: gitLabJob(map[string]string{"A": gitLabJWT(sts, expires(0)), "B": aws}), audience: sts, reason: ciplatform.ErrExpired},

		{
			name: "empty variable", env: gitLabJob(map[string]string{"AWS_ID_TOKEN": "", "ANOTHER_ID_TOKEN": " ", "EMPTY": ""}), audience: sts, reason: ciplatform.ErrNoToken,
			says: []string{addAWS, "- ANOTHER_ID_TOKEN is set but empty", "- AWS_ID_TOKEN is set but empty"}, silent: []string{"- EMPTY"},
		},
		{
			name: "a legacy token", env: gitLabJob(map[string]string{"CI_JOB_JWT": gitLabJWT(nil, nil), "CI_JOB_JWT_V1": gitLabJWT(nil, nil), "CI_JOB_JWT_V2": legacy, "COPY": legacy}),
			audience: sts, reason: ciplatform.ErrNoToken, says: []string{"this job has no ID token", "CI_JOB_JWT is set: this GitLab is older than 17.0", addAWS}, silent: []string{"COPY", "CI_JOB_JWT_V2 is"},
		},
		{
			name: "an instance without ID tokens", env: gitLabJob(map[string]string{"CI_SERVER_VERSION_MAJOR": "15", "CI_SERVER_VERSION_MINOR": "6"}), audience: sts, reason: ciplatform.ErrNoToken,
			says: []string{"This GitLab is version 15.6; ID tokens came with 15.7."},
		},
		{
			name: "the first instance with ID tokens", env: gitLabJob(map[string]string{"CI_SERVER_VERSION_MAJOR": "15", "CI_SERVER_VERSION_MINOR": "7"}), audience: sts, reason: ciplatform.ErrNoToken,
			silent: []string{"This GitLab is version"},
		},
		{
			name: "a merge request pipeline", env: gitLabJob(map[string]string{"CI_PIPELINE_SOURCE": "merge_request_event"}), audience: sts, reason: ciplatform.ErrNoToken,
			says: []string{"it is the fork's .gitlab-ci.yml that must have the entry"},
		},
		{
			name: "the job token, even if it is a JWT for the audience", env: gitLabJob(map[string]string{"CI_JOB_TOKEN": aws, "CI_REGISTRY_PASSWORD": aws}), audience: sts, reason: ciplatform.ErrNoToken,
			found: []ciplatform.FoundToken{}, says: []string{"this job has no ID token"},
		},
		{name: "a login token", env: gitLabJob(map[string]string{"L": login}), audience: sts, reason: ciplatform.ErrNoToken, says: []string{"L holds a JWT that is no ID token of a job: it does not name a project, a pipeline and a job"}},
		{name: "a token without a project", env: gitLabJob(map[string]string{"L": gitLabJWT(sts, map[string]any{"project_id": ""})}), audience: sts, reason: ciplatform.ErrNoToken, says: []string{"it does not name a project"}},
		{name: "a token without a pipeline", env: gitLabJob(map[string]string{"L": gitLabJWT(sts, map[string]any{"pipeline_id": nil})}), audience: sts, reason: ciplatform.ErrNoToken, says: []string{"it does not name a project"}},
		{name: "a token without a job", env: gitLabJob(map[string]string{"L": gitLabJWT(sts, map[string]any{"job_id": ""})}), audience: sts, reason: ciplatform.ErrNoToken, says: []string{"it does not name a project"}},
		{name: "a token without an audience", env: gitLabJob(map[string]string{"L": gitLabJWT([]string{}, nil)}), reason: ciplatform.ErrNoToken, says: []string{"it has no audience"}},
		{name: "a token that never expires", env: gitLabJob(map[string]string{"L": gitLabJWT(sts, map[string]any{"exp": nil})}), audience: sts, reason: ciplatform.ErrNoToken, says: []string{"it has no expiry time"}},
		{name: "a CircleCI token", env: gitLabJob(map[string]string{"L": circleJWT(sts, nil)}), audience: sts, reason: ciplatform.ErrNoToken, says: []string{"it does not name a project"}},
		{name: "a claim of a wrong type", env: gitLabJob(map[string]string{"L": gitLabJWT(sts, map[string]any{"project_id": []int{1}})}), audience: sts, reason: ciplatform.ErrNoToken, says: []string{"L holds a JWT", "project_id"}},
		{
			name: "an audience that differs in what people overlook", env: gitLabJob(map[string]string{"A": gitLabJWT("https://Vault.example.com/", nil)}), audience: vault, reason: ciplatform.ErrNoToken,
			says: []string{"The audience of A differs only in case, spaces or a final slash", "VAULT_EXAMPLE_COM_ID_TOKEN"},
		},
		{name: "a prefix is another audience", env: gitLabJob(map[string]string{"A": gitLabJWT(vault+".evil", nil)}), audience: vault, reason: ciplatform.ErrNoToken, silent: []string{"differs only"}},
		{
			name: "a variable that was not expanded", env: gitLabJob(map[string]string{"A": gitLabJWT([]string{"$SERVICE_URL", ""}, nil)}), audience: sts, reason: ciplatform.ErrNoToken,
			says: []string{`The audience "$SERVICE_URL" of A looks like a CI/CD variable that this job does not have`, `The audience "" of A looks like`},
		},
		{
			name: "an audience that GitLab would expand", env: gitLabJob(nil), audience: "cost$center", reason: ciplatform.ErrNoToken,
			says: []string{"      aud: \"cost$center\"", "choose one without"},
		},
		{name: "an audience that GitLab would expand on Windows", env: gitLabJob(nil), audience: "a%CENTER%", reason: ciplatform.ErrNoToken, says: []string{"choose one without"}},
		{name: "an audience with a percent sign", env: gitLabJob(nil), audience: "a%20b%c", reason: ciplatform.ErrNoToken, silent: []string{"choose one without"}},
		{
			name: "an audience that YAML would read otherwise", env: gitLabJob(nil), audience: "\"\n    script: [evil] # 😀\\", reason: ciplatform.ErrNoToken,
			says: []string{`      aud: "\"\n    script: [evil] # 😀\\"` + "\n"},
		},
		{name: "an audience that is not UTF-8", env: gitLabJob(nil), audience: "a\xff", reason: ciplatform.ErrNoToken, says: []string{"not valid UTF-8"}, silent: []string{"\n"}},

		{
			name: "pinned, not set", variable: "AWS", env: gitLabJob(map[string]string{"OTHER": aws}), audience: sts, reason: ciplatform.ErrNoToken,
			found: []ciplatform.FoundToken{{Variable: "OTHER", Audiences: []string{sts}, ExpiresAt: start.Add(time.Hour)}},
			says: []string{"AWS is not set\nOTHER has the audience asked for. To read it, name it, or leave Variable empty:\n\n  &ciplatform.GitLab{Variable: \"OTHER\"}\n\n" +
				"Or, to go on reading AWS:\nAdd this to the job", "    \"AWS\":\n      aud: \"sts.amazonaws.com\""},
		},
		{
			name: "pinned, not in a job, with another token", variable: "V", env: map[string]string{"W": aws}, audience: sts, reason: ciplatform.ErrNoToken,
			says: []string{"V is not set", addAWSAs("\"V\"")},
		},
		{name: "pinned, not in a job", variable: "AWS_ID_TOKEN", env: nil, audience: sts, reason: ciplatform.ErrNotDetected, says: []string{"AWS_ID_TOKEN is not set", addAWS}},
		{name: "pinned, empty", variable: "AWS_ID_TOKEN", env: gitLabJob(map[string]string{"AWS_ID_TOKEN": ""}), audience: sts, reason: ciplatform.ErrNoToken, says: []string{"AWS_ID_TOKEN is set but empty", addAWS}},
		{name: "pinned, no token", variable: "V", env: gitLabJob(map[string]string{"V": "$AWS_ID_TOKEN"}), audience: sts, reason: ciplatform.ErrUnusable, says: []string{"V does not hold an ID token of a job"}, silent: []string{"$AWS_ID_TOKEN"}},
		{name: "pinned, a login token", variable: "V", env: gitLabJob(map[string]string{"V": login}), audience: sts, reason: ciplatform.ErrUnusable, says: []string{"it does not name a project"}},
		{
			name: "pinned, another audience", variable: "V", env: gitLabJob(map[string]string{"V": vaultToken, "W": aws}), audience: sts, reason: ciplatform.ErrNoToken,
			says: []string{`V is for another audience; the ID tokens of this job: V has "https://vault.example.com"; W has "sts.amazonaws.com"`, "\nW has the audience asked for. To read it",
				`&ciplatform.GitLab{Variable: "W"}`, "\nOr, to go on reading V:\nAdd this", addAWSAs(`"V"`)},
			silent: []string{"differs only"},
		},
		{
			name: "pinned, another audience, and nobody has it", variable: "V", env: gitLabJob(map[string]string{"V": vaultToken, "W": gitLabJWT(sts, expires(0)), "X": gitLabJWT("x", nil)}), audience: sts,
			reason: ciplatform.ErrNoToken, says: []string{"\nAdd this to the job"}, silent: []string{"has the audience asked for", "go on reading"},
		},
		{
			name: "pinned, not set, default asked for", variable: "AWS_IDTOKEN", env: gitLabJob(map[string]string{"AWS_ID_TOKEN": aws}), reason: ciplatform.ErrNoToken,
			says: []string{"AWS_IDTOKEN is not set\nAWS_ID_TOKEN holds an ID token. To read it, name it:\n\n  &ciplatform.GitLab{Variable: \"AWS_ID_TOKEN\"}"},
		},
		{
			name: "pinned, expired, and another has not", variable: "A", env: gitLabJob(map[string]string{"A": gitLabJWT(sts, expires(0)), "B": aws}), audience: sts, reason: ciplatform.ErrExpired,
			says: []string{"\nB has the audience asked for.", "timeout: 3 hours"}, silent: []string{"go on reading"},
		},
		{
			name: "pinned with a $", variable: "$AWS_ID_TOKEN", env: gitLabJob(map[string]string{"AWS_ID_TOKEN": aws}), audience: sts, reason: ciplatform.ErrNoToken,
			found: []ciplatform.FoundToken{{Variable: "AWS_ID_TOKEN", Audiences: []string{sts}, ExpiresAt: start.Add(time.Hour)}},
			says: []string{`Variable is "$AWS_ID_TOKEN", and the name of the variable is AWS_ID_TOKEN alone` + "\n" +
				"Write it in Go as it is called in .gitlab-ci.yml:\n\n  &ciplatform.GitLab{Variable: \"AWS_ID_TOKEN\"}"},
			silent: []string{"id_tokens", "is not set"},
		},
		{name: "pinned with a $, not in a job", variable: "$A", env: nil, reason: ciplatform.ErrNoToken, says: []string{`Variable is "$A"`}},
		{name: "pinned with a $ and braces", variable: "${A}", env: gitLabJob(nil), reason: ciplatform.ErrNoToken, says: []string{`Variable is "${A}", and the name of the variable is A alone`}},
		{name: "pinned with percent signs", variable: "%A%", env: gitLabJob(nil), reason: ciplatform.ErrNoToken, says: []string{`Variable is "%A%", and`, `{Variable: "A"}`}},
		{name: "pinned with a space", variable: "A ", env: gitLabJob(map[string]string{"A": aws}), reason: ciplatform.ErrNoToken, says: []string{`Variable is "A ", and`}},
		{name: "pinned to the job token", variable: "CI_JOB_TOKEN", env: gitLabJob(map[string]string{"CI_JOB_TOKEN": aws}), audience: sts, reason: ciplatform.ErrUnusable, says: []string{"CI_JOB_TOKEN cannot be used: it holds the job token", addAWS}},
		{name: "pinned to a copy of the job token", variable: "CI_REGISTRY_PASSWORD", env: gitLabJob(map[string]string{"CI_JOB_TOKEN": aws, "CI_REGISTRY_PASSWORD": aws}), audience: sts, reason: ciplatform.ErrUnusable, says: []string{"it holds the job token"}},
		{name: "pinned to a legacy token", variable: "CI_JOB_JWT_V2", env: gitLabJob(map[string]string{"CI_JOB_JWT_V2": aws}), audience: sts, reason: ciplatform.ErrUnusable, says: []string{"it holds the legacy token CI_JOB_JWT_V2"}},
		{name: "pinned to a legacy token that is not there", variable: "CI_JOB_JWT", env: gitLabJob(nil), audience: sts, reason: ciplatform.ErrUnusable, says: []string{addAWS}},
		{name: "pinned to what is no name", variable: "a: b\n", env: gitLabJob(nil), audience: sts, reason: ciplatform.ErrNoToken, says: []string{`"a: b\n" is not set`, `    "a: b\n":` + "\n"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &ciplatform.GitLab{Variable: test.variable, Environ: environ(test.env), Now: clock}
			token, err := p.IDToken(t.Context(), test.audience)
			assert.Empty(t, token)
			var e *ciplatform.TokenError
			require.ErrorAs(t, err, &e)
			assert.Equal(t, "gitlab", e.Platform)
			assert.Equal(t, test.audience, e.Audience)
			onlyReason(t, err, test.reason)
			if test.found != nil {
				assert.Equal(t, len(test.found), len(e.Found))
				for i := range test.found {
					assert.Equal(t, test.found[i], e.Found[i])
				}
			}
			for _, s := range test.says {
				assert.Contains(t, err.Error(), s)
			}
			for _, s := range test.silent {
				assert.NotContains(t, err.Error(), s)
			}
			noToken(t, err, aws, vaultToken, login, legacy)
		})
	}
}

func TestGitLabListsNoMoreThanAPersonReads(t *testing.T) {
	env := gitLabJob(nil)
	for _, c := range "abcdefghijkl" {
		env["T_"+string(c)] = gitLabJWT(strings.Repeat(string(c), 300), nil)
	}
	p := &ciplatform.GitLab{Environ: environ(env), Now: clock}
	_, err := p.IDToken(t.Context(), sts)
	var e *ciplatform.TokenError
	require.ErrorAs(t, err, &e)
	assert.Len(t, e.Found, 12)
	assert.Contains(t, err.Error(), `T_h has "`+strings.Repeat("h", 253)+`..."; and 4 more`)
	assert.NotContains(t, err.Error(), "T_i")
}

func TestGitLabNamesTheVariableByItsAudience(t *testing.T) {
	for audience, name := range map[string]string{
		"sts.amazonaws.com":    "AWS_ID_TOKEN",
		"sts.amazonaws.com.cn": "STS_AMAZONAWS_COM_CN_ID_TOKEN",
		"https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q": "GOOGLE_ID_TOKEN",
		"//iam.googleapis.com/projects/1": "GOOGLE_ID_TOKEN",
		"sigstore":                        "SIGSTORE_ID_TOKEN",
		"npm:registry.example":            "NPM_ID_TOKEN",
		"https://deploy.example.com":      "DEPLOY_EXAMPLE_COM_ID_TOKEN",
		"9lives":                          "AUD_9LIVES_ID_TOKEN",
		"::::":                            "MY_ID_TOKEN",
		"日本":                              "MY_ID_TOKEN",
		"https://" + strings.Repeat("a", 39) + "--bbb": strings.Repeat("A", 39) + "_ID_TOKEN",
	} {
		p := &ciplatform.GitLab{Environ: environ(gitLabJob(nil)), Now: clock}
		_, err := p.IDToken(t.Context(), audience)
		require.ErrorIs(t, err, ciplatform.ErrNoToken)
		assert.Contains(t, err.Error(), "\n    "+name+":\n", "%q", audience)
	}
}
