package found

import "github.com/cioidc/cioidc/exchange/trustfile/internal/tree"

// Plan returns the documents in what terraform show -json prints of a plan or of
// a state.
func Plan(root *tree.Node) []Document {
	unknown := map[string]*tree.Node{}
	if changes := root.Get("resource_changes"); changes != nil {
		for _, c := range changes.Elements {
			if u := c.Get("change", "after_unknown"); u != nil {
				unknown[c.Get("address").Str()] = u
			}
		}
	}
	values := root.Get("planned_values", "root_module")
	if values == nil {
		values = root.Get("values", "root_module")
	}
	return planned(values, unknown)
}

func planned(module *tree.Node, unknown map[string]*tree.Node) (out []Document) {
	if module == nil {
		return nil
	}
	if list := module.Get("resources"); list != nil {
		for _, r := range list.Elements {
			address := r.Get("address").Str()
			values := r.Get("values")
			if mode := r.Get("mode"); values == nil || mode != nil && mode.Str() != "managed" {
				continue
			}
			values = overlay(values, unknown[address], address)
			out = append(out, Terraform(r.Get("type").Str(), address, r.At, values)...)
		}
	}
	if list := module.Get("child_modules"); list != nil {
		for _, m := range list.Elements {
			out = append(out, planned(m, unknown)...)
		}
	}
	return out
}

// overlay returns values with what a plan marks as known after apply, which
// stands in a tree of the same shape.
func overlay(values, unknown *tree.Node, path string) *tree.Node {
	if unknown == nil || values == nil {
		return values
	}
	switch {
	case unknown.Kind == tree.Bool && unknown.Text == "true":
		return tree.UnknownAt(path+", known after apply", values.At)
	case unknown.Kind == tree.Object && values.Kind == tree.Object:
		out := values.Changed()
		out.Members = nil
		for _, m := range values.Members {
			m.Value = overlay(m.Value, unknown.Get(m.Name), path+"."+m.Name)
			out.Members = append(out.Members, m)
		}
		for _, m := range unknown.Members {
			if values.Get(m.Name) == nil && m.Value.Kind == tree.Bool && m.Value.Text == "true" {
				m.At, m.Value = values.At, tree.UnknownAt(path+"."+m.Name+", known after apply", values.At)
				out.Members = append(out.Members, m)
			}
		}
		return out
	case unknown.Kind == tree.Array && values.Kind == tree.Array:
		out := values.Changed()
		out.Elements = nil
		for i, e := range values.Elements {
			if i < len(unknown.Elements) {
				e = overlay(e, unknown.Elements[i], path)
			}
			out.Elements = append(out.Elements, e)
		}
		return out
	}
	return values
}
