//go:build unix

package privatefile

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// NoFollow refuses a symbolic link in place of a file, and does not wait for
// the writer of a pipe.
const NoFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

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

// safe reports who else than this user, and root, can replace what is in the
// folder that info describes. In one with the sticky bit, such as /tmp, nobody
// can.
func safe(info fs.FileInfo) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && int64(st.Uid) != int64(os.Geteuid()) {
		return fmt.Errorf("it belongs to user %d", st.Uid)
	}
	if mode := info.Mode(); mode.Perm()&0o022 != 0 && mode&fs.ModeSticky == 0 {
		return fmt.Errorf("its mode is %#o: others can write to it", mode.Perm())
	}
	return nil
}
