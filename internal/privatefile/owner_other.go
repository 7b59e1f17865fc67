//go:build !unix

package privatefile

import "io/fs"

// NoFollow is nothing that can be asked for here.
const NoFollow = 0

// private knows nothing of access control lists; the user's cache directory is
// private by default there.
func private(fs.FileInfo) error { return nil }

func safe(fs.FileInfo) error { return nil }
