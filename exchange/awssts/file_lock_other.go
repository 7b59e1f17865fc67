//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package awssts

import "context"

// lockFile locks nothing: two runs at once make two exchanges, of which the
// later one is kept.
func lockFile(context.Context, string) (unlock func(), err error) { return func() {}, nil }
