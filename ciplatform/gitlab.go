package ciplatform

import (
	"context"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

// GitLab is the GitLab CI/CD platform. The zero value is ready to use: it
// searches the environment for an ID token with the audience asked for.
//
// GitLab makes a job's ID tokens when the job starts, as its id_tokens keyword
// says (https://docs.gitlab.com/ci/secrets/id_token_authentication/), under
// names and with audiences that the configuration chooses, and none later: a
// token that is not there cannot be had, and one that has expired is not
// renewed. Only ID tokens of jobs are taken: never the job token, nor the
// CI_JOB_JWT tokens of versions before 17.0, whatever variable they are in.
type GitLab struct {
	// Variable names the id_tokens entry to read, without a $. Empty means
	// search.
	Variable string
	// Environ returns the environment, as "name=value" pairs. Nil means
	// [os.Environ].
	Environ func() []string
	// Now returns the current time. Nil means [time.Now].
	Now func() time.Time
}

var _ Platform = (*GitLab)(nil)

// Name returns "gitlab".
func (p *GitLab) Name() string { return "gitlab" }

// Detected reports whether GITLAB_CI is "true", the value that GitLab documents
// (https://docs.gitlab.com/ci/variables/predefined_variables/). Any other value
// counts as no job, and so does a nil pointer.
func (p *GitLab) Detected() bool { return p != nil && isOn(p.environ()["GITLAB_CI"]) }

func (p *GitLab) signal() (variable, found string) {
	value, set := p.environ()["GITLAB_CI"]
	return "GITLAB_CI", describe(value, set)
}

// IDToken returns the job's ID token for audience. Empty means the job's only
// ID token, or that of Variable.
//
// If several tokens have the audience, tokens of this very job (by CI_JOB_ID)
// go before others, then the one with the fewest audiences, since some services
// refuse a token that names more than theirs, then the one that expires last,
// then the first by name. The signature is not checked. Errors are
// *[TokenError], with the YAML to add.
func (p *GitLab) IDToken(_ context.Context, audience string) (string, error) {
	if p == nil {
		return "", nilPlatform(p.Name(), audience, "GitLab")
	}
	if !utf8.ValidString(audience) {
		return "", notUTF8(p.Name(), audience)
	}
	s := newGitLabSearch(p.environ(), p.now(), p.Variable, audience)
	if p.Variable != "" {
		return s.pinned()
	}
	if audience == "" {
		return s.only()
	}
	return s.search()
}

// environ returns the environment by name. Of a name that is there twice the
// first counts, as for [os.Getenv].
func (p *GitLab) environ() map[string]string {
	list := p.Environ
	if list == nil {
		list = os.Environ
	}
	env := make(map[string]string)
	for _, pair := range list() {
		name, value, ok := strings.Cut(pair, "=")
		if _, twice := env[name]; ok && name != "" && !twice {
			env[name] = value
		}
	}
	return env
}

func (p *GitLab) now() time.Time {
	if p.Now == nil {
		return time.Now()
	}
	return p.Now()
}
