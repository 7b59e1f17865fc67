// Package celcond compiles the conditions of a policy that are written in CEL,
// the Common Expression Language of https://cel.dev, for what exact values and
// patterns cannot say:
//
//	p, err := policy.Parse(file, &policy.Options{Conditions: &celcond.Compiler{}})
//
// A condition is an expression over one variable, claims, that comes to true
// or false:
//
//	claims.runner_id in ['12071', '12072'] && claims.exp - claims.iat <= duration('1h')
//
// # Names
//
// The fields of claims are those of [claims.GitLab] or [claims.CircleCI] under
// the platform's own names. CircleCI's lose the prefix oidc.circleci.com/, and
// since a name in CEL has no hyphen, they are written with underscores:
// claims.workflow_id, claims.vcs_ref. An unknown name does not compile, and the
// error names the nearest one.
//
// # Types
//
// Each claim has one type, and comparing it with another does not compile. IDs
// are strings, also GitLab's runner_id. Booleans are bool on both platforms,
// although GitLab sends strings: claims.ref_protected == true, or just
// claims.ref_protected. Lists are list(string), and aud is always one. The
// times exp, nbf and iat are timestamps. Nothing in an expression knows what
// time it is.
//
// # Absent claims
//
// A claim that was not sent, or was sent empty or null, has no value: an
// expression that reads it fails, and a failed condition denies. So
// claims.environment != 'production' does not hold for a job without an
// environment, and neither does its negation. Ask with has(claims.environment).
// As everywhere in CEL, || and && do without a side that fails if the other
// one decides: claims.environment == 'prod' || claims.ref == 'main' holds on
// main without an environment.
//
// # What is left out
//
// There are CEL's operators, its macros has, all, exists, exists_one, map and
// filter, and functions on strings and times: contains, startsWith, endsWith,
// matches, size, charAt, indexOf, lastIndexOf, lowerAscii, upperAscii, split,
// substring, trim, int, bool, string, timestamp, duration, and the parts of a
// time in UTC such as getDayOfWeek. Functions that can make much of little,
// such as replace and join, are left out, and so is what takes types away
// (dyn, type). A pattern of matches is a literal and covers the whole text:
// ^ at its start and $ at its end.
//
// An expression is bounded in length, in nesting and in cost, both when it is
// compiled and each time it runs. Nothing in it reads files, the network or a
// clock.
package celcond
