package fakeissuer

// What [Issuer.CircleCI] says unless it is edited. The organization is the one
// in the issuer URL, if there is one.
const (
	CircleCIOrganizationID       = "b5f2a1c4-6d3e-4f80-9a1b-2c7d8e9f0a13"
	CircleCIProjectID            = "0d94e7b8-1c52-4a6f-8e3d-7b60f5a2c491"
	CircleCIContextID            = "e61c03fa-92d7-4b15-a8c4-5f0b7d3e2a86"
	CircleCIPipelineDefinitionID = "7c3f58d2-e0a9-5b41-96d8-1a4e6c0b2f75"
	CircleCIPipelineID           = "4a8b6e10-5d7c-4f29-b3e1-c92f08d7a654"
	CircleCIWorkflowID           = "92e7d15b-0c4a-4863-bf9e-3d6a81c5f720"
	CircleCIJobID                = "c0586f3d-7e91-4ab2-8d54-e6f19b0a7c38"
	CircleCIUserID               = "15d9a7e2-48b3-4c06-9f7a-80c2e5b6d314"
	CircleCIVCSOrigin            = "github.com/acme/webshop"
)

// The pull request of the mode [ForkPullRequest].
const (
	CircleCIForkOrigin = "github.com/contributor/webshop"
	CircleCIForkRef    = "refs/heads/pull/17"
)

// CircleCIRootURL is the issuer that all of CircleCI's customers share.
const CircleCIRootURL = "https://oidc.circleci.com"

// CircleCIURL returns the issuer URL of a CircleCI organization.
func CircleCIURL(organizationID string) string {
	return CircleCIRootURL + "/org/" + organizationID
}

const circleCIPrefix = "oidc.circleci.com/"

// CircleCI returns the token of a job for this audience, after each edit has
// changed its claims in turn. Empty means the organization's ID, the audience
// of CIRCLE_OIDC_TOKEN. It is a push to the branch main of [CircleCIVCSOrigin]
// with one context, subject in the first form, valid for an hour from now.
//
// CircleCI sends neither jti nor nbf: with RSA or Ed25519 keys, two tokens of
// one second and the same claims are the same bytes.
//
// A mode of GitLab's tokens and an issuer of GitLab are mistakes, as those in
// [Issuer.GitLab].
func (i *Issuer) CircleCI(audience string, edit ...func(Claims)) string {
	c := i.circleCIClaims(audience)
	if !i.edit("CircleCI", CircleCIPlatform, c, edit) {
		return ""
	}
	// CircleCI's names are in alphabetical order.
	return i.sign(i.signingKey(), CircleCIPlatform, nil, c, nil)
}

func (i *Issuer) circleCIClaims(audience string) Claims {
	organization := organizationOf(i.url.Path)
	if organization == "" {
		organization = CircleCIOrganizationID
	}
	if audience == "" {
		audience = organization
	}
	now := i.now().Unix()
	c := Claims{
		"iss":                          i.raw,
		"aud":                          audience,
		"iat":                          now,
		"exp":                          now + 3600,
		circleCIPrefix + "org-id":      organization,
		circleCIPrefix + "project-id":  CircleCIProjectID,
		circleCIPrefix + "context-ids": []string{CircleCIContextID},
		circleCIPrefix + "pipeline-definition-id": CircleCIPipelineDefinitionID,
		circleCIPrefix + "pipeline-id":            CircleCIPipelineID,
		circleCIPrefix + "workflow-id":            CircleCIWorkflowID,
		circleCIPrefix + "job-id":                 CircleCIJobID,
		circleCIPrefix + "ssh-rerun":              false,
		circleCIPrefix + "vcs-origin":             CircleCIVCSOrigin,
		circleCIPrefix + "vcs-ref":                "refs/heads/main",
	}
	c["sub"] = circleCISubject(organization, CircleCIProjectID, CircleCIUserID)
	return c
}

func circleCISubject(organization, project, user string) string {
	return "org/" + organization + "/project/" + project + "/user/" + user
}
