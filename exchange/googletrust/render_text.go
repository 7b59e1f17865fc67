package googletrust

import (
	"strconv"
	"strings"

	"github.com/cioidc/cioidc/internal/hcltext"
)

// Terraform returns the provider as a resource of Terraform's google provider,
// and the binding on a service account, whose name is an expression such as
// google_service_account.deploy.name.
func (r *Rendered) Terraform(name, serviceAccount string) string {
	p := r.Document.Provider
	var b strings.Builder
	for _, g := range r.Gaps {
		b.WriteString("# gap: " + strings.ReplaceAll(g.String(), "\n", " ") + "\n")
	}
	b.WriteString("resource \"google_iam_workload_identity_pool_provider\" " + hcltext.Quote(name) + " {\n")
	b.WriteString("  project                            = " + hcltext.Quote(p.ProjectNumber) + "\n")
	b.WriteString("  workload_identity_pool_id          = " + hcltext.Quote(p.Pool) + "\n")
	b.WriteString("  workload_identity_pool_provider_id = " + hcltext.Quote(p.ID) + "\n")
	b.WriteString("  attribute_condition                = " + hcltext.Quote(p.Condition.Text) + "\n")
	b.WriteString("  attribute_mapping = {\n")
	for _, a := range p.Mapping {
		b.WriteString("    " + hcltext.Quote(a.Name) + " = " + hcltext.Quote(a.Expression.Text) + "\n")
	}
	b.WriteString("  }\n  oidc {\n    issuer_uri        = " + hcltext.Quote(p.IssuerURI.Text) + "\n    allowed_audiences = [")
	for i, a := range p.AllowedAudiences {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(hcltext.Quote(a.Text))
	}
	b.WriteString("]\n  }\n}\n")
	for _, binding := range r.Document.Bindings {
		for i, m := range binding.Members {
			b.WriteString("\nresource \"google_service_account_iam_member\" " + hcltext.Quote(name+suffix(i)) + " {\n")
			b.WriteString("  service_account_id = " + serviceAccount + "\n")
			b.WriteString("  role               = " + hcltext.Quote(binding.Role) + "\n")
			b.WriteString("  member             = " + hcltext.Quote(m.Text) + "\n}\n")
		}
	}
	return b.String()
}

// suffix tells the resources of several members apart.
func suffix(i int) string {
	if i == 0 {
		return ""
	}
	return "_" + strconv.Itoa(i+1)
}

// Gcloud returns the command that makes the provider, for a shell of POSIX.
func (r *Rendered) Gcloud() string {
	p := r.Document.Provider
	var mapping, audiences []string
	for _, a := range p.Mapping {
		mapping = append(mapping, a.Name+"="+a.Expression.Text)
	}
	for _, a := range p.AllowedAudiences {
		audiences = append(audiences, a.Text)
	}
	return strings.Join([]string{
		"gcloud iam workload-identity-pools providers create-oidc " + shell(p.ID),
		"  --project=" + shell(p.ProjectNumber), "  --location=global", "  --workload-identity-pool=" + shell(p.Pool),
		"  --issuer-uri=" + shell(p.IssuerURI.Text),
		"  --allowed-audiences=" + shell(delimited(audiences)),
		"  --attribute-mapping=" + shell(delimited(mapping)),
		"  --attribute-condition=" + shell(p.Condition.Text),
	}, " \\\n") + "\n"
}

// delimited writes a list for gcloud with another delimiter than the comma, which
// may be in an expression: one that is in no value. Past the signs it is a letter
// of another alphabet, of which there are more than a list has.
func delimited(list []string) string {
	all := strings.Join(list, "")
	signs := []rune(";#~@|!%")
	for r := 'Ā'; len(signs) < len(all)+8; r++ {
		signs = append(signs, r)
	}
	between := ""
	for _, r := range signs {
		if between = string(r); !strings.Contains(all, between) {
			break
		}
	}
	return "^" + between + "^" + strings.Join(list, between)
}

// shell quotes s for a shell of POSIX.
func shell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
