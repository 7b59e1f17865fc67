package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/examples/internal/fakejob"
	"github.com/cioidc/cioidc/internal/fakeissuer"
	"github.com/cioidc/cioidc/oidc"
)

var errNotTheDeployer = errors.New("only the deployer's main branch may deploy")

// mayDeploy is the rule of the service: one project, one branch, by their IDs
// and full names.
func mayDeploy(_ context.Context, c claims.Model) (slog.LogValuer, error) {
	switch c := c.(type) {
	case *claims.GitLab:
		if c.ProjectID == fakeissuer.GitLabProjectID && c.RefPath == "refs/heads/main" && c.RefProtected == claims.True {
			return nil, nil
		}
	case *claims.CircleCI:
		if c.ProjectID == fakeissuer.CircleCIProjectID && c.VCSOrigin == fakeissuer.CircleCIVCSOrigin && c.VCSRef == "refs/heads/main" {
			return nil, nil
		}
	}
	return nil, errNotTheDeployer
}

func newVerifier(issuers *http.Client) (*oidc.Verifier, error) {
	return oidc.NewVerifier(oidc.Config{
		Issuers:    []oidc.Issuer{oidc.GitLab(fakejob.GitLabURL), oidc.CircleCI(fakejob.OrganizationID)},
		Audiences:  []string{serviceAudience},
		Authorize:  mayDeploy,
		HTTPClient: issuers,
	})
}

// newService returns the guarded service. Callers learn the status only; the
// reason of a refusal goes to the service's own log, which is a channel here.
func newService(issuers *http.Client, refusals chan<- string) (http.Handler, error) {
	verifier, err := newVerifier(issuers)
	if err != nil {
		return nil, err
	}
	deploy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := oidc.FromContext(r.Context())
		fmt.Fprintf(w, "deploying for %s project %s", token.Identity().Platform, token.Identity().Project)
	})
	return oidc.Middleware(verifier, &oidc.MiddlewareOptions{
		Error: func(w http.ResponseWriter, r *http.Request, err error) {
			select {
			case refusals <- err.Error():
			default:
			}
			oidc.WriteError(w, r, err)
		},
	})(deploy), nil
}
