package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// withheld stands for what names a person: reports go to logs and code hosts.
const withheld = "(a person, not shown)"

// user finds the person in a subject of CircleCI.
var user = regexp.MustCompile(`/user/[^/]+`)

// person says whether a claim is about who started the job.
func person(claim string) bool {
	return strings.HasPrefix(claim, "user_") && claim != "user_access_level" || claim == "groups_direct"
}

// withhold takes the persons out of a witness. They are those of its token and of
// the one that is meant.
func withhold(p *proof, meant json.RawMessage) {
	var names []string
	for _, raw := range []json.RawMessage{meant, p.Claims} {
		var m map[string]json.RawMessage
		if json.Unmarshal(raw, &m) != nil {
			continue
		}
		for claim, value := range m {
			if person(claim) {
				names = append(names, plain(value))
			}
		}
	}
	hide := func(claim, value string) string {
		if value != "" && (person(claim) || claim == "sub" && slices.Contains(names, value)) {
			return withheld
		}
		if claim != "sub" && !strings.HasSuffix(claim, "/sub") {
			return value
		}
		value = user.ReplaceAllString(value, "/user/"+withheld)
		parts := strings.Split(value, ":") // as GitLab writes user_login:NAME
		for i := 1; i < len(parts); i++ {
			if person(parts[i-1]) {
				parts[i] = withheld
			}
		}
		return strings.Join(parts, ":")
	}
	for i := range p.Changed {
		c := &p.Changed[i]
		c.Meant, c.Other = hide(c.Claim, c.Meant), hide(c.Claim, c.Other)
	}
	var all map[string]json.RawMessage
	if json.Unmarshal(p.Claims, &all) != nil {
		p.Claims = nil
		return
	}
	for claim, value := range all {
		if shown := plain(value); hide(claim, shown) != shown {
			all[claim], _ = json.Marshal(hide(claim, shown))
		}
	}
	p.Claims, _ = json.Marshal(all)
}
