package awstrust

import (
	"net/netip"
	"strings"
	"time"
)

// Provider is an IAM OpenID Connect provider: what an account knows of an
// issuer.
type Provider struct {
	// URL is the issuer's URL as the provider was made with, such as
	// "https://gitlab.com". A token's iss must be this, byte for byte.
	URL string
	// ClientIDs are the audiences that the provider takes, of which a token has
	// to have one. None means that every token is refused.
	ClientIDs []string
	// AccountID is the account of the provider and the role, twelve digits.
	// Empty means whichever the document names: accounts are not compared then.
	AccountID string
	// Partition is "aws-cn" or "aws-us-gov" for those. Empty means "aws". It is
	// not looked at while AccountID is empty.
	Partition string
}

// ARN returns the provider's name in a trust policy, such as
// "arn:aws:iam::123456789012:oidc-provider/gitlab.com".
func (p Provider) ARN() string {
	partition := p.Partition
	if partition == "" {
		partition = "aws"
	}
	return "arn:" + partition + ":iam::" + p.AccountID + ":oidc-provider/" + p.prefix()
}

// prefix is what the provider's condition keys begin with, and what its ARN
// ends in.
func (p Provider) prefix() string {
	if _, rest, ok := strings.Cut(p.URL, "://"); ok {
		return rest
	}
	return p.URL
}

// names reports whether a principal's ARN is that of the provider.
func (p Provider) names(arn string) bool {
	if p.AccountID != "" {
		return arn == p.ARN()
	}
	part := strings.SplitN(arn, ":", 6)
	return len(part) == 6 && part[0] == "arn" && strings.HasPrefix(part[1], "aws") && part[2] == "iam" && part[3] == "" &&
		part[5] == "oidc-provider/"+p.prefix()
}

// Request is what a request for credentials has beside its token. A nil Request
// is ready for use: what it would have said is then not known.
type Request struct {
	// Time is when the request is made. Zero means that it is not known: the
	// token's times are not checked, and a condition on the time is indeterminate.
	Time time.Time
	// SourceIP is the address that the request comes from. The zero Addr means
	// that it is not known: a condition on it is indeterminate.
	SourceIP netip.Addr
	// SessionName is the RoleSessionName. Empty means that it is not known.
	SessionName string
	// RoleARN is the role's. It counts for tokens that list the roles they are
	// for. Empty means that it is not known.
	RoleARN string
}
