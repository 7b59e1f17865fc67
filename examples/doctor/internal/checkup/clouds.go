package checkup

import (
	"crypto/x509"
	"strconv"
	"strings"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/internal/cloudnames"
)

// chainOf shows the issuer's certificates and the thumbprint that AWS would
// take, and says whether AWS looks at it at all. A nil root means that this
// machine does not trust the chain.
func (e *examination) chainOf(chain []*x509.Certificate, root *x509.Certificate) {
	top := cloudnames.Top(chain)
	if top == nil {
		return
	}
	c := Check{Name: "tls", State: Info}
	for i, cert := range chain {
		if i == 8 {
			break
		}
		c.Evidence = append(c.Evidence, Evidence{Name: "certificate " + strconv.Itoa(i+1), Value: cert.Subject.String()})
	}
	if root != nil {
		c.Evidence = append(c.Evidence, Evidence{Name: "root", Value: root.Subject.String()})
	}
	c.Evidence = append(c.Evidence,
		Evidence{Name: "thumbprint", Value: cloudnames.Thumbprint(top)},
		Evidence{Name: "thumbprint of", Value: top.Subject.String()})
	switch {
	case cloudnames.TrustedByAWS(e.token.Issuer):
		c.Words = "AWS knows the authority of this issuer and does not look at the thumbprint: if it refuses the token, look at aud, iss and sub"
	case root == nil:
		c.State = Warn
		c.Words = "this machine does not trust the issuer's certificate; if AWS does not either, it compares the thumbprint"
		c.Action = "give the IAM provider this thumbprint: aws iam update-open-id-connect-provider-thumbprint"
	default:
		c.Words = "AWS looks at the thumbprint only if it does not know the authority, such as one of your own; which ones it knows cannot be told from here"
		c.Action = "if the root is an authority of your own, give the IAM provider this thumbprint; otherwise none is needed"
	}
	e.add(c)
}

// audience returns the audience as a client ID of an IAM provider.
func (e *examination) audience() string { return strings.Join(e.token.Audience, ", ") }

// account returns partition and account of the role, where one is known.
func (e *examination) account() (partition, account string) {
	if e.cfg.AWS != nil {
		if part := strings.SplitN(e.cfg.AWS.Role, ":", 6); len(part) == 6 {
			return part[1], part[4]
		}
	}
	return "", ""
}

// forAWS says what an AWS account must be configured with for this very token.
func (e *examination) forAWS() {
	partition, account := e.account()
	iss := e.token.Issuer
	arn := cloudnames.ProviderARN(partition, account, iss)
	c := Check{Name: "aws-setup", State: Info, Words: "for this token, an AWS account needs an IAM OpenID Connect provider and a role that trusts it", Evidence: []Evidence{
		{Name: "provider URL", Value: iss},
		{Name: "client ID", Value: e.audience()},
		{Name: "principal", Value: arn},
	}}
	for _, name := range cloudnames.ConditionClaims(iss) {
		var value string
		switch name {
		case "aud":
			value = e.audience()
		case "sub":
			value = e.token.Subject
		case "project_id", "oidc.circleci.com/project-id":
			value = e.token.Identity.Project
		default:
			continue // there are more, but these are what to begin with
		}
		c.Evidence = append(c.Evidence, Evidence{Name: "condition", Value: cloudnames.ConditionKey(iss, name) + " = " + value})
	}
	c.Evidence = append(c.Evidence, Evidence{Name: "principalId", Value: cloudnames.PrincipalID(arn, e.audience(), e.token.Subject)})
	c.Action = "if AWS answers AccessDenied, search CloudTrail for userIdentity.principalId"
	e.add(c)
}

// forGoogle says what a Google project must be configured with for this very
// token, and whether its subject fits.
func (e *examination) forGoogle() {
	var pool cloudnames.Pool
	audience := e.audience()
	if e.cfg.Google != nil {
		pool, _ = cloudnames.PoolOf(e.cfg.Google.Provider)
	}
	c := Check{Name: "google-setup", State: Info, Words: "for this token, a Google project needs a workload identity pool provider and a role binding for one of the members", Evidence: []Evidence{
		{Name: "issuer URI", Value: e.token.Issuer},
		{Name: "allowed audience", Value: audience},
		{Name: "one subject", Value: pool.Principal(e.token.Subject)},
	}}
	var attribute string
	switch e.token.Claims.(type) {
	case *claims.GitLab:
		attribute = "assertion.project_id"
	case *claims.CircleCI:
		attribute = "assertion['oidc.circleci.com/project-id']"
	}
	if attribute != "" {
		c.Evidence = append(c.Evidence,
			Evidence{Name: "one project", Value: pool.PrincipalSet("project_id", e.token.Identity.Project)},
			Evidence{Name: "with the mapping", Value: "attribute.project_id=" + attribute})
	}
	e.add(c)

	n := len(e.token.Subject)
	size := Check{
		Name: "google-subject", State: OK,
		Words: "mapped as it is, the subject has " + strconv.Itoa(n) + " of the " + strconv.Itoa(cloudnames.MaxSubject) + " bytes that google.subject may have",
	}
	if n > cloudnames.MaxSubject {
		size.State = Warn
		size.Words = "mapped as it is, the subject has " + strconv.Itoa(n) + " bytes, and google.subject may have " + strconv.Itoa(cloudnames.MaxSubject)
		size.Evidence = []Evidence{{Name: "sub", Value: e.token.Subject}}
		switch e.token.Claims.(type) {
		case *claims.CircleCI:
			size.Action = "use CIRCLE_OIDC_TOKEN, whose subject is shorter, or map google.subject=assertion['oidc.circleci.com/job-id'] and bind the project's principalSet"
		case *claims.GitLab:
			size.Action = "map google.subject=assertion.project_id+'::'+assertion.job_id, and bind the project's principalSet"
		default:
			size.Action = "map google.subject to a shorter claim"
		}
	}
	e.add(size)
}

// keysInTheWay looks for credentials that AWS's SDKs prefer to a web identity.
func (e *examination) keysInTheWay() {
	names := awssts.ShadowingVariables(e.cfg.Environ, []string{"AWS_WEB_IDENTITY_TOKEN_FILE="})
	if len(names) == 0 {
		return
	}
	c := Check{
		Name: "aws-static-keys", State: Warn, Words: "AWS's tools prefer what these variables hold to any role: " + list(names),
		Action: "remove them from the settings of the project, or unset them in this job",
	}
	if e.cfg.AWS != nil {
		c.State = Fail // a role was asked for, and tools in this job would not use it
	}
	for _, name := range names {
		e.hide(e.env[name])
	}
	e.add(c)
}
