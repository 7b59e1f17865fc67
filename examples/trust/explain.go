package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/cloudnames"
)

// explain prints what the clouds must be configured with for a token, in the
// words and the spelling of the doctor.
func explain(_ context.Context, o *options, out, _ io.Writer) (int, error) {
	token, err := readToken(o.tokenFile)
	if err != nil {
		return exitUsage, err
	}
	pool, _, err := o.pool()
	if err != nil {
		return exitUsage, err
	}
	r := token.RegisteredClaims()
	audience := strings.Join(r.Audience, ", ")
	project, attribute := "", ""
	switch c := token.(type) {
	case *claims.GitLab:
		project, attribute = string(c.ProjectID), "assertion.project_id"
	case *claims.CircleCI:
		project, attribute = c.ProjectID, "assertion['oidc.circleci.com/project-id']"
	}
	line := func(name, value string) { fmt.Fprintf(out, "  %s: %s\n", name, printable(value)) }

	fmt.Fprintln(out, "for this token, an AWS account needs an IAM OpenID Connect provider and a role that trusts it")
	arn := cloudnames.ProviderARN("", o.awsAccount, r.Issuer)
	line("provider URL", r.Issuer)
	line("client ID", audience)
	line("principal", arn)
	values := map[string]string{"aud": audience, "sub": r.Subject, "project_id": project, "oidc.circleci.com/project-id": project}
	for _, name := range cloudnames.ConditionClaims(r.Issuer) {
		if value, ok := values[name]; ok {
			line("condition", cloudnames.ConditionKey(r.Issuer, name)+" = "+value)
		}
	}
	line("principalId", cloudnames.PrincipalID(arn, audience, r.Subject))

	fmt.Fprintln(out, "for this token, a Google project needs a workload identity pool provider and a role binding for one of the members")
	line("issuer URI", r.Issuer)
	line("allowed audience", audience)
	line("one subject", pool.Principal(r.Subject))
	line("one project", pool.PrincipalSet("project_id", project))
	line("with the mapping", "attribute.project_id="+attribute)
	if n := len(r.Subject); n > cloudnames.MaxSubject {
		fmt.Fprintf(out, "  the subject has %d bytes, and google.subject may have %d: map a shorter one\n", n, cloudnames.MaxSubject)
	}
	return exitClean, nil
}

// pool returns the pool and the ID of --google-provider; both are empty without
// one.
func (o *options) pool() (cloudnames.Pool, string, error) {
	if o.googleProvider == "" {
		return cloudnames.Pool{}, "", nil
	}
	pool, ok := cloudnames.PoolOf(o.googleProvider)
	if !ok {
		return pool, "", errors.New("--google-provider is no provider's full name: want //iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER")
	}
	return pool, path.Base(o.googleProvider), nil
}
