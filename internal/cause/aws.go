package cause

// invalid is STS's code for whatever is wrong with a token.
const invalid = "InvalidIdentityToken"

// awsRows are the answers of AssumeRoleWithWebIdentity (STS API reference, and
// the texts of 2026).
func awsRows() []Row {
	return []Row{
		{
			ID: "A3", Service: AWS, Answers: []Answer{{Code: invalid, Text: "Couldn't retrieve verification key"}, {Code: "IDPCommunicationError"}},
			Means:  "AWS could not fetch the issuer's keys in time, or the token's key is not among them. This is the one refusal that may pass by itself, so it is tried three times.",
			Do:     "Check that the issuer's /.well-known/openid-configuration and its jwks_uri can be fetched from the internet without a login, and that the token's kid is in the key set. A self-managed GitLab behind a firewall needs both to be public.",
			Causes: []string{"issuer-keys"},
		},
		{
			ID: "A7", Service: AWS, Answers: []Answer{{Code: invalid, Text: "Token issued in the future"}, {Code: invalid, Text: "Token not yet valid"}},
			Means:  "By AWS's clock the token is from the future, by more than the five minutes that AWS lets pass.",
			Do:     "Set the clock of the CI server by NTP. The clock of the runner has no part in it.",
			Causes: []string{"issuer-clock"},
		},
		{
			ID: "A10", Service: AWS, Answers: []Answer{{Code: invalid, Text: "Token audience contains more than one audience"}},
			Means:  "The token is for several audiences, and AWS takes tokens for one.",
			Do:     "On GitLab give id_tokens an entry of its own for AWS, with one aud.",
			Causes: []string{"aws-several-audiences"},
		},
		{
			ID: "A8", Service: AWS, Answers: []Answer{{Code: invalid, Text: "The ID Token provided is not a valid JWT"}},
			Means:  "What was sent is no JSON web token, or is signed in a way that AWS does not read: often CI_JOB_TOKEN, a variable that was not expanded, or a token in quotes.",
			Do:     "Send the ID token of the job, unchanged. On GitLab it is the variable named under id_tokens, on CircleCI CIRCLE_OIDC_TOKEN.",
			Causes: []string{"token-malformed"},
		},
		{
			ID: "A11", Service: AWS, Answers: []Answer{{Code: invalid, Text: "Missing a required claim"}, {Code: invalid, Text: "Claim is not allowed to be empty"}, {Code: invalid, Text: "Invalid timestamp in token claims"}},
			Means:  "AWS requires iss, sub, aud, iat and exp, and one of them is missing or odd. GitLab's old CI_JOB_JWT has no aud.",
			Do:     "Use a token of id_tokens. For any other issuer, have it set the claim that AWS names.",
			Causes: []string{"aws-claim"},
		},
		{
			ID: "A14", Service: AWS, Answers: []Answer{{Code: invalid, Text: "principal_tags"}},
			Means:  "The token carries session tags in a form that AWS does not take.",
			Do:     "The claim https://aws.amazon.com/tags must be {\"principal_tags\": {\"Key\": [\"one value\"]}, \"transitive_tag_keys\": [\"Key\"]}: each value a list of exactly one string.",
			Causes: []string{"aws-session-tags"},
		},
		{
			ID: "A15", Service: AWS, Answers: []Answer{{Code: invalid, Text: "roles claim"}},
			Means:  "The token lists the roles it is for in the claim https://aws.amazon.com/roles, and this role is not among them.",
			Do:     "Have the issuer add the role's ARN to the claim, or assume one that it lists.",
			Causes: []string{"aws-roles-claim"},
		},
		{
			ID: "A16", Service: AWS, Answers: []Answer{{Code: invalid, Text: "HTTPS certificate doesn't match configured thumbprint"}},
			Means:  "The certificate of the host with the issuer's keys is of no authority that AWS knows, and the IAM provider's thumbprint is another one. For gitlab.com and CircleCI AWS does not look at thumbprints.",
			Do:     "For an authority of your own, set the thumbprint anew with aws iam update-open-id-connect-provider-thumbprint; the doctor example computes it.",
			Causes: []string{"aws-thumbprint"},
		},
		{
			ID: "A2", Service: AWS, Answers: []Answer{{Code: invalid, Text: "The web identity token provided could not be validated", Elsewhere: true}},
			Sign:   "the token's iss is https://oidc.circleci.com",
			Means:  "The token is of CircleCI's root issuer, https://oidc.circleci.com, which all organizations share, and the IAM provider is for that of the organization.",
			Do:     "Ask for the token without --root-issuer, or make an IAM provider for the root issuer and pin the organization in its conditions.",
			Causes: []string{"aws-root-issuer", "aws-provider", "aws-audience", "aws-issuer"},
		},
		{
			ID: "A1", Service: AWS, Answers: []Answer{
				{Code: invalid, Text: "The web identity token provided could not be validated"},
				{Code: invalid, Text: "Incorrect token audience"},
				{Code: invalid, Text: "No OpenIDConnect provider found"},
				{Code: invalid},
			},
			Means:  "The role's account has no IAM OpenID Connect provider for the token's issuer, or the token's audience is not among the provider's client IDs, or the provider's URL differs from iss by a slash, a path or case. AWS has one text for all of them, and for a token that was changed. Of a token with azp AWS compares azp, not aud.",
			Do:     "Compare the token's iss and aud with what aws iam get-open-id-connect-provider prints in the account of the role. With Config.Known the exchange does it for you.",
			Causes: []string{"aws-provider", "aws-audience", "aws-issuer"},
		},
		{
			ID: "A5", Service: AWS, Answers: []Answer{{Code: "AccessDenied", Text: "Not authorized to perform sts:AssumeRoleWithWebIdentity", Elsewhere: true}},
			Sign:   "the role or its trust policy was changed a moment ago",
			Means:  "IAM takes some seconds to spread a new role or trust policy, seldom more than twelve.",
			Do:     "Run the job again a minute after the change.",
			Causes: []string{"aws-trust-policy", "aws-role", "aws-new-role", "aws-outside-policy"},
		},
		{
			ID: "A4", Service: AWS, Answers: []Answer{{Code: "AccessDenied", Text: "Not authorized to perform sts:AssumeRoleWithWebIdentity"}, {Code: "AccessDenied"}},
			Means:  "The token is valid, and the role's trust policy does not accept it; or there is no such role, for which AWS says the same. Often a pattern that does not fit sub, StringEquals with a star in it, a condition key that AWS does not have for this issuer, a policy for CircleCI's V2 token while the V1 token is sent, or a token with session tags or a source identity where the policy lacks sts:TagSession or sts:SetSourceIdentity.",
			Do:     "Compare the conditions of the trust policy with the token's claims: with Config.Known.TrustPolicy the exchange names the condition. In CloudTrail search for userIdentity.principalId, which the error has.",
			Causes: []string{"aws-trust-policy", "aws-role", "aws-new-role", "aws-outside-policy"},
		},
		{
			ID: "A6", Service: AWS, Answers: []Answer{{Code: "ExpiredTokenException"}},
			Means:  "The token expired more than five minutes ago. GitLab's live as long as the job's timeout and are not renewed; CircleCI's live for an hour.",
			Do:     "Exchange earlier in the job. A session may outlive its token: raise the role's maximum session duration and Config.Duration for long jobs.",
			Causes: []string{"token-expired"},
		},
		{
			ID: "A12", Service: AWS, Answers: []Answer{{Code: "ValidationError", Text: "roleSessionName"}},
			Means:  "A session name has 2 to 64 letters, digits and characters of _+=,.@-.",
			Do:     "Leave Config.SessionName empty for a name that is made of the token, or correct it; New refuses one that AWS would.",
			Causes: []string{"aws-session-name"},
		},
		{
			ID: "A13", Service: AWS, Answers: []Answer{{Code: "ValidationError", Text: "DurationSeconds"}},
			Means:  "The session asked for is longer than the role allows, one hour unless set otherwise; by role chaining it is never more than one hour.",
			Do:     "Raise the role's maximum session duration, or leave Config.Duration zero for one hour.",
			Causes: []string{"aws-duration"},
		},
		{
			ID: "A19", Service: AWS, Answers: []Answer{{Code: "RegionDisabledException"}},
			Means:  "The account has not activated STS in the region.",
			Do:     "Activate it, or use a region that every account has.",
			Causes: []string{"aws-region"},
		},
		{
			ID: "A20", Service: AWS, Answers: []Answer{{Code: "InternalFailure", Text: "Unknown error validating third-party token"}},
			Means:  "AWS failed on the token. It does so for a token whose sub is null, and may for others that are odd.",
			Do:     "Look at the claims of the token, sub above all. If they are as they should be, try again later.",
			Causes: []string{"aws-odd-claim"},
		},
		{
			ID: "A9", Service: AWS, Answers: []Answer{{Text: "Invalid length for parameter WebIdentityToken", Elsewhere: true}, {Text: "Member must have length greater than or equal to 4", Elsewhere: true}},
			Means:  "The token is empty: the job has none.",
			Do:     "On GitLab add id_tokens to this job, or to default and look at inherit. On CircleCI, builds of forked pull requests have no token unless the project passes secrets to them. A container within the job needs the variable passed on.",
			Causes: []string{"token-empty"},
		},
		{
			ID: "A17", Service: AWS, Sign: "no error, but AWS's tools act as an IAM user and not as the role",
			Means: "AWS_ACCESS_KEY_ID is set in the job, and AWS's tools prefer static keys to a web identity.",
			Do:    "Remove the static keys from the project's settings, or unset them in the job. awssts.ShadowingVariables and the doctor example name the variables; awssts itself reads none.",
		},
		{
			ID: "A18", Service: AWS, Answers: []Answer{{Text: "Invalid Configuration: Missing Region", Elsewhere: true}},
			Means: "No region is configured, and STS has a host for each.",
			Do:    "Set AWS_REGION, and AWS_DEFAULT_REGION for older tools. In this module Config.Region is required.",
		},
		{
			ID: "A21", Service: AWS, Answers: []Answer{{Text: "which is not among AllowedAccounts", Elsewhere: true}},
			Means: "The role is of another account than this environment's.",
			Do:    "Correct the role's ARN. Config.AllowedAccounts makes the check before anything is sent.",
		},
	}
}
