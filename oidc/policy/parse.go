package policy

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// APIVersion is what a policy file must name as its apiVersion.
const APIVersion = "trust/v1"

// maxFile bounds a policy file, in bytes.
const maxFile = 1 << 20

// Parse reads a policy file, in YAML or JSON:
//
//	apiVersion: trust/v1
//	name: payments-deploy
//	audiences: ["https://deploy.internal.example"]
//	rules:
//	  - name: prod-from-main
//	    gitlab:
//	      issuer: https://gitlab.com
//	      project_id: "67890"
//	      ref_type: branch
//	      ref: main
//	      pipeline_source: [push, web]
//	    allow: {fork: "why"}
//	    when: [{cel: "...", message: "..."}]
//	deny:
//	  - name: never-scheduled
//	    gitlab: {pipeline_source: schedule}
//	tests:
//	  - name: a branch is refused
//	    token: testdata/branch.json
//	    expect: deny
//	    because: {rule: prod-from-main, claim: ref}
//
// A condition is a value; a list, of which the claim has one; or one of {not: a
// value or list}, {glob: …}, {regex: …}, {all_of: […]}, {any_of: […]},
// {present: true} and {absent: true}; not takes glob and regex as well. A plain
// value with a * in it is a glob, where the claim is no identifier. The keys of
// allow are the Allow constants. A test has either token, a file of claims as
// JSON in [Options.Files], or the claims themselves.
//
// The error is a *[ParseError] with the place. It refuses unknown and duplicate
// keys, aliases, anchors, tags, merge keys, second documents, and values without
// quotes that YAML takes for numbers.
func Parse(data []byte, o *Options) (*Policy, error) {
	if len(data) > maxFile {
		return nil, wrong(Position{}, "the file has more than %d bytes", maxFile)
	}
	var doc, second yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, wrong(Position{1, 1}, "the file is empty")
	} else if err != nil {
		e := wrong(Position{lineOf(err), 1}, "this is no YAML: %v", err)
		e.Err = err
		return nil, e
	}
	if err := d.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, wrong(Position{max(second.Line, 1), max(second.Column, 1)}, "write one document only")
	}
	if len(doc.Content) != 1 {
		return nil, wrong(Position{1, 1}, "the file is empty")
	}
	spec, err := readSpec(doc.Content[0])
	if err != nil {
		return nil, err
	}
	p, err := New(spec, o)
	var e *ParseError
	if errors.As(err, &e) && e.Line == 0 {
		e.Line, e.Column = at(doc.Content[0]).Line, at(doc.Content[0]).Column
	}
	return p, err
}

// lineOf returns the line that the YAML parser names, or the first one: it has no
// other form for it than its text.
func lineOf(err error) int {
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			return n
		}
	}
	return 1
}

var yamlLine = regexp.MustCompile(`^yaml: line ([0-9]+): `)

func at(n *yaml.Node) Position { return Position{n.Line, n.Column} }

// plain refuses what a reader might take for something else than it is.
func plain(n *yaml.Node) error {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return wrong(at(n), "aliases and anchors are not taken: write the value out")
	case n.Style&yaml.TaggedStyle != 0:
		return wrong(at(n), "tags are not taken: remove %s", n.Tag)
	}
	return nil
}

// object calls f for every key of a mapping. known are its keys; nil means any.
func object(n *yaml.Node, what string, known []string, f func(key string, k, v *yaml.Node) error) error {
	if err := plain(n); err != nil {
		return err
	}
	if n.Kind != yaml.MappingNode {
		return wrong(at(n), "%s must be a mapping of keys to values", what)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if err := plain(k); err != nil {
			return err
		}
		switch {
		case k.Kind != yaml.ScalarNode || k.Tag == "!!merge":
			return wrong(at(k), "%s: a key must be a name; merge keys are not taken", what)
		case seen[k.Value]:
			return wrong(at(k), "%s has %q twice: remove one", what, k.Value)
		case known != nil && !slices.Contains(known, k.Value):
			return wrong(at(k), "%s has no key %q%s", what, k.Value, suggestion(k.Value, known))
		}
		seen[k.Value] = true
		if err := plain(v); err != nil {
			return err
		}
		if err := f(k.Value, k, v); err != nil {
			return err
		}
	}
	return nil
}

func items(n *yaml.Node, what string, f func(v *yaml.Node) error) error {
	if n.Kind != yaml.SequenceNode {
		return wrong(at(n), "%s must be a list", what)
	}
	for _, v := range n.Content {
		if err := plain(v); err != nil {
			return err
		}
		if err := f(v); err != nil {
			return err
		}
	}
	return nil
}

func str(n *yaml.Node, what string) (string, error) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		return "", wrong(at(n), "%s must be text: put it in quotes", what)
	}
	return n.Value, nil
}

