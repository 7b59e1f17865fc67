package ciplatform_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/ciplatform"
)

// buildkite is a platform of a user's own.
type buildkite struct{ detected bool }

func (b buildkite) Name() string   { return "buildkite" }
func (b buildkite) Detected() bool { return b.detected }
func (b buildkite) IDToken(context.Context, string) (string, error) {
	return "", context.Canceled
}

func TestDetectFindsThePlatformOfTheEnvironment(t *testing.T) {
	for _, test := range []struct {
		name     string
		env      map[string]string
		platform string // empty: none
	}{
		{"CircleCI", map[string]string{"CI": "true", "CIRCLECI": "true"}, "circleci"},
		{"GitLab", map[string]string{"CI": "true", "GITLAB_CI": "true"}, "gitlab"},
		{"both, in the order of the defaults", map[string]string{"CIRCLECI": "true", "GITLAB_CI": "true"}, "circleci"},
		{"CI alone names no platform", map[string]string{"CI": "true"}, ""},
		{"false is not true", map[string]string{"CIRCLECI": "false", "GITLAB_CI": "false"}, ""},
		{"empty is not true", map[string]string{"CIRCLECI": "", "GITLAB_CI": ""}, ""},
		{"only the documented value counts", map[string]string{"CIRCLECI": "1", "GITLAB_CI": "True"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, name := range []string{"CI", "CIRCLECI", "GITLAB_CI"} {
				t.Setenv(name, test.env[name])
			}
			given := []ciplatform.Platform{
				&ciplatform.CircleCI{LookupEnv: in(test.env)}, &ciplatform.GitLab{Environ: environ(test.env)},
			}
			for _, candidates := range [][]ciplatform.Platform{nil, given} {
				p, err := ciplatform.Detect(candidates...)
				if test.platform == "" {
					require.ErrorIs(t, err, ciplatform.ErrNotDetected)
					assert.Nil(t, p)
					continue
				}
				require.NoError(t, err)
				assert.Equal(t, test.platform, p.Name())
			}
		})
	}
}

func TestDetectTakesCandidatesInTheirOrder(t *testing.T) {
	env := map[string]string{"GITLAB_CI": "true"}
	gitlab := &ciplatform.GitLab{Environ: environ(env)}

	p, err := ciplatform.Detect(buildkite{detected: true}, gitlab)
	require.NoError(t, err)
	assert.Equal(t, "buildkite", p.Name())

	p, err = ciplatform.Detect(buildkite{}, nil, gitlab)
	require.NoError(t, err)
	assert.Same(t, gitlab, p)
}

// nowhere is a platform of a user's own that reads through its pointer.
type nowhere struct{ buildkite }

func TestNilPlatforms(t *testing.T) {
	t.Setenv("CIRCLECI", "true")
	t.Setenv("GITLAB_CI", "true")
	t.Setenv("CIRCLE_OIDC_TOKEN", circleJWT(service, nil))
	p, err := ciplatform.Detect((*ciplatform.GitLab)(nil), (*ciplatform.CircleCI)(nil), (*nowhere)(nil), nil)
	assert.Nil(t, p)
	require.ErrorIs(t, err, ciplatform.ErrNotDetected)
	assert.EqualError(t, err, "ciplatform: no CI platform detected: looked for nothing for candidate 0, which is nil, "+
		"nothing for candidate 1, which is nil, nothing for candidate 2, which is nil, nothing for candidate 3, which is nil")
	p, err = ciplatform.Detect((*ciplatform.CircleCI)(nil), &ciplatform.GitLab{})
	require.NoError(t, err)
	assert.Equal(t, "gitlab", p.Name())

	for name, p := range map[string]ciplatform.Platform{"gitlab": (*ciplatform.GitLab)(nil), "circleci": (*ciplatform.CircleCI)(nil)} {
		assert.Equal(t, name, p.Name())
		assert.False(t, p.Detected(), name)
		for _, audience := range []string{"", service, "a\xff"} {
			token, err := p.IDToken(t.Context(), audience)
			assert.Empty(t, token)
			var e *ciplatform.TokenError
			require.ErrorAs(t, err, &e)
			assert.Equal(t, []string{name, audience}, []string{e.Platform, e.Audience})
			onlyReason(t, err, ciplatform.ErrNoToken)
			assert.Contains(t, err.Error(), " is nil: use &ciplatform.")
		}
	}
}

func TestDetectSaysWhatItLookedFor(t *testing.T) {
	_, err := ciplatform.Detect(
		&ciplatform.CircleCI{LookupEnv: in(nil)},
		&ciplatform.GitLab{Environ: environ(map[string]string{"GITLAB_CI": "hush"})},
		&ciplatform.GitLab{Environ: environ(map[string]string{"GITLAB_CI": ""})},
		buildkite{}, nil,
	)
	require.ErrorIs(t, err, ciplatform.ErrNotDetected)
	assert.EqualError(t, err, `ciplatform: no CI platform detected: looked for CIRCLECI=true (not set), `+
		`GITLAB_CI=true (set, but not to "true"), GITLAB_CI=true (set but empty), "buildkite", nothing for candidate 4, which is nil`)
}
