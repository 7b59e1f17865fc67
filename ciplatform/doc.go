// Package ciplatform finds the CI platform that a program runs on and obtains
// identity tokens (OIDC ID tokens) from it.
//
//	ci, err := ciplatform.Detect()
//	if err != nil {
//		return err // not in a CI job: errors.Is(err, ciplatform.ErrNotDetected)
//	}
//	token, err := ci.IDToken(ctx, "https://deploy.example.com")
//
// Every [Platform] fits where the exchange packages want a token source, so
// most programs pass it on and never see a token.
//
// # What each platform can do
//
// CircleCI puts one token into every job, for its organization's default
// audience, and makes others on request; [CircleCI] uses the first where it
// serves and runs the circleci command for the rest.
//
// GitLab makes the tokens that the job's id_tokens keyword declares, when the
// job starts, and none later; [GitLab] finds the one with the audience asked
// for among the job's variables. Where there is none, the error's text holds
// the YAML to add.
//
// A platform of your own is a type with three methods; hand it to [Detect]
// beside those of this package.
//
// # What it does not do
//
// Nothing here verifies a token: what a token says of itself serves to choose
// among tokens and to explain failures, never to trust one. Package oidc
// verifies. Nothing is cached, written or logged; no error text holds a token.
// Tokens that the circleci command prints are not masked in CircleCI's job
// output, so do not print them either.
package ciplatform
