package ciplatform

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/safetext"
)

// jobToken is GitLab's credential for its own API, of which other predefined
// variables hold copies. It must not reach another service.
const jobToken = "CI_JOB_TOKEN"

// legacyTokens are the predefined tokens of versions before 17.0. The first two
// have no audience, the third has the GitLab instance's own.
var legacyTokens = []string{"CI_JOB_JWT", "CI_JOB_JWT_V1", "CI_JOB_JWT_V2"}

// gitLabToken is an ID token of a job.
type gitLabToken struct {
	variable string
	raw      string
	*peek.Token
	jobID string
}

// gitLabSearch is one call of IDToken.
type gitLabSearch struct {
	env      map[string]string
	now      time.Time
	variable string // as configured
	audience string // as asked for

	tokens     []gitLabToken // by variable name
	unreadable []string      // what other variables with a JWT in them have against it
}

func newGitLabSearch(env map[string]string, now time.Time, variable, audience string) *gitLabSearch {
	s := &gitLabSearch{env: env, now: now, variable: variable, audience: audience}
	names := make([]string, 0, len(env))
	for name := range env {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		raw := strings.TrimSpace(env[name])
		if !looksLikeJWT(raw) || s.forbidden(name, raw) != "" {
			continue
		}
		t, wrong := readGitLab(raw)
		if t == nil {
			s.unreadable = append(s.unreadable, fmt.Sprintf("%s holds a JWT that is no ID token of a job: %s", quoteName(name), wrong))
			continue
		}
		t.variable = name
		s.tokens = append(s.tokens, *t)
	}
	return s
}

// looksLikeJWT reports whether a value has the form of a compact JWS with a
// JSON header, without decoding every variable of the environment. The shortest
// signature of a token's algorithm alone takes 86 characters.
func looksLikeJWT(raw string) bool {
	return len(raw) > 86 && strings.HasPrefix(raw, "ey") && strings.Count(raw, ".") == 2
}

// forbidden says why a variable is not taken whatever is in it; empty if it may
// be. Copies are known by their value.
func (s *gitLabSearch) forbidden(name, raw string) string {
	holds := func(of string) bool {
		return name == of || raw != "" && raw == strings.TrimSpace(s.env[of])
	}
	if holds(jobToken) {
		return "it holds the job token, which is for GitLab's own API and is no ID token"
	}
	for _, legacy := range legacyTokens {
		if holds(legacy) {
			return "it holds the legacy token " + legacy + ", which is no ID token for an audience of your choice"
		}
	}
	return ""
}

// readGitLab reads an ID token of a job, or says why raw is none. Instances
// sign tokens of users' logins too, which name no job.
func readGitLab(raw string) (t *gitLabToken, wrong string) {
	token, err := peek.Parse(raw)
	if err != nil {
		return nil, clip(err)
	}
	c, ok := token.Claims.(*claims.GitLab)
	switch {
	case !ok || c.ProjectID == "" || c.PipelineID == "" || c.JobID == "":
		return nil, "it does not name a project, a pipeline and a job"
	case len(token.Audience) == 0:
		return nil, "it has no audience"
	case token.ExpiresAt == 0:
		return nil, "it has no expiry time"
	}
	return &gitLabToken{raw: raw, Token: token, jobID: string(c.JobID)}, ""
}

// search returns the token for the audience asked for.
func (s *gitLabSearch) search() (string, error) {
	return s.best(slices.Clone(s.tokens))
}

// best returns the best token of tokens for the audience asked for.
func (s *gitLabSearch) best(tokens []gitLabToken) (string, error) {
	var expired *gitLabToken
	matching := tokens[:0]
	for _, t := range tokens {
		switch {
		case s.audience != "" && !t.Audience.Contains(s.audience):
		case s.expired(t):
			expired = &t
		default:
			matching = append(matching, t)
		}
	}
	if len(matching) == 0 {
		if expired != nil {
			return "", s.fail(s.whyExpired(expired))
		}
		return "", s.fail(s.whyNone())
	}
	return slices.MinFunc(matching, s.compare).raw, nil
}

