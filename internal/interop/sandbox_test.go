//go:build linux

package interop

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// sandbox is where somebody else's client runs: a home of its own, an
// environment that is built from nothing, and, where the kernel lets us, a
// network namespace with a loopback interface only. What such a client would
// ask of its vendor fails then, instead of leaving the machine.
type sandbox struct {
	Home string

	jobs chan func() // run on the thread that is in the namespace
}

// newSandbox returns a sandbox that lives until t ends.
func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	s := &sandbox{Home: t.TempDir(), jobs: make(chan func())}
	isolated := make(chan error, 1)
	go func() {
		// Never unlocked: a thread in another namespace ends with its goroutine
		// and is not used for anything else.
		runtime.LockOSThread()
		isolated <- enterNetwork()
		for job := range s.jobs {
			job()
		}
	}()
	if err := <-isolated; err != nil {
		t.Logf("no network namespace of its own (%v): the client's way out is a proxy that refuses", err)
	}
	t.Cleanup(func() { close(s.jobs) })
	return s
}

// do runs f on the sandbox's thread.
func (s *sandbox) do(f func()) {
	done := make(chan struct{})
	s.jobs <- func() { defer close(done); f() }
	<-done
}

// Serve serves h on the sandbox's loopback until t ends, and returns its URL.
func (s *sandbox) Serve(t *testing.T, h http.Handler) string {
	t.Helper()
	var listener net.Listener
	var err error
	s.do(func() { listener, err = net.Listen("tcp", "127.0.0.1:0") })
	require.NoError(t, err)
	srv := &httptest.Server{Listener: listener, Config: &http.Server{Handler: h}}
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.URL
}

// Write puts a file into the home and returns its path. There is no newline
// after the content: not every client takes it off a token.
func (s *sandbox) Write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(s.Home, name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// Run runs a client to its end, for five minutes at most: terraform is slow on a
// busy machine.
func (s *sandbox) Run(t *testing.T, env []string, program string, args ...string) runResult {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	all := append([]string{
		"HOME=" + s.Home,
		"PATH=" + os.Getenv("PATH"),
		"LANG=C.UTF-8",
		"HTTP_PROXY=http://127.0.0.1:1", "HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY=127.0.0.1",
		"http_proxy=http://127.0.0.1:1", "https_proxy=http://127.0.0.1:1", "no_proxy=127.0.0.1",
	}, env...)
	var res runResult
	var err error
	s.do(func() { res, err = run(ctx, s.Home, all, program, args...) })
	require.NoError(t, err)
	return res
}

// enterNetwork moves the calling thread into a network namespace of its own and
// sets the loopback interface up there (netdevice(7)).
func enterNetwork() error {
	if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer syscall.Close(fd)
	var request struct { // struct ifreq
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:], "lo")
	request.flags = syscall.IFF_UP | syscall.IFF_RUNNING
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return os.NewSyscallError("ioctl", errno)
	}
	return nil
}
