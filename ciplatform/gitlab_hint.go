package ciplatform

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cioidc/cioidc/internal/safetext"
)

// whyNone says that no token has the audience, and which ones there are.
func (s *gitLabSearch) whyNone() *reason {
	if len(s.tokens) > 0 {
		if s.variable != "" {
			return because(ErrNoToken, "%s is for another audience; the ID tokens of this job: %s", quoteName(s.variable), listFound(s.found()))
		}
		return because(ErrNoToken, "no ID token of this job has it: %s", listFound(s.found()))
	}
	if kind := s.missing(); kind == ErrNotDetected {
		value, set := s.env["GITLAB_CI"]
		return because(kind, "no variable holds an ID token, and this is no GitLab CI/CD job: GITLAB_CI is %s", describe(value, set))
	}
	return because(ErrNoToken, "this job has no ID token")
}

func (s *gitLabSearch) whyExpired(t *gitLabToken) *reason {
	at := t.ExpiresAt.Time()
	return because(ErrExpired, "%s expired at %s, %s ago", quoteName(t.variable), at.Format(time.RFC3339), s.now.Sub(at).Truncate(time.Second))
}

// hint says what to change so that the next job has a token.
func (s *gitLabSearch) hint(kind error) string {
	var lines []string
	if kind == ErrAmbiguous {
		return strings.Join([]string{
			"Ask for one of the audiences by name, in the Audience of the exchange's configuration, or name the variable to read:",
			"",
			"  " + reading(s.own()[0].variable),
		}, "\n")
	}
	if other := s.elsewhere(); s.variable != "" && other != nil {
		there := " has the audience asked for. To read it, name it, or leave Variable empty:"
		if s.audience == "" {
			there = " holds an ID token. To read it, name it:"
		}
		lines = append(lines,
			quoteName(other.variable)+there,
			"",
			"  "+reading(other.variable),
			"")
	}
	if kind == ErrExpired {
		return strings.Join(append(lines,
			"An ID token lives as long as the job's timeout, or 5 minutes where there is none, and is not renewed in the job.",
			"Use it earlier in the job, or give the job more time in .gitlab-ci.yml:",
			"",
			"  timeout: 3 hours",
		), "\n")
	}
	if len(lines) > 0 {
		lines = append(lines, "Or, to go on reading "+quoteName(s.variable)+":")
	}
	lines = append(lines,
		"Add this to the job in .gitlab-ci.yml, or to the default: section that the job inherits (GitLab makes ID tokens",
		"when the job starts; a running job cannot ask for one):",
		"",
		"  id_tokens:",
		"    "+yamlKey(s.suggestedVariable())+":",
	)
	if s.audience == "" {
		lines = append(lines, `      aud: "https://service.example.com" # the audience that the service expects`)
	} else {
		lines = append(lines, "      aud: "+yamlString(s.audience))
	}
	if notes := s.notes(); len(notes) > 0 {
		lines = append(lines, "", "What this job shows:")
		for _, n := range notes {
			lines = append(lines, "- "+n)
		}
	}
	return strings.Join(lines, "\n")
}

// reading returns the Go code that reads this variable.
func reading(variable string) string {
	return "&ciplatform.GitLab{Variable: " + strconv.Quote(variable) + "}"
}

// reference matches what GitLab replaces in aud by a CI/CD variable.
var reference = regexp.MustCompile(`\$[A-Za-z_]|\$\{|%[A-Za-z_][A-Za-z0-9_]*%`)

