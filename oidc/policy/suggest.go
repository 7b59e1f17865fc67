package policy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/cioidc/cioidc/claims"
)

// suggested are the claims that a suggested rule names, where a token has them:
// those that stay the same from run to run of the same job.
var suggested = map[string][]string{
	GitLab: {"issuer", "project_id", "namespace_id", "project_path", "ref_type", "ref", "ref_protected", "environment", "environment_protected",
		"pipeline_source", "runner_environment", "ci_config_ref_uri"},
	CircleCI: {"issuer", "org-id", "project-id", "pipeline-definition-id", "vcs-origin", "vcs-ref", "context-ids"},
}

// Suggest returns the text of the narrowest policy that allows identity, the
// claims of a verified token, in all its runs, for its owner to read, name and
// widen. [Parse] takes it. An environment that nothing protects is left out:
// any job could name it.
//
// The error says what a policy for such a token would need a written reason for:
// a job that was rerun with SSH or may be a fork's; or that identity is neither a
// *[claims.GitLab] nor a *[claims.CircleCI], or lacks what every rule must name.
func Suggest(identity claims.Model) ([]byte, error) {
	platform := platformOf(identity)
	if platform == "" {
		return nil, errors.New("policy: no policy can be suggested for claims that are neither GitLab's nor CircleCI's")
	}
	fields, rule := fieldsOf(platform), mapping()
	guarded := false
	if c, ok := identity.(*claims.GitLab); ok {
		guarded = c.EnvironmentProtected == claims.True || c.RefProtected == claims.True
	}
	for _, name := range suggested[platform] {
		f := fields[name]
		switch {
		case f.many != nil:
			if values := f.many(identity); len(values) > 0 {
				add(rule, name, add(mapping(), "all_of", texts(values)))
			}
		case f.one(identity) == "" || !guarded && strings.HasPrefix(name, "environment"):
		case f.kind == boolean:
			add(rule, name, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: f.one(identity)})
		case strings.Contains(f.one(identity), "*"): // which would make it a pattern
			add(rule, name, add(mapping(), "any_of", texts([]string{f.one(identity)})))
		default:
			add(rule, name, quoted(f.one(identity)))
		}
	}
	rules := &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{add(add(mapping(), "name", quoted("this-job")), platform, rule)}}
	doc := add(add(mapping(), "apiVersion", &yaml.Node{Kind: yaml.ScalarNode, Value: APIVersion}), "name", quoted("suggested"))
	add(add(doc, "audiences", texts(identity.RegisteredClaims().Audience)), "rules", rules)
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(doc); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	p, err := Parse(out.Bytes(), nil)
	if err != nil {
		return nil, fmt.Errorf("policy: no policy can be suggested for this token: %w", err)
	}
	if d := p.Evaluate(context.Background(), identity); !d.Allowed {
		return nil, fmt.Errorf("policy: a policy for this token needs a written reason%s", d.because())
	}
	return out.Bytes(), nil
}

func mapping() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode} }

func add(to *yaml.Node, key string, value *yaml.Node) *yaml.Node {
	to.Content = append(to.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
	return to
}

func quoted(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: text}
}

func texts(values []string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, v := range values {
		n.Content = append(n.Content, quoted(v))
	}
	return n
}
