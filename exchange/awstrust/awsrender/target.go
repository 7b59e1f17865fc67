package awsrender

import (
	"regexp"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/internal/trustgap"
)

// Target is the AWS account that the document is for, and what is known of the
// platform's settings there.
type Target struct {
	// AccountID is the account of the role and its provider, twelve digits.
	// Required.
	AccountID string
	// Partition is "aws-cn" or "aws-us-gov" for those. Empty means "aws".
	Partition string
	// ProjectPath is the path of the GitLab project, as it is spelled there, for a
	// rule that names the project by its ID only: sub begins with it. Empty means
	// the rule's own.
	ProjectPath string
	// SubjectComponents are the GitLab project's ci_id_token_sub_claim_components.
	// Empty means GitLab's default: project_path, ref_type, ref.
	SubjectComponents []string
	// AllowWider is the reason why the document may let in more than the rule, in
	// what the widening gaps are about. Empty means that it may not.
	AllowWider string
}

// Effect is what a [Gap] does: [Widening] or [Narrowing].
type Effect = trustgap.Effect

// The effects of gaps.
const (
	Widening  = trustgap.Widening
	Narrowing = trustgap.Narrowing
)

// Gap is something that the rule says and the document cannot. Its Field is the
// claim, or "when", "deny" with the rule's name, or "fork" and "ssh-rerun" for
// the safe defaults.
type Gap = trustgap.Gap

// WiderError reports gaps that let in more than the rule does.
type WiderError = trustgap.WiderError

// Error reports a rule or a target that no document can be made of: Field is the
// claim or the field, Problem says what is wrong and what to do.
type Error = trustgap.Error

var account = regexp.MustCompile(`^[0-9]{12}$`)

// noComponents are names of a rule that cannot be in sub: lists, and what is a
// claim by another name.
var noComponents = []string{"groups_direct", "user_identities", "issuer", "subject", "jti", "job_config.url", "job_config.sha"}

func (t *Target) check() error {
	switch {
	case !account.MatchString(t.AccountID):
		return trustgap.Wrong("Target.AccountID", "it has twelve digits")
	case t.Partition != "" && t.Partition != "aws" && t.Partition != "aws-cn" && t.Partition != "aws-us-gov":
		return trustgap.Wrong("Target.Partition", "it is aws, aws-cn or aws-us-gov")
	case strings.ContainsAny(t.ProjectPath, "*?$:") || strings.Contains(t.ProjectPath, "//"):
		return trustgap.Wrong("Target.ProjectPath", "it is a path such as acme/payments, without stars")
	}
	for _, c := range t.SubjectComponents {
		if c == "" || strings.ContainsAny(c, "*?$:") {
			return trustgap.Wrong("Target.SubjectComponents", "they are names of claims, such as project_path")
		}
		if slices.Contains(noComponents, c) {
			return trustgap.Wrong("Target.SubjectComponents", "GitLab makes no sub of %s: name what ci_id_token_sub_claim_components has", c)
		}
	}
	return nil
}
