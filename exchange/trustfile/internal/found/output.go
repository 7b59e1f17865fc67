package found

import (
	"strings"

	"github.com/cioidc/cioidc/exchange/trustfile/internal/tree"
)

// Any returns the documents in a file by what it looks like. A file about
// something else has none.
func Any(root *tree.Node) []Document {
	switch {
	case root.Kind == tree.Array:
		return each(root)
	case root.Kind != tree.Object:
		return nil
	case root.Get("format_version") != nil && (root.Get("planned_values") != nil || root.Get("values") != nil):
		return Plan(root)
	case isTemplate(root):
		return Template(root)
	case root.Get("Statement") != nil && aboutTrust(root.Get("Statement")):
		return []Document{{Kind: AWSRole, At: root.At, Text: tree.Write(root)}}
	case root.Get("Roles") != nil:
		return each(root.Get("Roles"))
	case root.Get("Role", "AssumeRolePolicyDocument") != nil:
		return Any(root.Get("Role"))
	case root.Get("AssumeRolePolicyDocument") != nil:
		return Role(root.Get("RoleName").Str(), root.At, root.Get("AssumeRolePolicyDocument"))
	case root.Get("Url") != nil && root.Get("ClientIDList") != nil:
		return provider("", root.At, root.Get("Url"), root.Get("ClientIDList"))
	case root.Get("oidc", "issuerUri") != nil || root.Get("attributeMapping") != nil:
		return []Document{{Kind: GoogleProvider, At: root.At, Name: root.Get("name").Str(), Text: tree.Write(root)}}
	case root.Get("bindings") != nil && root.Get("bindings").Kind == tree.Array:
		return []Document{{Kind: GoogleBindings, At: root.At, Text: tree.Write(root)}}
	}
	return nil
}

// each is for what the clouds print as lists.
func each(list *tree.Node) (out []Document) {
	for _, e := range list.Elements {
		if e.Kind == tree.Object {
			out = append(out, Any(e)...)
		}
	}
	return out
}

// aboutTrust says whether statements are those of a trust policy, and not of the
// many other policies that look alike.
func aboutTrust(n *tree.Node) bool {
	if n.Kind == tree.String && strings.HasPrefix(n.Text, "sts:") {
		return true
	}
	for _, e := range n.Elements {
		if aboutTrust(e) {
			return true
		}
	}
	for _, m := range n.Members {
		if m.Name == "Federated" || m.Name != "Resource" && aboutTrust(m.Value) {
			return true
		}
	}
	return false
}
