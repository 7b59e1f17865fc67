// Package cloudnames spells what a job's token is called on the other side: the
// names that AWS and Google give it in trust policies, role bindings and logs.
// Whoever prints one must print all of them alike, for they are compared byte
// for byte.
package cloudnames

import (
	"crypto/sha1" // AWS has its thumbprints in SHA-1
	"crypto/x509"
	"encoding/hex"
	"strings"
)

// AWSAccount stands for an account ID that is not known.
const AWSAccount = "<account>"

// ProviderARN returns the ARN of the IAM OpenID Connect provider for issuer in
// an account. An empty partition means "aws", an empty account [AWSAccount].
func ProviderARN(partition, account, issuer string) string {
	if partition == "" {
		partition = "aws"
	}
	if account == "" {
		account = AWSAccount
	}
	return "arn:" + partition + ":iam::" + account + ":oidc-provider/" + trimScheme(issuer)
}

// PrincipalID returns the userIdentity.principalId under which CloudTrail has a
// token that STS found valid, also if the role's trust policy refused it.
func PrincipalID(providerARN, audience, subject string) string {
	return providerARN + ":" + audience + ":" + subject
}

// ConditionKey returns the condition key by which a trust policy reads a claim
// of the issuer's tokens: the provider's URL without its scheme, a colon and
// the claim.
func ConditionKey(issuer, claim string) string { return trimScheme(issuer) + ":" + claim }

// ConditionClaims returns the claims of the issuer's CI tokens that AWS has as
// condition keys. A key of any other claim is absent for AWS, and a condition
// on it is never true.
func ConditionClaims(issuer string) []string {
	names := []string{"aud", "sub"}
	switch {
	case issuer == "https://gitlab.com":
		names = append(names, "namespace_id", "pipeline_source", "project_id", "ref_protected",
			"runner_environment", "user_access_level", "user_email", "user_id", "user_login")
	case strings.HasPrefix(issuer, "https://oidc.circleci.com/org/"):
		names = append(names, "oidc.circleci.com/project-id")
	}
	return names
}

// trimScheme takes http:// off too: the services that take AWS's names know
// issuers on loopback.
func trimScheme(issuer string) string {
	if _, rest, ok := strings.Cut(issuer, "://"); ok {
		return rest
	}
	return issuer
}

// Top returns the top certificate below the root of a chain as a server sent
// it, the leaf first: the one whose thumbprint AWS takes. It returns nil for no
// chain.
func Top(chain []*x509.Certificate) *x509.Certificate {
	for i := len(chain) - 1; i > 0; i-- {
		// A root that the server sends along, though nobody needs it.
		if string(chain[i].RawIssuer) != string(chain[i].RawSubject) {
			return chain[i]
		}
	}
	if len(chain) == 0 {
		return nil
	}
	return chain[0]
}

// Thumbprint returns the thumbprint of a certificate as IAM takes it: its SHA-1
// sum in 40 hexadecimal digits.
func Thumbprint(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw)
	return hex.EncodeToString(sum[:])
}

// TrustedByAWS reports whether issuer is one of the hosted CI platforms, whose
// certificates are of public authorities: AWS does not look at a thumbprint of
// these. Of any other issuer that cannot be told from here.
func TrustedByAWS(issuer string) bool {
	host, _, _ := strings.Cut(trimScheme(issuer), "/")
	return host == "gitlab.com" || host == "oidc.circleci.com"
}
