package googletrust_test

import (
	"fmt"
	"log"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange/googletrust"
)

const provider = `{
  "name": "projects/123456789012/locations/global/workloadIdentityPools/ci/providers/gitlab",
  "oidc": {"issuerUri": "https://gitlab.com", "allowedAudiences": ["https://deploy.example"]},
  "attributeMapping": {"google.subject": "assertion.project_id + '::' + assertion.job_id"},
  "attributeCondition": "assertion.project_id == '67890' && assertion.ref == 'v1.0' && assertion.ref_protected == 'true'"
}`

const job = `{
  "iss": "https://gitlab.com", "aud": "https://deploy.example", "iat": 1790000000, "exp": 1790003600,
  "sub": "project_path:acme/payments:ref_type:tag:ref:v1.0", "project_id": "67890", "project_path": "acme/payments",
  "ref": "v1.0", "ref_type": "tag", "ref_path": "refs/tags/v1.0", "ref_protected": "true", "pipeline_source": "push", "job_id": "5"
}`

func ExampleSimulate() {
	p, err := googletrust.ParseProvider([]byte(provider))
	if err != nil {
		log.Fatal(err)
	}
	doc := &googletrust.Document{Provider: p}
	r := googletrust.Simulate(doc, []byte(job), nil)
	fmt.Println(r.Outcome, r.Principals[0])

	r = googletrust.Simulate(doc, []byte(`{"iss": "https://gitlab.com", "aud": "https://deploy.example", "iat": 1790000000, "exp": 1790003600,
	  "project_id": "67890", "job_id": "6", "ref": "main", "ref_protected": "true"}`), nil)
	check, _ := r.Deciding()
	fmt.Printf("%v: line %d: %s\n", r.Outcome, check.Position.Line, check.Why)
	// Output:
	// accepted principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci/subject/67890::5
	// rejected: line 5: assertion.ref == "v1.0" is false: assertion.ref is "main"
}

func ExampleLint() {
	p, err := googletrust.ParseProvider([]byte(provider))
	if err != nil {
		log.Fatal(err)
	}
	token, err := claims.Decode[claims.GitLab]([]byte(job))
	if err != nil {
		log.Fatal(err)
	}
	findings, err := googletrust.Lint(&googletrust.Document{Provider: p}, &googletrust.LintOptions{Token: token})
	if err != nil {
		log.Fatal(err)
	}
	f := findings[0]
	fmt.Printf("%s %v %s (%v): %s\n  proof: %s\n", f.Part, f.Position, f.ID, f.Severity, f.Story, f.Witness.Story)
	// Output:
	// provider 5:25 GL001 (high): a branch may be called like the tag that is meant, or a tag like the branch
	//   proof: A tag is called like the branch, or a branch like the tag, and a wildcard protects it.
}
