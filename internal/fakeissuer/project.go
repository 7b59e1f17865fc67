package fakeissuer

import (
	"hash/fnv"
	"strconv"
	"strings"
)

// Project makes the token one of this project, in every claim that names it.
// Empty path means that the path stays as it is. The ID is required, and
// claims that the token does not have stay out.
//
// On GitLab the path is the project's full path, such as "acme/deployer". It
// sets project_id and project_path, namespace_path and namespace_id (an ID
// made up for the namespace, the same for each of its projects), the job_
// claims of the same names, ci_config_ref_uri and sub.
//
// On CircleCI the ID is a UUID and the path is the repository as vcs-origin
// has it, such as "github.com/acme/deployer". It sets project-id, vcs-origin
// and sub.
//
// The order of Project and other modes does not matter: what names the fork of
// [ForkMergeRequest], [ForkMergeRequestInParent] or [ForkPullRequest] goes on
// naming it, and the rest names this project.
func Project(id, path string) func(Claims) {
	return func(c Claims) {
		switch {
		case id == "":
			panic(&ModeError{"Project", "needs the ID of the project"})
		case isCircleCI(c):
			setCircleCIProject(c, id, path)
		default:
			setGitLabProject(c, id, path)
		}
	}
}

func setCircleCIProject(c Claims, id, origin string) {
	replace(c, circleCIPrefix+"project-id", id)
	if origin != "" && c[circleCIPrefix+"vcs-origin"] != CircleCIForkOrigin {
		replace(c, circleCIPrefix+"vcs-origin", origin)
	}
	// org/<organization>/project/<project>/user/<user>, and what may follow; a
	// subject of another form has been made up by the test.
	sub, _ := c["sub"].(string)
	if p := strings.SplitN(sub, "/", 6); len(p) == 6 && p[0] == "org" && p[2] == "project" && p[4] == "user" {
		p[3] = id
		c["sub"] = strings.Join(p, "/")
	}
	refreshCircleCISubject(c)
}

func setGitLabProject(c Claims, id, path string) {
	namespace := ""
	if path != "" {
		slash := strings.LastIndexByte(path, '/')
		if slash <= 0 || slash == len(path)-1 {
			panic(&ModeError{"Project", `needs a path such as "acme/deployer" for a GitLab token, not ` + strconv.Quote(path)})
		}
		namespace = path[:slash]
	}
	_, hasID := c["project_id"]
	_, hasPath := c["project_path"]
	if !hasID && !hasPath {
		panic(&ModeError{"Project", "is for the tokens of jobs"})
	}
	for _, prefix := range []string{"", "job_"} {
		if c[prefix+"project_id"] == GitLabForkProjectID || c[prefix+"project_path"] == GitLabForkProjectPath {
			continue
		}
		replace(c, prefix+"project_id", id)
		if path != "" {
			replace(c, prefix+"project_path", path)
			replace(c, prefix+"namespace_path", namespace)
			replace(c, prefix+"namespace_id", namespaceID(namespace))
		}
	}
	if uri, ok := c["ci_config_ref_uri"].(string); ok && path != "" {
		host, rest, _ := strings.Cut(uri, "/")
		if old, file, found := strings.Cut(rest, "//"); found && old != GitLabForkProjectPath {
			c["ci_config_ref_uri"] = host + "/" + path + "//" + file
		}
	}
	refreshGitLabSubject(c)
}

// replace gives a claim that is there another value.
func replace(c Claims, name, value string) {
	if _, ok := c[name]; ok {
		c[name] = value
	}
}

// namespaceID returns the ID of a namespace: two of them must not share one,
// or a policy on namespace_id would hold for both.
func namespaceID(path string) string {
	switch path {
	case GitLabNamespacePath:
		return GitLabNamespaceID
	case GitLabForkNamespacePath:
		return GitLabForkNamespaceID
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(path)) // never fails
	// Above the IDs of the constants.
	return strconv.FormatUint(1_000_000+uint64(h.Sum32()), 10)
}
