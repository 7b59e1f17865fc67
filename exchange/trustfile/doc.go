// Package trustfile finds the documents that decide whom a cloud trusts, in the
// files where people keep them: trust policies of AWS roles, OpenID Connect
// providers of AWS, workload identity pool providers of Google and the role
// bindings for their members.
//
//	docs, err := trustfile.Read("plan.json", text)
//	...
//	for _, d := range docs {
//		if d.Kind == trustfile.AWSRole && len(d.Unresolved) == 0 {
//			policy, err := awstrust.Parse(d.Text)
//			...
//		}
//	}
//
// It reads, in JSON and in YAML:
//
//   - a trust policy, a provider or an IAM policy by itself;
//   - what aws iam get-role, list-roles and get-open-id-connect-provider print;
//   - what gcloud prints of providers (describe, list) and of IAM policies;
//   - what terraform show -json prints of a plan or a state;
//   - templates of CloudFormation, whose functions it works out where all they
//     need is in the template.
//
// Package trusthcl reads Terraform's own language into the same documents.
//
// A document keeps where its parts stand: [Document.At] turns a place in Text, as
// a finding has it, into one in the file. What a file does not say is among
// [Document.Unresolved] by name, and never guessed.
package trustfile
