package googletrust

import (
	"strings"

	"github.com/cioidc/cioidc/internal/jsontree"
	"github.com/cioidc/cioidc/internal/safetext"
)

// ParseProvider reads a provider as the IAM API has it, such as
//
//	gcloud iam workload-identity-pools providers describe ID --format=json ...
//
// prints it. It takes what Google would save: within the limits, for OpenID Connect,
// with members of the API's resource only. Those that decide nothing, such as
// displayName, are passed over. A condition or an expression is not compiled here;
// [Lint] reports one that cannot be.
//
// Every error is a *[ParseError].
func ParseProvider(data []byte) (*Provider, error) {
	p, root, err := read(data)
	if err != nil {
		return nil, err
	}
	const resource = "a provider"
	err = p.members(root, resource, "name", "displayName", "description", "state", "disabled", "expireTime",
		"attributeMapping", "attributeCondition", "oidc", "aws", "saml", "x509")
	if err != nil {
		return nil, err
	}
	for _, other := range []string{"aws", "saml", "x509"} {
		if n := root.Get(other); n != nil {
			return nil, p.failAt(n.Offset, "a provider for %s, which takes no tokens of CI jobs: give one with oidc", other)
		}
	}
	out := &Provider{Position: p.at(root.Offset)}
	if err := p.name(out, root.Get("name")); err != nil {
		return nil, err
	}
	if err := p.state(out, root); err != nil {
		return nil, err
	}
	if err := p.oidc(out, root); err != nil {
		return nil, err
	}
	if err := p.mapping(out, root.Get("attributeMapping")); err != nil {
		return nil, err
	}
	if out.Condition, err = p.text(root.Get("attributeCondition"), "attributeCondition"); err != nil {
		return nil, err
	}
	if problem, at := out.refusedToSave(); problem != "" {
		if at == (Position{}) {
			at = out.Position
		}
		return nil, &ParseError{Line: at.Line, Column: at.Column, Problem: problem}
	}
	return out, nil
}

const wantName = "want projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER"

func (p *parser) name(out *Provider, n *jsontree.Node) error {
	name, err := p.text(n, "name")
	if err != nil || name.Text == "" {
		return err
	}
	part := strings.Split(strings.TrimPrefix(name.Text, "//iam.googleapis.com/"), "/")
	switch {
	case len(part) != 8 || part[0] != "projects" || part[2] != "locations" || part[3] != "global" ||
		part[4] != "workloadIdentityPools" || part[6] != "providers":
		return p.failAt(n.Offset, "name is %s, %s", safetext.Quote(name.Text), wantName)
	case part[1] == "" || strings.Trim(part[1], "0123456789") != "":
		return p.failAt(n.Offset, "%s is no project number, which principals have in place of the project's ID; %s", safetext.Quote(part[1]), wantName)
	case part[5] == "" || part[7] == "":
		return p.failAt(n.Offset, "name is %s, %s", safetext.Quote(name.Text), wantName)
	}
	out.ProjectNumber, out.Pool, out.ID = part[1], part[5], part[7]
	return nil
}

func (p *parser) state(out *Provider, root *jsontree.Node) error {
	state, err := p.text(root.Get("state"), "state")
	if err != nil {
		return err
	}
	switch state.Text {
	case "", "ACTIVE", "DELETED", "STATE_UNSPECIFIED":
	default:
		return p.failAt(root.Get("state").Offset, "state is ACTIVE or DELETED, not %s", safetext.Quote(state.Text))
	}
	out.State = strings.TrimSuffix(state.Text, "STATE_UNSPECIFIED")
	if n := root.Get("disabled"); n != nil && n.Kind != jsontree.Null {
		if n.Kind != jsontree.Bool {
			return p.failAt(n.Offset, "disabled must be true or false, not %v", n.Kind)
		}
		out.Disabled = n.Text == "true"
	}
	return nil
}

func (p *parser) oidc(out *Provider, root *jsontree.Node) (err error) {
	n := root.Get("oidc")
	if n == nil {
		return p.failAt(root.Offset, "no oidc: the provider says nothing of an issuer")
	}
	if err := p.members(n, "oidc", "issuerUri", "allowedAudiences", "jwksJson", "discoveryUri"); err != nil {
		return err
	}
	if out.IssuerURI, err = p.text(n.Get("issuerUri"), "issuerUri"); err != nil {
		return err
	}
	if out.IssuerURI.Text == "" {
		return p.failAt(n.Offset, "no issuerUri: write the issuer, byte for byte as the tokens have it")
	}
	if out.AllowedAudiences, err = p.texts(n.Get("allowedAudiences"), "allowedAudiences"); err != nil {
		return err
	}
	keys, err := p.text(n.Get("jwksJson"), "jwksJson")
	out.InlineKeys = keys.Text != ""
	return err
}

func (p *parser) mapping(out *Provider, n *jsontree.Node) error {
	if n == nil || n.Kind == jsontree.Null {
		return nil
	}
	if n.Kind != jsontree.Object {
		return p.failAt(n.Offset, "attributeMapping is one JSON object, not %v", n.Kind)
	}
	for _, m := range n.Members {
		if out.Attribute(m.Name) != nil {
			return p.failAt(m.Offset, "%s is mapped twice: leave one out", safetext.Quote(m.Name))
		}
		if m.Value.Kind != jsontree.String {
			return p.failAt(m.Value.Offset, "the mapping of %s must be a string, not %v", safetext.Quote(m.Name), m.Value.Kind)
		}
		out.Mapping = append(out.Mapping, Attribute{Name: m.Name, Expression: Value{m.Value.Text, p.at(m.Value.Offset)}, Position: p.at(m.Offset)})
	}
	return nil
}
