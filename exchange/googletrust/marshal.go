package googletrust

import (
	"bytes"
	"encoding/json"
)

// MarshalJSON returns the provider as the IAM API has it, for [ParseProvider] to
// read. Uploaded keys are left out: only that there are some is known.
func (p *Provider) MarshalJSON() ([]byte, error) {
	type oidc struct {
		IssuerURI        string   `json:"issuerUri"`
		AllowedAudiences []string `json:"allowedAudiences,omitempty"`
	}
	out := struct {
		Name             string            `json:"name,omitempty"`
		State            string            `json:"state,omitempty"`
		Disabled         bool              `json:"disabled,omitempty"`
		AttributeMapping map[string]string `json:"attributeMapping,omitempty"`
		Condition        string            `json:"attributeCondition,omitempty"`
		OIDC             oidc              `json:"oidc"`
	}{State: p.State, Disabled: p.Disabled, Condition: p.Condition.Text, OIDC: oidc{IssuerURI: p.IssuerURI.Text}}
	if name := p.Name(); name != "" {
		out.Name = name[len("//iam.googleapis.com/"):]
	}
	for _, a := range p.AllowedAudiences {
		out.OIDC.AllowedAudiences = append(out.OIDC.AllowedAudiences, a.Text)
	}
	for _, a := range p.Mapping {
		if out.AttributeMapping == nil {
			out.AttributeMapping = map[string]string{}
		}
		out.AttributeMapping[a.Name] = a.Expression.Text
	}
	return marshal(out)
}

// MarshalBindings returns bindings as an IAM policy, for [ParseBindings] to read.
// Roles that are not known are written as "roles/unknown".
func MarshalBindings(bindings []Binding) ([]byte, error) {
	type condition struct {
		Expression string `json:"expression"`
	}
	type binding struct {
		Role      string     `json:"role"`
		Members   []string   `json:"members"`
		Condition *condition `json:"condition,omitempty"`
	}
	list := []binding{}
	for _, b := range bindings {
		out := binding{Role: b.Role, Members: []string{}}
		if out.Role == "" {
			out.Role = "roles/unknown"
		}
		for _, m := range b.Members {
			out.Members = append(out.Members, m.Text)
		}
		if b.Condition.Text != "" {
			out.Condition = &condition{b.Condition.Text}
		}
		list = append(list, out)
	}
	return marshal(map[string]any{"bindings": list})
}

// marshal is json.Marshal that leaves the characters of expressions as they are.
func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false) // "&&" in a condition is no HTML
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
