// Package member carries from an exchange to an impersonation by what names
// Google knows the job, so that a refusal can say which binding is missing.
package member

import "cloud.google.com/go/auth"

// Key is where a federated token's metadata has a *[Members].
const Key = "github.com/cioidc/cioidc/exchange/googlests members"

// Members are IAM members that the job is, as far as is known.
type Members struct {
	// Subject is the principal:// of the job alone. Assumed says that
	// google.subject is not known, and taken to be assertion.sub.
	Subject string
	Assumed bool
	// Sets are principalSet:// of attributes, those that the provider is known to
	// map.
	Sets []string
}

// Of returns the members that the token's exchange has left, nil if none.
func Of(t *auth.Token) *Members {
	if t == nil {
		return nil
	}
	m, _ := t.Metadata[Key].(*Members)
	return m
}