func readSpec(n *yaml.Node) (Spec, error) {
	var s Spec
	version := false
	err := object(n, "the file", []string{"apiVersion", "name", "audiences", "rules", "deny", "tests"}, func(key string, _, v *yaml.Node) (err error) {
		switch key {
		case "apiVersion":
			version = true
			if v.Value != APIVersion {
				return wrong(at(v), "apiVersion must be %s", APIVersion)
			}
		case "name":
			s.Name, err = str(v, key)
		case "audiences":
			err = items(v, key, func(v *yaml.Node) error {
				a, err := str(v, "an audience")
				s.Audiences = append(s.Audiences, a)
				return err
			})
		case "rules":
			s.Rules, err = readRules(v, key)
		case "deny":
			s.Deny, err = readRules(v, key)
		case "tests":
			s.Tests, err = readTests(v)
		}
		return err
	})
	if err == nil && !version {
		err = wrong(at(n), "apiVersion is missing: write apiVersion: %s", APIVersion)
	}
	return s, err
}

func readRules(n *yaml.Node, what string) ([]Rule, error) {
	var rules []Rule
	err := items(n, what, func(n *yaml.Node) error {
		r := Rule{Position: at(n)}
		err := object(n, "a rule", []string{"name", GitLab, CircleCI, "when", "allow"}, func(key string, k, v *yaml.Node) (err error) {
			switch key {
			case "name":
				r.Name, err = str(v, key)
			case "when":
				r.When, err = readWhen(v)
			case "allow":
				r.Allow = map[string]string{}
				if what == "deny" {
					return wrong(at(k), "a deny rule has no defaults that allow could switch off")
				}
				err = object(v, key, defaults, func(name string, k, v *yaml.Node) (err error) {
					if r.Allow[name], err = str(v, "the reason"); err == nil && strings.TrimSpace(v.Value) == "" {
						return wrong(at(k), "allow %s: write the reason", name)
					}
					return err
				})
			default:
				if r.Platform != "" {
					return wrong(at(k), "a rule is for one platform: write two rules")
				}
				r.Platform = key
				r.Claims, err = readClaims(v, key)
			}
			return err
		})
		rules = append(rules, r)
		return err
	})
	return rules, err
}

func readWhen(n *yaml.Node) ([]When, error) {
	var out []When
	err := items(n, "when", func(n *yaml.Node) error {
		w := When{Position: at(n)}
		err := object(n, "a condition", []string{"cel", "message"}, func(key string, _, v *yaml.Node) (err error) {
			if key == "cel" {
				w.CEL, err = str(v, key)
				w.Position = at(v)
				return err
			}
			w.Message, err = str(v, key)
			return err
		})
		out = append(out, w)
		return err
	})
	return out, err
}

func readClaims(n *yaml.Node, platform string) (map[string]Matcher, error) {
	fields := fieldsOf(platform)
	out := map[string]Matcher{}
	err := object(n, platform, nil, func(key string, k, v *yaml.Node) error {
		f, ok := fields[key]
		if !ok {
			return wrong(at(k), "%s", noClaim(platform, key, fields))
		}
		m, err := readMatcher(v, key, f)
		m.Position = at(k)
		out[key] = m
		return err
	})
	return out, err
}

var operators = []string{"not", "glob", "regex", "all_of", "any_of", "present", "absent"}

func readMatcher(n *yaml.Node, claim string, f field) (Matcher, error) {
	m := Matcher{Op: Equal}
	if n.Kind != yaml.MappingNode {
		var err error
		if m.Values, err = readValues(n, claim, f); err != nil {
			return m, err
		}
		if f.kind == text || f.kind == folded {
			if slices.ContainsFunc(m.Values, func(v string) bool { return strings.Contains(v, "*") }) {
				m.Op = Glob
			}
		}
		return m, nil
	}
	if len(n.Content) != 2 {
		return m, wrong(at(n), "%s: write one operator of %s", claim, strings.Join(operators, ", "))
	}
	err := object(n, claim, operators, func(key string, _, v *yaml.Node) (err error) {
		switch key {
		case "not":
			m, err = readMatcher(v, claim, f)
			if err == nil && (m.Not || m.Op == Present || m.Op == Absent) {
				return wrong(at(v), "%s: not takes values, glob, regex, all_of or any_of", claim)
			}
			m.Not = true
			return err
		case "present", "absent":
			m.Op = Op(key)
			if v.Kind != yaml.ScalarNode || v.Tag != "!!bool" || v.Value != "true" {
				return wrong(at(v), "%s: write %s: true", claim, key)
			}
			return nil
		case "glob", "regex", "all_of":
			m.Op = Op(key)
		case "any_of":
			if v.Kind != yaml.SequenceNode {
				return wrong(at(v), "%s: any_of must be a list", claim)
			}
		}
		m.Values, err = readValues(v, claim, f)
		return err
	})
	return m, err
}

func readValues(n *yaml.Node, claim string, f field) ([]string, error) {
	if n.Kind == yaml.SequenceNode {
		var out []string
		err := items(n, claim, func(n *yaml.Node) error {
			if n.Kind == yaml.SequenceNode {
				return wrong(at(n), "%s: a list of values has no list in it", claim)
			}
			v, err := readValues(n, claim, f)
			out = append(out, v...)
			return err
		})
		return out, err
	}
	if f.kind == boolean {
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || n.Value != "true" && n.Value != "false" {
			return nil, wrong(at(n), "%s must be true or false, without quotes", claim)
		}
		return []string{n.Value}, nil
	}
	v, err := str(n, claim)
	return []string{v}, err
}
