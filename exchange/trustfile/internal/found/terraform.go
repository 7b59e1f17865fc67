package found

import (
	"strings"

	"github.com/cioidc/cioidc/exchange/trustfile/internal/tree"
)

// Terraform returns the documents of a resource of Terraform, of this type and
// address. Blocks are lists of objects in its attributes.
func Terraform(kind, address string, at tree.Pos, attributes *tree.Node) []Document {
	switch {
	case kind == "aws_iam_role":
		if policy := attributes.Get("assume_role_policy"); policy != nil {
			return Role(address, at, policy)
		}
	case kind == "aws_iam_openid_connect_provider":
		return provider(address, at, attributes.Get("url"), attributes.Get("client_id_list"))
	case kind == "google_iam_workload_identity_pool_provider":
		return poolProvider(address, at, attributes)
	case strings.HasPrefix(kind, "google_") && (strings.HasSuffix(kind, "_iam_member") || strings.HasSuffix(kind, "_iam_binding")):
		return binding(address, at, attributes)
	}
	return nil
}

// poolProvider turns Terraform's names into those of the API.
func poolProvider(address string, at tree.Pos, a *tree.Node) []Document {
	oidc := first(a.Get("oidc"))
	if oidc == nil {
		return nil // of another cloud, or SAML
	}
	if oidc.Kind == tree.Object {
		oidc = object(oidc.At, "issuerUri", oidc.Get("issuer_uri"), "allowedAudiences", oidc.Get("allowed_audiences"), "jwksJson", oidc.Get("jwks_json"))
	}
	name := a.Get("name")
	if name.Str() == "" {
		name = providerName(a)
	}
	n := object(at, "name", name, "disabled", a.Get("disabled"), "attributeMapping", a.Get("attribute_mapping"),
		"attributeCondition", a.Get("attribute_condition"), "oidc", oidc)
	return []Document{{Kind: GoogleProvider, Name: address, At: at, Text: tree.Write(n)}}
}

// providerName returns the name that a provider will have. It has the project's
// number, which Terraform takes in place of the ID; nil if it is not known.
func providerName(a *tree.Node) *tree.Node {
	project, pool, id := a.Get("project"), a.Get("workload_identity_pool_id"), a.Get("workload_identity_pool_provider_id")
	if project.Str() == "" || strings.Trim(project.Text, "0123456789") != "" || pool.Str() == "" || id.Str() == "" {
		return nil
	}
	out, _ := tree.Join(id.At, tree.StringAt("projects/", project.At), project,
		tree.StringAt("/locations/global/workloadIdentityPools/", pool.At), pool, tree.StringAt("/providers/", id.At), id)
	return out
}

// binding returns a role binding if it may be about members of a pool.
func binding(address string, at tree.Pos, a *tree.Node) []Document {
	members := a.Get("members")
	if members == nil {
		members = list(a.Get("member"))
	}
	if members == nil || !aboutPools(members, a.Get("role").Str()) {
		return nil
	}
	condition := first(a.Get("condition"))
	b := object(at, "role", a.Get("role"), "members", members, "condition", condition)
	n := object(at, "bindings", list(b))
	return []Document{{Kind: GoogleBindings, Name: address, At: at, Text: tree.Write(n)}}
}

func aboutPools(members *tree.Node, role string) bool {
	if members.Kind == tree.Unknown {
		return role == "roles/iam.workloadIdentityUser"
	}
	for _, m := range members.Elements {
		if strings.HasPrefix(m.Text, "principal") || m.Kind == tree.Unknown && role == "roles/iam.workloadIdentityUser" {
			return true
		}
	}
	return false
}
