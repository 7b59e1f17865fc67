package awstrust_test

import (
	"fmt"
	"log"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange/awstrust"
)

const trustPolicy = `{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/gitlab.com"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {
      "StringEquals": {
        "gitlab.com:aud": "https://deploy.example",
        "gitlab.com:project_id": "67890",
        "gitlab.com:pipeline_source": "push",
        "gitlab.com:runner_environment": "gitlab-hosted"
      },
      "StringLike": {"gitlab.com:sub": "project_path:acme/payments:ref_type:branch:ref:main*"}
    }
  }]
}`

const job = `{
  "iss": "https://gitlab.com", "aud": "https://deploy.example", "iat": 1790000000, "exp": 1790003600,
  "sub": "project_path:acme/payments:ref_type:branch:ref:main", "project_id": "67890", "project_path": "acme/payments",
  "ref": "main", "ref_type": "branch", "ref_protected": "true", "pipeline_source": "push", "runner_environment": "gitlab-hosted"
}`

func ExampleSimulate() {
	doc, err := awstrust.Parse([]byte(trustPolicy))
	if err != nil {
		log.Fatal(err)
	}
	provider := awstrust.Provider{URL: "https://gitlab.com", ClientIDs: []string{"https://deploy.example"}}
	fmt.Println(awstrust.Simulate(doc, []byte(job), provider, nil).Outcome)

	elsewhere := []byte(`{"iss": "https://gitlab.com", "aud": "https://deploy.example", "iat": 1790000000, "exp": 1790003600,
	  "sub": "project_path:acme/payments:ref_type:branch:ref:main", "project_id": "11111", "pipeline_source": "push", "runner_environment": "gitlab-hosted"}`)
	result := awstrust.Simulate(doc, elsewhere, provider, nil)
	_, check, _ := result.Deciding()
	fmt.Printf("%v: %s: line %d: %s\n", result.Outcome, result.Code, check.Position.Line, check.Why)
	// Output:
	// accepted
	// rejected: AccessDenied: line 10: "gitlab.com:project_id" is "11111", and StringEquals wants "67890"
}

func ExampleLint() {
	doc, err := awstrust.Parse([]byte(trustPolicy))
	if err != nil {
		log.Fatal(err)
	}
	token, err := claims.Decode[claims.GitLab]([]byte(job))
	if err != nil {
		log.Fatal(err)
	}
	findings, err := awstrust.Lint(doc, &awstrust.LintOptions{Token: token})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range findings {
		fmt.Printf("%v %s (%v): %s\n", f.Position, f.ID, f.Severity, f.Story)
		if f.Witness != nil {
			fmt.Printf("  proof: %s\n", f.Witness.Story)
		}
	}
	// Output:
	// 14:40 AWS008 (high): a prefix that ends within a name takes every name that begins like it
	//   proof: A branch has a name that begins with the ref's: a pattern that ends in * takes it.
	// 3:17 GL005 (medium): should the ref lose its protection, any developer may push to it
	//   proof: The ref is no longer protected, so any developer may push to it.
	// 3:17 GL015 (info): the project's settings name the file that the pipeline is read from, and it may be another project's; AWS sets no key that tells
}

func ExampleFix() {
	text := []byte(`{
  "Version": "2012-10-17",
  "Statement": {
    "Effect": "Allow",
    "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/https://gitlab.com"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringEquals": {"gitlab.com:aud": "a", "gitlab.com:sub": "project_path:acme/payments:ref_type:branch:ref:main"}}
  }
}`)
	doc, err := awstrust.Parse(text)
	if err != nil {
		log.Fatal(err)
	}
	findings, err := awstrust.Lint(doc, nil)
	if err != nil {
		log.Fatal(err)
	}
	fixed, err := awstrust.Fix(doc, findings[0], nil)
	if err != nil {
		log.Fatal(err)
	}
	edits, err := fixed.Edits(text)
	if err != nil {
		log.Fatal(err) // awstrust.ErrNotCertain: somebody has to look at it
	}
	for _, e := range edits {
		fmt.Printf("%s: %v to %v: %s\n", findings[0].ID, e.From, e.To, e.Text)
	}
	// Output:
	// AWS016: 5:32 to 5:92: "arn:aws:iam::123456789012:oidc-provider/gitlab.com"
}
