//go:build linux || darwin

package main

import (
	"slices"
	"strings"
)

// environment becomes the command's: what this process has, without what would
// be used instead, and with what leads to the endpoints.
type environment struct {
	inherited []string // as "name=value"
	remove    map[string]bool
	add       []string
	taken     []string // the names that were removed and that --keep-env did not save
}

func newEnvironment(inherited []string) *environment {
	return &environment{inherited: inherited, remove: map[string]bool{}}
}

// lookup returns an inherited variable. Of a name that is there twice the first
// counts, as for os.Getenv.
func (e *environment) lookup(name string) (string, bool) {
	for _, pair := range e.inherited {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

func (e *environment) value(name string) string {
	value, _ := e.lookup(name)
	return value
}

func (e *environment) removeNames(names ...string) {
	for _, name := range names {
		e.remove[name] = true
	}
}

// removeTokens removes the variables that hold one of tokens, and both of
// CircleCI's, which serve the same purposes.
func (e *environment) removeTokens(tokens []string, platform string) {
	for _, pair := range e.inherited {
		name, value, _ := strings.Cut(pair, "=")
		if slices.Contains(tokens, strings.TrimSpace(value)) {
			e.remove[name] = true
		}
	}
	if platform == "circleci" {
		e.removeNames("CIRCLE_OIDC_TOKEN", "CIRCLE_OIDC_TOKEN_V2")
	}
}

// set adds variables, each as "name=value", in place of inherited ones.
func (e *environment) set(pairs ...string) { e.add = append(e.add, pairs...) }

// withoutProxy makes clients ask 127.0.0.1 directly. Not all of them do so by
// themselves where a proxy is set.
func (e *environment) withoutProxy() {
	proxies := []string{"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}
	if !slices.ContainsFunc(proxies, func(name string) bool { return e.value(name) != "" }) {
		return
	}
	// Clients read one of the two, so each that is set must have the address;
	// if only one is set, the other must not come to hide it.
	var set []string
	for _, name := range []string{"no_proxy", "NO_PROXY"} {
		if value := e.value(name); value != "" {
			set = append(set, name+"="+value+",127.0.0.1")
		}
	}
	if len(set) == 0 {
		set = []string{"no_proxy=127.0.0.1", "NO_PROXY=127.0.0.1"}
	}
	e.set(set...)
}

// pairs returns the command's environment, and notes what it lacks. What is to
// be kept is neither removed nor replaced.
func (e *environment) pairs(keep []string) []string {
	replaced := map[string]bool{}
	var out []string
	for _, pair := range e.add {
		name, _, _ := strings.Cut(pair, "=")
		if _, inherited := e.lookup(name); inherited && slices.Contains(keep, name) {
			continue
		}
		replaced[name] = true
		out = append(out, pair)
	}
	for _, pair := range e.inherited {
		name, _, _ := strings.Cut(pair, "=")
		switch {
		case replaced[name]:
		case e.remove[name] && !slices.Contains(keep, name):
			if !slices.Contains(e.taken, name) {
				e.taken = append(e.taken, name)
			}
		default:
			out = append(out, pair)
		}
	}
	slices.Sort(e.taken)
	return out
}
