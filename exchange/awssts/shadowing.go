package awssts

import (
	"slices"
	"strings"
)

// sources are the variables from which SDKs take credentials, the preferred
// first, in the order that those for Go, Python and JavaScript and the command
// line have in common. Of two names in one entry either is enough.
var sources = [...]struct {
	names []string
	empty bool // counts though it is empty
}{
	{names: []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"}},
	{names: []string{"AWS_PROFILE", "AWS_DEFAULT_PROFILE"}},
	{names: []string{"AWS_WEB_IDENTITY_TOKEN_FILE"}},
	{names: []string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"}, empty: true},
	{names: []string{"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"}, empty: true},
	{names: []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI"}},
}

// ShadowingVariables returns the names of the variables in environ that at
// least one of AWS's SDKs prefers to what handed holds: static keys that are
// left over in a CI variable are used without a word, and the role is not.
// Remove them from the environment of the child, or tell their owner.
//
// environ is like the result of [os.Environ]. handed is what
// [Endpoint.Environ] or [TokenFile.Write] returned; nil stands for a
// credential_process in a profile. A variable that handed sets is not among
// the names. Nil means that nothing is in the way.
//
// What is in the files under ~/.aws is not seen: a [default] profile with
// credentials in it is preferred to an [Endpoint], too.
func ShadowingVariables(environ, handed []string) []string {
	ours := map[string]bool{}
	for _, v := range handed {
		name, _, _ := strings.Cut(v, "=")
		ours[name] = true
	}
	values := map[string]string{}
	for _, v := range environ {
		// A name on Windows may begin with "=".
		if name, value, ok := strings.Cut(v, "="); ok {
			values[name] = value
		}
	}
	var found []string
	for _, s := range sources {
		if len(handed) == 0 && (s.names[0] == "AWS_PROFILE" || strings.HasPrefix(s.names[0], "AWS_CONTAINER_")) {
			continue // the profile is where it is, and profiles win over containers
		}
		if slices.ContainsFunc(s.names, func(name string) bool { return ours[name] }) {
			break
		}
		for _, name := range s.names {
			if value, set := values[name]; set && (value != "" || s.empty) {
				found = append(found, name)
			}
		}
	}
	return found
}
