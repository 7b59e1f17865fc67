// Package awssts exchanges CI identity tokens for AWS credentials, by STS's
// AssumeRoleWithWebIdentity.
//
//	ci, err := ciplatform.Detect()
//	if err != nil { ... }
//	p, err := awssts.New(awssts.Config{
//		RoleARN: "arn:aws:iam::123456789012:role/deploy",
//		Region:  "eu-west-1",
//		Source:  ci,
//	})
//	if err != nil { ... }
//	client := s3.NewFromConfig(p.AWSConfig())
//
// A [Provider] makes its own call and reads nothing but its [Config]: no
// environment variable, no shared configuration file, no profile. Static keys
// left over in the environment cannot take the role's place.
//
// # What AWS needs
//
// In the account of the role: an IAM OpenID Connect provider whose URL is the
// token's iss, byte for byte, and whose client IDs include the token's aud; and
// in the role a trust policy that names this provider and accepts the token's
// sub. Which audience the token has is the platform's default unless
// [Config.Audience] asks for another: on CircleCI the organization's ID, on
// GitLab what the job's id_tokens entry says.
//
// # Errors and retries
//
// New returns an *[exchange.ConfigError]. Retrieve returns an
// *[exchange.Error] with STS's code, text and request ID, and with likely causes
// that set the token's claims beside what is configured.
//
// STS uses one code, and since 2026 mostly one text, for nearly all that can be
// wrong with a token. With [Config.Known], what the account has, the cause is
// named: the client ID that is missing, or the condition of the trust policy,
// with its line and column. Without, the causes are candidates, and the error
// says so. TROUBLESHOOTING.md has them all.
//
// What AWS certainly refuses is not sent to it. Retrieve repeats a request, twice at most, only if that can help:
// AWS could not fetch the issuer's keys, was throttling or failed by itself, or
// the connection was dropped. Any other refusal is final at the first request.
// To the retries of the SDK's clients its error is final, lest they repeat the
// three requests.
//
// # Session names
//
// CloudTrail shows the session's name in the ARN of whoever acts. Unless
// [Config.SessionName] is set, it tells which job that was:
//
//	gitlab-<project ID>-<pipeline ID>-<job ID>
//	circleci-<project ID>-<pipeline ID>-<job ID>
//
// An ID that is a UUID is cut to its first 8 characters, but for the last one,
// because a name has 64 bytes at most. What the token does not say is left out.
// A token of neither platform gives "cioidc-" and 16 hexadecimal digits of the
// SHA-256 hash of its issuer, a NUL and its subject.
//
// # Other programs
//
// Credentials reach the command line, terraform and other languages in three
// ways, and all but the last without the token:
//
//	Endpoint                 a child process asks this one, for as long as it runs
//	WriteProcessCredentials  a client runs a program, which prints them
//	TokenFile                a program exchanges the token itself
//
// SDKs prefer static keys in the environment to each of these:
// [ShadowingVariables] names them. To go on from the role to another one, give
// [Provider.AWSConfig] to the SDK's own stscreds.NewAssumeRoleProvider.
//
// # What this package does not do
//
// It does not verify the token; STS does. It does not check that the role has
// any permission. It cannot tell a role that does not exist from one that does
// not trust the token: STS answers both in the same words, on purpose.
package awssts
