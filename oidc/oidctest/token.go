package oidctest

import "github.com/cioidc/cioidc/internal/fakeissuer"

// Claims are the claims of a token before it is signed, by name: a
// map[string]any. Change or add one by assigning, leave one out by deleting
// it; nil is sent as null.
type Claims = fakeissuer.Claims

// Header is the header of a token before it is signed: a map[string]any.
type Header = fakeissuer.Header

// What [Issuer.GitLab] says unless it is edited. IDs are strings in GitLab's
// tokens.
const (
	GitLabProjectID     = fakeissuer.GitLabProjectID
	GitLabProjectPath   = fakeissuer.GitLabProjectPath
	GitLabNamespaceID   = fakeissuer.GitLabNamespaceID
	GitLabNamespacePath = fakeissuer.GitLabNamespacePath
	GitLabPipelineID    = fakeissuer.GitLabPipelineID
	GitLabJobID         = fakeissuer.GitLabJobID
	GitLabUserID        = fakeissuer.GitLabUserID
	GitLabUserLogin     = fakeissuer.GitLabUserLogin
	GitLabSHA           = fakeissuer.GitLabSHA
)

// The fork of [ForkMergeRequest] and [ForkMergeRequestInParent].
const (
	GitLabForkProjectID     = fakeissuer.GitLabForkProjectID
	GitLabForkProjectPath   = fakeissuer.GitLabForkProjectPath
	GitLabForkNamespaceID   = fakeissuer.GitLabForkNamespaceID
	GitLabForkNamespacePath = fakeissuer.GitLabForkNamespacePath
)

// What [Issuer.CircleCI] says unless it is edited. The organization is the one
// in the issuer URL, if there is one.
const (
	CircleCIOrganizationID       = fakeissuer.CircleCIOrganizationID
	CircleCIProjectID            = fakeissuer.CircleCIProjectID
	CircleCIContextID            = fakeissuer.CircleCIContextID
	CircleCIPipelineDefinitionID = fakeissuer.CircleCIPipelineDefinitionID
	CircleCIPipelineID           = fakeissuer.CircleCIPipelineID
	CircleCIWorkflowID           = fakeissuer.CircleCIWorkflowID
	CircleCIJobID                = fakeissuer.CircleCIJobID
	CircleCIUserID               = fakeissuer.CircleCIUserID
	CircleCIVCSOrigin            = fakeissuer.CircleCIVCSOrigin
)

// The pull request of [ForkPullRequest].
const (
	CircleCIForkOrigin = fakeissuer.CircleCIForkOrigin
	CircleCIForkRef    = fakeissuer.CircleCIForkRef
)

// GitLab returns the ID token of a job for this audience, as GitLab 18.9
// issues it, after each edit has changed its claims in turn. It is a push to
// the protected branch main of project [GitLabProjectPath], without an
// environment, valid for an hour from now; every token has a jti of its own.
//
// An empty audience, a mode of CircleCI's tokens and an issuer of CircleCI fail
// the test. An issuer of CircleCI signs such a token only in another's name:
// with an edit that gives it another iss. A nil edit changes nothing.
func (i *Issuer) GitLab(audience string, edit ...func(Claims)) string {
	return i.fake.GitLab(audience, edit...)
}

// Login returns the ID token a user gets who logs in to an application, whose
// client ID is the audience, through this GitLab instance: the same issuer and
// key set as a job's token, another key, and no claim of a job. Only issuers
// of [GitLabPlatform] have them.
func (i *Issuer) Login(audience string, edit ...func(Claims)) string {
	return i.fake.Login(audience, edit...)
}

// CircleCI returns the token of a job for this audience, after each edit has
// changed its claims in turn. Empty means the organization's ID, the audience
// of CIRCLE_OIDC_TOKEN. It is a push to the branch main of [CircleCIVCSOrigin]
// with one context, subject in the first form, valid for an hour from now.
//
// CircleCI sends neither jti nor nbf: with RSA or Ed25519 keys, two tokens of
// one second and the same claims are the same bytes.
//
// A mode of GitLab's tokens and an issuer of GitLab fail the test, with the
// exception of [Issuer.GitLab].
func (i *Issuer) CircleCI(audience string, edit ...func(Claims)) string {
	return i.fake.CircleCI(audience, edit...)
}

// Sign returns a token of these claims, well formed or not, signed with the
// key of job tokens. Claims and other maps are encoded in the order of the
// issuer's platform, anything else as encoding/json has it.
func (i *Issuer) Sign(claims any) string { return i.fake.Sign(claims) }

// SignWith is like [Issuer.Sign], after edit has changed the header. A nil
// edit changes nothing. The header says what it says: the signature is always
// made by the issuer's own algorithm and key.
func (i *Issuer) SignWith(edit func(Header), claims any) string {
	return i.fake.SignWith(edit, claims)
}

// SignRaw returns a token of this header and this payload, byte for byte,
// JSON or not, signed with the key of job tokens.
func (i *Issuer) SignRaw(header, payload string) string { return i.fake.SignRaw(header, payload) }
