package awstrust

import "strings"

// Key is a condition key that AWS sets from a claim of a web identity token.
type Key struct {
	// Name is the key as it is written in a document, such as
	// "gitlab.com:project_id".
	Name string
	// Claim is the claim that it is set from.
	Claim string
	// Multivalued says that the claim is a list, which only ForAnyValue and
	// ForAllValues look into.
	Multivalued bool
	// Since is the day on which AWS first listed the key, as "2026-07-15". Empty
	// means that it was always there. Documents that are older than a key do not
	// have it, and tools that are older do not know it.
	Since string
}

// The days on which AWS listed the keys that are set for one issuer only.
const (
	sinceGitHub   = "2026-02-06"
	sinceCircleCI = "2026-02-06"
	sinceGitLab   = "2026-07-15"
)

// Hosts of the issuers that have keys of their own.
const (
	gitLabHost   = "gitlab.com"
	circleCIHost = "oidc.circleci.com"
	gitHubHost   = "token.actions.githubusercontent.com"
)

// Keys returns the condition keys that AWS sets for tokens of an issuer, by the
// lists of 2026-08. A claim that is not among them, such as GitLab's environment
// or CircleCI's vcs-ref, is no condition key: AWS does not see it, and a
// condition on it never finds a value. A GitLab instance other than gitlab.com,
// and CircleCI's root issuer, have the keys of every issuer only.
func Keys(issuerURL string) []Key {
	prefix := Provider{URL: issuerURL}.prefix()
	keys := []Key{{Claim: "sub"}, {Claim: "aud"}, {Claim: "amr", Multivalued: true}, {Claim: "email"}, {Claim: "oaud"}}
	own := func(since string, claims ...string) {
		for _, c := range claims {
			keys = append(keys, Key{Claim: c, Since: since})
		}
	}
	switch {
	case prefix == gitLabHost:
		own(sinceGitLab, "namespace_id", "pipeline_source", "project_id", "ref_protected", "runner_environment",
			"user_access_level", "user_email", "user_id", "user_login")
	case strings.HasPrefix(prefix, circleCIHost+"/org/"):
		own(sinceCircleCI, circleCIProject)
	case prefix == gitHubHost:
		own(sinceGitHub, "actor", "actor_id", "enterprise_id", "environment", "job_workflow_ref", "ref", "repository",
			"repository_id", "repository_owner_id", "workflow")
	}
	for i := range keys {
		keys[i].Name = prefix + ":" + keys[i].Claim
	}
	return keys
}

// circleCIProject is CircleCI's claim of the project.
const circleCIProject = "oidc.circleci.com/project-id"