// notes lists what in the environment explains that the token is not there.
func (s *gitLabSearch) notes() []string {
	notes := s.variableNotes()
	for _, legacy := range legacyTokens {
		if s.env[legacy] != "" {
			notes = append(notes, legacy+" is set: this GitLab is older than 17.0 and the job declares no id_tokens. That legacy token is never used: nobody chose its audience.")
			break
		}
	}
	major, err1 := strconv.Atoi(s.env["CI_SERVER_VERSION_MAJOR"])
	minor, err2 := strconv.Atoi(s.env["CI_SERVER_VERSION_MINOR"])
	if err1 == nil && err2 == nil && (major < 15 || major == 15 && minor < 7) {
		notes = append(notes, fmt.Sprintf("This GitLab is version %d.%d; ID tokens came with 15.7.", major, minor))
	}
	if s.env["CI_PIPELINE_SOURCE"] == "merge_request_event" {
		notes = append(notes, "This is a merge request pipeline: if the merge request comes from a fork, it is the fork's .gitlab-ci.yml that must have the entry.")
	}
	for _, t := range s.tokens {
		for _, a := range t.Audience {
			if a != s.audience && nearly(a) == nearly(s.audience) {
				notes = append(notes, fmt.Sprintf("The audience of %s differs only in case, spaces or a final slash; audiences are compared byte for byte.", quoteName(t.variable)))
			}
			if a == "" || reference.MatchString(a) {
				notes = append(notes, fmt.Sprintf("The audience %s of %s looks like a CI/CD variable that this job does not have; protected variables are only for protected branches and tags.", safetext.Quote(a), quoteName(t.variable)))
			}
		}
	}
	if reference.MatchString(s.audience) {
		notes = append(notes, "The audience asked for contains what GitLab takes for a CI/CD variable and replaces: choose one without.")
	}
	if len(s.tokens) == 0 && len(notes) == 0 && isOn(s.env["GITLAB_CI"]) {
		notes = append(notes, "No variable holds a JWT. If the entry is there already: a container that the job starts must be given the variable, and an instance whose signing key is missing or broken leaves it out without a word.")
	}
	return notes
}

// variableNotes is about variables that were to hold a token, by their names,
// and about JWTs that are no ID token.
func (s *gitLabSearch) variableNotes() []string {
	var names []string
	for name, value := range s.env {
		if strings.Contains(name, "ID_TOKEN") && strings.TrimSpace(value) == "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var notes []string
	for _, name := range names[:min(len(names), maxListed)] {
		notes = append(notes, quoteName(name)+" is set but empty: its id_tokens entry is not part of this job, or something overwrote it.")
	}
	for _, u := range s.unreadable[:min(len(s.unreadable), maxListed)] {
		notes = append(notes, u+".")
	}
	return notes
}

// nearly maps audiences that people take for equal to the same string.
func nearly(audience string) string {
	return strings.ToLower(strings.TrimRight(strings.TrimSpace(audience), "/"))
}

// suggestedVariable names the id_tokens entry to add: the configured variable,
// or one made of the audience that the job does not use yet.
func (s *gitLabSearch) suggestedVariable() string {
	if s.variable != "" && s.forbidden(s.variable, "") == "" {
		return s.variable
	}
	base := variableFor(s.audience)
	name := base
	for i := 2; strings.TrimSpace(s.env[name]) != ""; i++ {
		name = base + "_" + strconv.Itoa(i)
	}
	return name
}

// variableFor makes a variable's name of an audience: the names in use where
// there are any, otherwise the audience itself.
func variableFor(audience string) string {
	_, host, isURL := strings.Cut(audience, "//")
	if !isURL {
		host = audience
	}
	switch first, _, _ := strings.Cut(host, "/"); {
	case audience == "":
		return "MY_ID_TOKEN"
	case first == "amazonaws.com" || strings.HasSuffix(first, ".amazonaws.com"):
		return "AWS_ID_TOKEN"
	case first == "iam.googleapis.com":
		return "GOOGLE_ID_TOKEN"
	case strings.HasPrefix(audience, "npm:"):
		return "NPM_ID_TOKEN"
	}
	var b strings.Builder
	for _, r := range strings.ToUpper(host) {
		if b.Len() == 40 {
			break
		}
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else if b.Len() > 0 && !strings.HasSuffix(b.String(), "_") {
			b.WriteByte('_')
		}
	}
	name := strings.TrimRight(b.String(), "_")
	switch {
	case name == "":
		name = "MY"
	case name[0] >= '0' && name[0] <= '9':
		name = "AUD_" + name
	}
	return name + "_ID_TOKEN"
}

// yamlKey quotes a mapping key, unless it is a plain variable name that no
// version of YAML reads as anything but a string: none has a word with an
// underscore in it.
func yamlKey(name string) string {
	if plainName.MatchString(name) && strings.Contains(name, "_") {
		return name
	}
	return yamlString(strings.ToValidUTF8(name, "\uFFFD"))
}
