package awsrender

import (
	"fmt"
	"regexp"
	"strings"
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

// Effect is what a [Gap] does.
type Effect string

const (
	// Widening: the document lets in jobs that the rule does not allow.
	Widening Effect = "widening"
	// Narrowing: the document keeps jobs out that the rule allows.
	Narrowing Effect = "narrowing"
)

// Gap is something that the rule says and the document cannot.
type Gap struct {
	// Field is the claim, or "when", "deny" with the rule's name, or "fork" and
	// "ssh-rerun" for the safe defaults.
	Field string
	// Effect is what comes of it.
	Effect Effect
	// Why says why AWS cannot say it.
	Why string
	// Mitigations are what to do about it. Empty means that there is nothing.
	Mitigations []string
}

// String returns the gap in one line.
func (g Gap) String() string {
	text := fmt.Sprintf("%s (%s): %s", g.Field, g.Effect, g.Why)
	if len(g.Mitigations) > 0 {
		text += "; " + strings.Join(g.Mitigations, ", or ")
	}
	return text
}

// WiderError reports gaps that let in more than the rule does.
type WiderError struct {
	// Rule is the rule's name.
	Rule string
	// Gaps are the widening ones.
	Gaps []Gap
}

// Error returns the gaps and what to do, one to a line.
func (e *WiderError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "awsrender: a trust policy for rule %q would let in more than it does; give a reason in Target.AllowWider, or close the gaps:", e.Rule)
	for _, g := range e.Gaps {
		b.WriteString("\n- " + g.String())
	}
	return b.String()
}

// Error reports a rule or a target that no document can be made of.
type Error struct {
	// Field is the claim of the rule or the field of the target.
	Field string
	// Problem says what is wrong and what to do.
	Problem string
}

// Error returns field and problem in one line.
func (e *Error) Error() string { return "awsrender: " + e.Field + ": " + e.Problem }

func wrong(field, format string, args ...any) error {
	return &Error{Field: field, Problem: fmt.Sprintf(format, args...)}
}

var account = regexp.MustCompile(`^[0-9]{12}$`)

func (t *Target) check() error {
	switch {
	case !account.MatchString(t.AccountID):
		return wrong("Target.AccountID", "it has twelve digits")
	case t.Partition != "" && t.Partition != "aws" && t.Partition != "aws-cn" && t.Partition != "aws-us-gov":
		return wrong("Target.Partition", "it is aws, aws-cn or aws-us-gov")
	case strings.ContainsAny(t.ProjectPath, "*?$:") || strings.Contains(t.ProjectPath, "//"):
		return wrong("Target.ProjectPath", "it is a path such as acme/payments, without stars")
	}
	for _, c := range t.SubjectComponents {
		if c == "" || strings.ContainsAny(c, "*?$:") {
			return wrong("Target.SubjectComponents", "they are names of claims, such as project_path")
		}
	}
	return nil
}
