package ciplatform_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/cioidc/cioidc/ciplatform"
)

func Example() {
	// In a program, ciplatform.Detect() without arguments; here, the
	// environment of a GitLab job.
	ci, err := ciplatform.Detect(
		&ciplatform.CircleCI{LookupEnv: func(string) (string, bool) { return "", false }},
		&ciplatform.GitLab{Environ: exampleJob, Now: clock},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := ci.IDToken(context.Background(), "https://deploy.example.com")
	fmt.Println(ci.Name(), len(token) > 0, err)
	// Output: gitlab true <nil>
}

func ExampleDetect() {
	_, err := ciplatform.Detect(
		&ciplatform.CircleCI{LookupEnv: func(string) (string, bool) { return "", false }},
		&ciplatform.GitLab{Environ: func() []string { return nil }},
	)
	if errors.Is(err, ciplatform.ErrNotDetected) {
		fmt.Println(err)
	}
	// Output: ciplatform: no CI platform detected: looked for CIRCLECI=true (not set), GITLAB_CI=true (not set)
}

func ExampleCircleCI_IDToken() {
	ci := &ciplatform.CircleCI{
		// The zero value reads the process's environment and runs the circleci
		// command; these stand for a job.
		LookupEnv: func(name string) (string, bool) { return "true", name == "CIRCLECI" },
		Run: func(_ context.Context, args ...string) ([]byte, error) {
			fmt.Printf("circleci %q\n", args)
			return []byte(circleJWT("https://deploy.example.com", nil)), nil
		},
		Now: clock,
	}
	token, err := ci.IDToken(context.Background(), "https://deploy.example.com")
	fmt.Println(len(token) > 0, err)
	// Output:
	// circleci ["run" "oidc" "get" "--claims" "{\"aud\": \"https://deploy.example.com\"}"]
	// true <nil>
}

func ExampleTokenError() {
	ci := &ciplatform.GitLab{Environ: exampleJob, Now: clock}
	_, err := ci.IDToken(context.Background(), "sts.amazonaws.com")

	var e *ciplatform.TokenError
	if errors.As(err, &e) && errors.Is(err, ciplatform.ErrNoToken) {
		for _, f := range e.Found {
			fmt.Println("found:", f.Variable, f.Audiences)
		}
	}
	fmt.Println(err)
	// Output:
	// found: DEPLOY_ID_TOKEN [https://deploy.example.com]
	// ciplatform: gitlab: no token for audience "sts.amazonaws.com": no ID token of this job has it: DEPLOY_ID_TOKEN has "https://deploy.example.com"
	// Add this to the job in .gitlab-ci.yml, or to the default: section that the job inherits (GitLab makes ID tokens
	// when the job starts; a running job cannot ask for one):
	//
	//   id_tokens:
	//     AWS_ID_TOKEN:
	//       aud: "sts.amazonaws.com"
}

// exampleJob is the environment of a GitLab job with one ID token.
func exampleJob() []string {
	return []string{
		"GITLAB_CI=true",
		"DEPLOY_ID_TOKEN=" + gitLabJWT("https://deploy.example.com", nil),
	}
}
