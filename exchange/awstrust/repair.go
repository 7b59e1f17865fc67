package awstrust

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/claims"
)

// ErrNoRepair: [Repair] has nothing to put in place of what was found: the
// finding says what to think about, or it takes [LintOptions.Token] to know whose
// role it is. Match with [errors.Is].
var ErrNoRepair = errors.New("awstrust: there is nothing to propose for this finding")

// Repair returns the document with what f found put right; doc is not changed.
// Certain says that it can only be meant so, as for a star behind StringEquals.
// Otherwise it is a proposal: of a statement that is too broad, the one for the
// project and ref of o.Token and nobody else.
//
// The error is [ErrNoRepair], or a *[ParseError] if what came of it could not be
// saved.
func Repair(doc *Document, f Finding, o *LintOptions) (fixed *Document, certain bool, err error) {
	if o == nil {
		o = &LintOptions{}
	}
	out := doc.clone()
	i := out.statementAt(f.Position)
	if i < 0 {
		return nil, false, ErrNoRepair
	}
	if o.repairCertainly(out, i, f) {
		certain = true
	} else if f.Kind != TooBroad && f.Kind != Fragile || !o.narrow(out, i) {
		return nil, false, ErrNoRepair
	}
	if !out.Statements[i].gather() {
		return nil, false, ErrNoRepair
	}
	text, err := out.MarshalJSON()
	if err != nil {
		return nil, false, err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, text, "", "  "); err != nil {
		return nil, false, err
	}
	fixed, err = Parse(pretty.Bytes())
	return fixed, certain, err
}

// clone returns a copy whose statements can be changed.
func (d *Document) clone() *Document {
	out := &Document{Version: d.Version, ID: d.ID, Statements: slices.Clone(d.Statements)}
	for i := range out.Statements {
		s := &out.Statements[i]
		s.Principals, s.NotPrincipals = slices.Clone(s.Principals), slices.Clone(s.NotPrincipals)
		s.Actions, s.NotActions = slices.Clone(s.Actions), slices.Clone(s.NotActions)
		s.Conditions = slices.Clone(s.Conditions)
		for j := range s.Conditions {
			s.Conditions[j].Values = slices.Clone(s.Conditions[j].Values)
		}
	}
	return out
}

// gather puts the conditions of one operator together, as they are written. It
// reports false if an operator would then have a key twice, of which AWS keeps
// one, and the two differ.
func (s *Statement) gather() bool {
	var all []Condition
	for _, c := range s.Conditions {
		if c.Superseded {
			continue
		}
		twice := slices.IndexFunc(all, func(o Condition) bool { return o.Operator == c.Operator && strings.EqualFold(o.Key, c.Key) })
		switch {
		case twice < 0:
			all = append(all, c)
		case !slices.Equal(texts(all[twice].Values), texts(c.Values)):
			return false
		}
	}
	first := func(c Condition) int {
		return slices.IndexFunc(all, func(o Condition) bool { return o.Operator == c.Operator })
	}
	s.Conditions = slices.Clone(all)
	slices.SortStableFunc(s.Conditions, func(a, b Condition) int { return first(a) - first(b) })
	return true
}

// statementAt returns the place of the statement that a position is in: the last
// that begins at it or before it.
func (d *Document) statementAt(at Position) int {
	found := -1
	for i, s := range d.Statements {
		if s.Position.Line < at.Line || s.Position.Line == at.Line && s.Position.Column <= at.Column {
			found = i
		}
	}
	return found
}

// conditionAt returns the condition whose key or value is at a position.
func (s *Statement) conditionAt(at Position) *Condition {
	for j := range s.Conditions {
		c := &s.Conditions[j]
		if c.Position == at || slices.ContainsFunc(c.Values, func(v Value) bool { return v.Position == at }) {
			return c
		}
	}
	return nil
}

// repairCertainly changes what can only be meant one way, and reports whether it
// did.
func (o *LintOptions) repairCertainly(doc *Document, i int, f Finding) bool {
	s := &doc.Statements[i]
	c := s.conditionAt(f.Position)
	switch f.ID {
	case "AWS005":
		if c == nil || !strings.HasPrefix(c.Operator.Name, "StringEquals") {
			return false
		}
		c.Operator.Name = "StringLike"
	case "AWS009", "AWS010":
		if c == nil {
			return false
		}
		c.Operator.Set = ""
		if claim, ours := read(doc, i, o).claimOf(c.Key); f.ID == "AWS009" && ours {
			if _, known := read(doc, i, o).key(claim); !known {
				return false // Without it the condition refuses everybody.
			}
		}
	case "AWS013":
		if c == nil || f.Kind != Broken {
			return false
		}
		s.Conditions = slices.DeleteFunc(s.Conditions, func(other Condition) bool { return other.Position == c.Position })
	case "AWS015":
		return o.repairKey(doc, i, c)
	case "AWS016":
		return repairARN(s, f.Position)
	case "AWS019":
		if c == nil || c.Operator.Name != "Bool" {
			return false
		}
		c.Operator.Name = "StringEquals"
		for j := range c.Values {
			c.Values[j].Text = strings.ToLower(c.Values[j].Text)
		}
	case "AWS021":
		if f.Kind != Broken {
			return false
		}
		for j := range s.Actions {
			if strings.EqualFold(s.Actions[j].Text, "sts:AssumeRole") {
				s.Actions[j].Text = webIdentity
			}
		}
	case "AWS023", "GL014", "CC004":
		return repairSubject(c, f)
	default:
		return false
	}
	return true
}

