// Package account knows how service accounts are named.
package account

import (
	"regexp"
	"strings"
)

// NamePrefix is what the IAM Credentials API wants before an account's email
// (iamcredentials/v1: the wildcard is required).
const NamePrefix = "projects/-/serviceAccounts/"

// email is the form of a service account's name; default accounts have their
// own domains under gserviceaccount.com.
var email = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?@([a-z0-9-]+\.)+gserviceaccount\.com$`)

// Problem returns what is wrong with name as an email of a service account and
// how to put it right; it is empty if nothing is.
func Problem(name string) string {
	const want = "want an email such as NAME@PROJECT.iam.gserviceaccount.com"
	switch {
	case email.MatchString(name):
		return ""
	case name == "":
		return "it is required; " + want
	case strings.HasPrefix(name, "serviceAccount:"):
		return "it is the member of a role binding: leave out serviceAccount:; " + want
	case strings.HasPrefix(name, "projects/"):
		return "it is a resource name: give the email alone; " + want
	case !strings.ContainsFunc(name, func(r rune) bool { return r < '0' || r > '9' }):
		return "it is the account's unique ID: give the email; " + want
	}
	return "it is not a service account's email; " + want
}
