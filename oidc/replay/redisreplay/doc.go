// Package redisreplay remembers used tokens in Redis, so that each of them lets
// one request pass, whichever process of a service gets it.
//
//	client := redis.NewClient(&redis.Options{Addr: "redis.internal:6379", ContextTimeoutEnabled: true})
//	used, err := redisreplay.New(redisreplay.Config{Client: client})
//	...
//	verifier, err := oidc.NewVerifier(oidc.Config{..., Replay: used})
//
// A token is noted with one command, SET with NX and a time to live. If that says
// that the token was used, one GET more tells whether it was noted by this very
// call, of which the client repeated the command after it had lost the answer.
// What is stored is the token's hash and a random value, nothing that a reader of
// the database could use.
//
// For what tokens that pass once are good for, see package replay.
//
// # When Redis is away
//
// Nothing is accepted then ([oidc.UnavailableError], HTTP status 503), or every
// valid token if [oidc.Config].ReplayFailOpen is set, with a warning in the log.
// When it is back, so is the protection. A token whose request was answered with
// 503 can be used up already.
//
// # What Redis must keep
//
// A used token passes again if Redis forgets it before it expires: by eviction
// (set maxmemory-policy to noeviction, and give it a database of its own if other
// data must be evicted), by a restart without persistence, or by failing over to
// a replica that had not got it yet. The user of the client needs the commands SET
// and GET, on keys with the prefix.
package redisreplay
