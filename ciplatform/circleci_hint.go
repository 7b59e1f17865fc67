package ciplatform

import (
	"errors"
	"os/exec"
	"strings"
)

// passSecrets is the name of the project setting that gives forked pull
// requests a token, as CircleCI's pages spell it.
const passSecrets = `"Pass secrets to builds from forked pull requests"`

// hint says what to change so that the next job has a token. The conditions
// under which CircleCI gives none are those of
// https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/
// and of its pages on self-hosted runners and on CircleCI server.
func (a *circleAttempt) hint(why *reason) string {
	var lines []string
	if a.token == nil && a.p.Detected() {
		lines = append(lines, a.whyNoVariable()...)
	}
	switch {
	case why.kind == ErrNotDetected:
		lines = append(lines,
			"In a container that the job starts, pass on CIRCLECI and "+a.variable+", or a token for this audience that the job has made before.")
	case why.kind == ErrAmbiguous:
		lines = append(lines, "Ask for one of the audiences by name, in the Audience of the exchange's configuration.")
	case errors.Is(why, exec.ErrNotFound):
		lines = append(lines,
			"The circleci command is there in the job itself, but not in containers that the job starts.")
	}
	if a.want == "" {
		lines = append(lines, "For an audience asked for by name, a token can also come from the circleci command.")
	} else {
		args := a.p.mintArgs(a.want)
		args[4] = shellString(args[4])
		lines = append(lines,
			"To see whether the job can have this token, let a step of it run this (the output is a token, and is not masked):",
			"",
			"  circleci "+strings.Join(args, " ")+" > /dev/null")
	}
	return strings.Join(lines, "\n")
}

// whyNoVariable says when a job has no token in its environment.
func (a *circleAttempt) whyNoVariable() []string {
	for _, name := range []string{"CIRCLE_PR_NUMBER", "CIRCLE_PR_REPONAME", "CIRCLE_PR_USERNAME"} {
		if a.p.env(name) != "" {
			return []string{
				name + " is set: this job builds a forked pull request, and such jobs have a token only if the project's setting",
				passSecrets + " is on. It gives everyone who can open a pull request the project's secrets and identity:",
				"rather run this step on the project's own branches only.",
			}
		}
	}
	return []string{
		"The likely reasons why " + a.variable + " holds no token:",
		"- the job builds a forked pull request, and the project's setting " + passSecrets + " is off;",
		"- the runner is self-hosted, and its temporary directory (/tmp) is not writable or is mounted noexec;",
		"- the server is self-hosted: it must be 4.4 or later with OIDC tokens enabled, and an old one gives tokens only to jobs that use a context;",
		"- this program runs in a container to which the job does not pass " + a.variable + ".",
	}
}
