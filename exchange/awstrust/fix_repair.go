package awstrust

import (
	"slices"
	"strings"

	"github.com/cioidc/cioidc/claims"
)

// anyUser is a pattern for the ID of a user, which leaves no room for anything
// else.
const anyUser = "????????-????-????-????-????????????"

// repair returns what to change in a statement so that a finding is put right
// by what is written alone; and whether it can only be meant so.
func repair(s *linted, f Finding) (changes []change, certain bool) {
	for i := range s.Principals {
		if p := &s.Principals[i]; p.Position == f.Position && f.ID == "AWS016" {
			if arn := canonicalARN(p.Name); arn != p.Name {
				return []change{{at: p.Position, text: arn}}, true
			}
		}
	}
	for i := range s.Actions {
		if v := &s.Actions[i]; v.Position == f.Position && f.ID == "AWS021" {
			return s.repairAction(f)
		}
	}
	for _, c := range s.live {
		if c.Position == f.Position {
			if changes, certain := s.repairCondition(c, f); len(changes) > 0 {
				return changes, certain
			}
		}
		for _, v := range c.Values {
			if v.Position == f.Position {
				if changes, certain := s.repairValue(c, v, f); len(changes) > 0 {
					return changes, certain
				}
			}
		}
	}
	return nil, false
}

// canonicalARN returns a provider's ARN as AWS names it, or arn if more than the
// issuer's spelling is wrong.
func canonicalARN(arn string) string {
	start, url, _ := strings.Cut(arn, providerResource)
	if _, bare, ok := strings.Cut(url, "://"); ok {
		url = bare
	}
	url = strings.TrimRight(url, "/")
	host, path, _ := strings.Cut(url, "/")
	fixed := start + providerResource + strings.ToLower(host)
	if path != "" {
		fixed += "/" + path
	}
	if host == "" || !(Provider{URL: "https://" + fixed[len(start)+len(providerResource):]}).names(fixed) || strings.ContainsAny(fixed, "*?$") {
		return arn
	}
	return fixed
}

// repairAction names the action of web identities. That is certain if nobody
// else is among the principals, who may need what was written.
func (s *linted) repairAction(f Finding) (changes []change, certain bool) {
	if slices.ContainsFunc(s.Actions, func(v Value) bool { return strings.EqualFold(v.Text, webIdentity) }) {
		return nil, false
	}
	// Such tokens bring no tags and no source identity, which another's may.
	certain = len(s.prefixes) == len(s.Principals) && (f.Kind == Broken || s.platform == gitLabCom || s.platform == circleCIOrganization)
	at := f.Position
	if f.Kind == Broken {
		for _, v := range s.Actions {
			if strings.EqualFold(v.Text, "sts:AssumeRole") {
				at = v.Position
			}
		}
	}
	return []change{{at: at, text: webIdentity}}, certain
}

// always reports whether every token of a job at the statement's issuer has a
// value for the key of a claim.
func (s *linted) always(claim string) bool {
	if len(s.prefixes) != 1 {
		return false
	}
	switch claim {
	case "sub", "aud":
		return true
	case "project_id", "namespace_id", "ref_protected", "pipeline_source", "runner_environment":
		return s.platform == gitLabCom
	case circleCIProject:
		return s.platform == circleCIOrganization
	}
	return false
}

func (s *linted) repairCondition(c *Condition, f Finding) (changes []change, certain bool) {
	claim, _ := s.claimOf(c.Key)
	to := c.Operator
	move := func(certain bool) ([]change, bool) {
		return []change{{at: c.Position, operator: &to}}, certain
	}
	switch f.ID {
	case "AWS009", "AWS010": // of one value that is there, all are what any is
		if _, known := s.key(claim); !known || claim == "amr" {
			return nil, false
		}
		to.Set = ""
		return move(s.always(claim) || f.ID == "AWS010" && !c.Operator.negated())
	case "AWS011":
		if _, known := s.key(claim); !known {
			return nil, false
		}
		to.IfExists = false
		return move(s.always(claim))
	case "AWS013":
		if f.Kind == Broken {
			return []change{{at: c.Position, remove: true}}, len(s.live) > 1
		}
	case "AWS015":
		name := c.Key[strings.LastIndexByte(c.Key, ':')+1:]
		key, known := s.key(name)
		if !known || len(s.prefixes) != 1 || !strings.Contains(c.Key, ":") {
			return nil, false
		}
		// What ends in the key's own name and has another issuer before it. An
		// operator that holds without the key let everybody in, and would not.
		return []change{{at: c.Position, text: key}}, c.demands()
	case "AWS019":
		if c.Operator.Name != "Bool" || slices.ContainsFunc(c.Values, func(v Value) bool { return v.Text != "true" && v.Text != "false" }) {
			return nil, false
		}
		to.Name = "StringEquals"
		return move(claim == "ref_protected" && s.always(claim))
	case "AWS026":
		to.Name = "StringEquals"
		return move(false)
	}
	return nil, false
}

func (s *linted) repairValue(c *Condition, v Value, f Finding) (changes []change, certain bool) {
	w := wanted{v.Text, c.like(), v.Position}
	write := func(text string, certain bool) ([]change, bool) {
		if text == v.Text {
			return nil, false
		}
		return []change{{at: v.Position, text: text}}, certain
	}
	switch f.ID {
	case "AWS005":
		to := c.Operator
		to.Name = "StringLike"
		if c.Operator.negated() {
			to.Name = "StringNotLike"
		}
		return []change{{at: c.Position, operator: &to}}, c.Operator.Name == "StringEquals"
	case "CC002":
		changes, _ = write(strings.Replace(v.Text, "/user/"+w.segment("user"), "/user/"+anyUser, 1), false)
		if !c.like() {
			to := c.Operator
			to.Name = "StringLike"
			changes = append(changes, change{at: c.Position, operator: &to})
		}
		return changes, false // others' jobs are let in, which may be meant or not
	case "CC004":
		fixed := strings.Replace(v.Text, "/user/*/", "/user/"+anyUser+"/", 1)
		if strings.Contains(fixed, "*") { // one more star, which the mask does not help
			return nil, false
		}
		return write(fixed, claims.IsUUID(w.segment("project")) && claims.IsUUID(w.segment("org")))
	case "GL007":
		kind, _ := w.part("ref_type")
		return write(strings.Replace(v.Text, "ref_type:"+kind, "ref_type:branch", 1), false)
	case "GL014":
		ref, _ := w.part("ref")
		kind, _ := w.part("ref_type")
		for prefix, of := range map[string]string{"refs/heads/": "branch", "refs/tags/": "tag"} {
			if short, ok := strings.CutPrefix(ref, prefix); ok {
				return write(strings.Replace(v.Text, ":ref:"+ref, ":ref:"+short, 1), kind == of)
			}
		}
	}
	return nil, false
}
