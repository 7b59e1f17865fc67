//go:build unix

package awssts

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// noFollow refuses a symbolic link in place of a file, and does not wait for
// the writer of a pipe.
const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// private reports who else than this user can reach what info describes.
func private(info fs.FileInfo) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int64(st.Uid) != int64(os.Geteuid()) {
		return fmt.Errorf("it belongs to user %d", st.Uid)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("its mode is %#o: others can reach it", mode)
	}
	return nil
}
