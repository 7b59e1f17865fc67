// Package trusthcl reads the documents about trust out of Terraform's own
// language: the trust policies of AWS roles, whether written as text, by
// jsonencode or as an aws_iam_policy_document, the OpenID Connect providers of
// AWS, and the workload identity pool providers and role bindings of Google.
//
//	docs, err := trusthcl.Read([]trusthcl.File{{Name: "main.tf", Data: text}}, nil)
//
// It is no Terraform. It knows what is written in the files: literals, locals,
// the defaults of variables, references to resources that the files hold, and a
// few functions. All else is among a document's unresolved references, by name,
// and never guessed. Modules that the files call are not followed. What
// terraform show -json prints of a plan has all of it: where there is a plan,
// give that to package trustfile.
package trusthcl
