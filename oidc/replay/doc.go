// Package replay remembers used tokens in the memory of one process, so that
// each of them lets one request pass.
//
//	used, err := replay.New(replay.Config{MaxTokens: 100_000})
//	...
//	verifier, err := oidc.NewVerifier(oidc.Config{..., Replay: used})
//
// CircleCI's tokens have no jti, so a token is known by its hash: two that are
// signed for a job within the same second can be the same to the last byte, and
// are one token then. Several verifiers may share a [Store]. Services of several
// processes want a store that they share: package redisreplay.
//
// # Who can use this
//
// With it a job can make one request for each token it has. A job on CircleCI
// can ask for more tokens; one on GitLab has those of its id_tokens and no way to
// others. So this is for actions that are done once, such as a release, and for
// GitLab with an entry in id_tokens for each of them. A client that repeats a
// request, because the answer was lost, is refused.
//
// # What it does not remember
//
// Nothing outlives the process: after a restart, tokens that were used before and
// have not expired pass once more. An entry is removed when its token has expired
// for every verifier, and never before: when there is no room for another, that
// other is not accepted ([ErrFull]), unless ReplayFailOpen is set.
package replay