// compare puts the better token first.
func (s *gitLabSearch) compare(a, b gitLabToken) int {
	return cmp.Or(
		cmp.Compare(s.otherJob(a), s.otherJob(b)),
		cmp.Compare(len(a.Audience), len(b.Audience)),
		cmp.Compare(b.ExpiresAt, a.ExpiresAt),
		cmp.Compare(a.variable, b.variable),
	)
}

// elsewhere returns the token for the audience that the configured variable,
// which has none, does not have; nil if no other has one either.
func (s *gitLabSearch) elsewhere() *gitLabToken {
	var others []gitLabToken
	for _, t := range s.tokens {
		if !s.expired(t) && (s.audience == "" || t.Audience.Contains(s.audience)) {
			others = append(others, t)
		}
	}
	if len(others) == 0 {
		return nil
	}
	best := slices.MinFunc(others, s.compare)
	return &best
}

// only returns the job's only ID token. Expired ones count: which token a
// program gets must not change as others expire.
func (s *gitLabSearch) only() (string, error) {
	own := s.own()
	for _, t := range own {
		if t.raw != own[0].raw { // one token in two variables is still one
			return "", s.fail(because(ErrAmbiguous, "the job has several ID tokens: %s", listFound(s.found())))
		}
	}
	return s.best(own)
}

// own returns a copy of the tokens of this job, or of all if none is.
func (s *gitLabSearch) own() []gitLabToken {
	own := slices.DeleteFunc(slices.Clone(s.tokens), func(t gitLabToken) bool { return s.otherJob(t) != 0 })
	if len(own) == 0 {
		return slices.Clone(s.tokens)
	}
	return own
}

// pinned returns the token of the configured variable.
func (s *gitLabSearch) pinned() (string, error) {
	if name := strings.Trim(s.variable, "${}% "); name != s.variable && plainName.MatchString(name) {
		return "", &TokenError{
			Platform: "gitlab", Audience: s.audience, Found: s.found(),
			Hint: "Write it in Go as it is called in .gitlab-ci.yml:\n\n  " + reading(name),
			Err:  because(ErrNoToken, "Variable is %s, and the name of the variable is %s alone", safetext.Quote(s.variable), name),
		}
	}
	value, set := s.env[s.variable]
	raw := strings.TrimSpace(value)
	if why := s.forbidden(s.variable, raw); why != "" {
		return "", s.fail(because(ErrUnusable, "%s cannot be used: %s", quoteName(s.variable), why))
	}
	if raw == "" {
		return "", s.fail(because(s.missing(), "%s is %s", quoteName(s.variable), describe("", set)))
	}
	t, wrong := readGitLab(raw)
	if t == nil {
		return "", s.fail(because(ErrUnusable, "%s does not hold an ID token of a job: %s", quoteName(s.variable), wrong))
	}
	t.variable = s.variable
	return s.best([]gitLabToken{*t})
}

func (s *gitLabSearch) expired(t gitLabToken) bool { return !s.now.Before(t.ExpiresAt.Time()) }

// otherJob is 1 if t says that it was made for another job, such as one that
// passed it on in a variable, and 0 otherwise. It only serves to compare tokens:
// where CI_JOB_ID is not passed on, all are alike.
func (s *gitLabSearch) otherJob(t gitLabToken) int {
	if t.jobID != s.env["CI_JOB_ID"] {
		return 1
	}
	return 0
}

// missing is the kind of error for a token that is not there.
func (s *gitLabSearch) missing() error {
	if !isOn(s.env["GITLAB_CI"]) && len(s.tokens) == 0 {
		return ErrNotDetected
	}
	return ErrNoToken
}

func (s *gitLabSearch) found() []FoundToken {
	var found []FoundToken
	for _, t := range s.tokens {
		found = append(found, FoundToken{Variable: t.variable, Audiences: t.Audience, ExpiresAt: t.ExpiresAt.Time()})
	}
	return found
}

// fail returns the error of the search.
func (s *gitLabSearch) fail(why *reason) error {
	return &TokenError{
		Platform: "gitlab", Audience: s.audience, Hint: s.hint(why.kind), Found: s.found(), Err: why,
	}
}
