// Package found makes documents about trust of the resources that hold them,
// whatever the file was that has the resource.
package found

import (
	"net/url"
	"strings"

	"github.com/cioidc/cioidc/exchange/trustfile/internal/tree"
)

// Document is trustfile's, before it has the name of a file.
type Document struct {
	Kind string
	Name string
	At   tree.Pos
	tree.Text
}

// The kinds of trustfile.
const (
	AWSRole        = "aws-role"
	AWSProvider    = "aws-provider"
	GoogleProvider = "google-provider"
	GoogleBindings = "google-bindings"
)

// Role returns the trust policy that a role has, as an object or as text. The
// API has it with its characters escaped as in a URL.
func Role(name string, at tree.Pos, policy *tree.Node) []Document {
	d := Document{Kind: AWSRole, Name: name, At: at}
	switch policy.Kind {
	case tree.Unknown:
		d.Refs = policy.Refs
		return []Document{d}
	case tree.Null:
		return nil
	case tree.String:
		if strings.HasPrefix(policy.Text, "%7B") || strings.HasPrefix(policy.Text, "%7b") {
			if text, err := url.PathUnescape(policy.Text); err == nil {
				policy = tree.StringAt(text, policy.At)
			}
		}
	}
	d.Text = tree.Inner(policy)
	return []Document{d}
}

// provider returns an OpenID Connect provider of an AWS account. The API has the
// URL without its scheme.
func provider(name string, at tree.Pos, address, clients *tree.Node) []Document {
	if address == nil {
		return nil
	}
	if address.Kind == tree.String {
		address = address.Changed()
		address.Text = strings.TrimPrefix(address.Text, "https://")
	}
	n := object(at, "Url", address, "ClientIDList", list(clients))
	return []Document{{Kind: AWSProvider, Name: name, At: at, Text: tree.Write(n)}}
}

// object returns an object of names and values; what is nil or null is left out.
func object(at tree.Pos, pairs ...any) *tree.Node {
	out := &tree.Node{Kind: tree.Object, At: at}
	for i := 0; i < len(pairs); i += 2 {
		if v := pairs[i+1].(*tree.Node); v != nil && v.Kind != tree.Null {
			out.Members = append(out.Members, tree.Member{Name: pairs[i].(string), At: v.At, Value: v.Changed()})
		}
	}
	return out
}

// list returns one value as a list of it.
func list(n *tree.Node) *tree.Node {
	if n == nil || n.Kind == tree.Array || n.Kind == tree.Null || n.Kind == tree.Unknown {
		return n
	}
	return &tree.Node{Kind: tree.Array, At: n.At, Elements: []*tree.Node{n}}
}

// first returns the only element of a list, as Terraform has blocks.
func first(n *tree.Node) *tree.Node {
	if n != nil && n.Kind == tree.Array {
		if len(n.Elements) == 0 {
			return nil
		}
		return n.Elements[0]
	}
	return n
}