// repairKey gives a key of another provider the prefix of the statement's.
func (o *LintOptions) repairKey(doc *Document, i int, c *Condition) bool {
	s := read(doc, i, o)
	if c == nil || len(s.prefixes) != 1 {
		return false
	}
	for _, k := range Keys("https://" + s.prefix) {
		if strings.HasSuffix(c.Key, ":"+k.Claim) {
			c.Key = k.Name
			return true
		}
	}
	return false
}

// repairARN writes a provider's ARN as AWS makes it.
func repairARN(s *Statement, at Position) bool {
	for j := range s.Principals {
		p := &s.Principals[j]
		start, url, ok := strings.Cut(p.Name, providerResource)
		if p.Position != at || !ok || strings.ContainsAny(url, "*?") {
			continue
		}
		_, bare, scheme := strings.Cut(url, "://")
		if !scheme {
			bare = url
		}
		host, path, _ := strings.Cut(strings.TrimRight(bare, "/"), "/")
		bare = strings.ToLower(host)
		if path != "" {
			bare += "/" + path
		}
		if part := strings.Split(start, ":"); len(part) != 5 || !isAccount(part[4]) {
			return false
		}
		p.Name = start + providerResource + bare
		return true
	}
	return false
}

// userMask stands for a user's ID in a subject of CircleCI, character by
// character: nothing of a branch's name gets into it.
const userMask = "????????-????-????-????-????????????"

// repairSubject writes a value of sub as it can only be meant.
func repairSubject(c *Condition, f Finding) bool {
	if c == nil {
		return false
	}
	for j := range c.Values {
		v := &c.Values[j]
		if v.Position != f.Position {
			continue
		}
		switch f.ID {
		case "AWS023":
			var list []Value
			for text := range strings.SplitSeq(v.Text, ",") {
				list = append(list, Value{Text: strings.TrimSpace(text), Position: v.Position})
			}
			c.Values = slices.Replace(c.Values, j, j+1, list...)
			return true
		case "GL014":
			for kind, prefix := range map[string]string{"branch": "refs/heads/", "tag": "refs/tags/"} {
				if strings.Contains(v.Text, ":ref_type:"+kind+":ref:"+prefix) {
					v.Text = strings.Replace(v.Text, ":ref:"+prefix, ":ref:", 1)
					return true
				}
			}
		case "CC004":
			// A star elsewhere than for the user takes what cannot be known.
			masked := strings.Replace(v.Text, "/user/*/", "/user/"+userMask+"/", 1)
			if masked != v.Text && !strings.ContainsAny(strings.TrimRight(masked, "*"), "*") && strings.HasPrefix(masked, "org/") {
				v.Text = masked
				return true
			}
		}
	}
	return false
}

// narrow makes a statement one for the project and the ref of o.Token: it
// reports false if that is not known, or of another issuer than the statement.
func (o *LintOptions) narrow(doc *Document, i int) bool {
	s := &doc.Statements[i]
	if o.Token == nil || s.Effect != Allow {
		return false
	}
	url := o.Token.RegisteredClaims().Issuer
	provider := Provider{URL: url}
	if arn := ownARN(doc, provider); arn != "" {
		s.Principals, s.NotPrincipals = []Principal{{Kind: "Federated", Name: arn}}, nil
	} else {
		return false
	}
	s.Actions, s.NotActions = []Value{{Text: webIdentity}}, nil
	key := func(claim string) string { return provider.prefix() + ":" + claim }
	equals := map[string]string{}
	add := func(operator, claim string, values ...string) {
		c := Condition{Operator: Operator{Name: operator}, Key: key(claim)}
		for _, v := range values {
			if v == "" {
				return
			}
			c.Values = append(c.Values, Value{Text: v})
			equals[claim] = v
		}
		s.Conditions = append(s.Conditions, c)
	}
	// What is about the request and not about the token stays.
	s.Conditions = slices.DeleteFunc(s.Conditions, func(c Condition) bool {
		lower := strings.ToLower(c.Key)
		return c.Superseded || !strings.HasPrefix(lower, "aws:") && !strings.HasPrefix(lower, "sts:")
	})
	r := o.Token.RegisteredClaims()
	add("StringEquals", "aud", r.Audience...)
	switch m := o.Token.(type) {
	case *claims.GitLab:
		add("StringEquals", "sub", r.Subject)
		if provider.prefix() == gitLabHost {
			add("StringEquals", "project_id", string(m.ProjectID))
			add("StringEquals", "namespace_id", string(m.NamespaceID))
			add("StringEquals", "pipeline_source", m.PipelineSource)
			add("StringEquals", "runner_environment", m.RunnerEnvironment)
			if m.RefProtected == claims.True {
				add("StringEquals", "ref_protected", "true")
			}
		}
	case *claims.CircleCI:
		if platformOf(provider.prefix()) == circleCIOrganization {
			add("StringEquals", circleCIProject, m.ProjectID)
		}
		add("StringLike", "sub", masked(r.Subject))
	default:
		return false
	}
	return equals["sub"] != ""
}

// masked returns a subject of CircleCI for any user.
func masked(subject string) string {
	before, rest, ok := strings.Cut(subject, "/user/")
	if !ok || len(rest) < len(userMask) || !claims.IsUUID(rest[:len(userMask)]) {
		return subject
	}
	return before + "/user/" + userMask + rest[len(userMask):]
}

// ownARN returns the ARN of a provider as the document names it, or as it would:
// with the account of another that it names.
func ownARN(doc *Document, p Provider) string {
	found := ""
	for _, s := range doc.Statements {
		for _, name := range slices.Concat(s.Principals, s.NotPrincipals) {
			start, url, ok := strings.Cut(name.Name, providerResource)
			switch {
			case !ok:
			case url == p.prefix():
				return name.Name
			case found == "":
				found = start + providerResource + p.prefix()
			}
		}
	}
	return found
}
