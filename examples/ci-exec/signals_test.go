//go:build linux

package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Each signal reaches the command, once; its exit status comes back; nothing is
// left.
func TestSignalsArePassedOn(t *testing.T) {
	w := newWorld(t)
	for _, s := range passed {
		t.Run(s.String(), func(t *testing.T) {
			r := w.start(t, w.line(as(t, "signals")...))
			r.await(t, "ready ")
			assert.Len(t, w.folders(t), 1)
			r.signal(t, s.(syscall.Signal))
			assert.Equal(t, 3, r.wait(t))
			assert.Equal(t, 1, strings.Count(r.out.all(), "got "+s.String()), r.out.all())
			assert.Equal(t, 1, strings.Count(r.out.all(), "got "), r.out.all())
			assert.Empty(t, w.folders(t))
		})
	}
}

// A runner signals the whole group; the command must not get that twice, and
// what it has started must get it too.
func TestSignalToTheGroup(t *testing.T) {
	w := newWorld(t)
	r := w.start(t, w.line("sh", "-c", `trap 'echo shell' TERM; "$@"; exit 9`, "sh", "env", "CI_EXEC_TEST=signals", os.Args[0]))
	r.await(t, "ready ")
	require.NoError(t, syscall.Kill(-r.cmd.Process.Pid, syscall.SIGTERM))
	assert.Equal(t, 9, r.wait(t))
	assert.Equal(t, 1, strings.Count(r.out.all(), "got terminated"), r.out.all())
	assert.Equal(t, 1, strings.Count(r.out.all(), "shell"), r.out.all())
}

// A command that a signal ends: the status tells which, and nothing is left.
func TestSignalsEndTheCommand(t *testing.T) {
	w := newWorld(t)
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1} {
		t.Run(s.String(), func(t *testing.T) {
			r := w.start(t, w.line("sh", "-c", "echo ready $$; exec sleep 60"))
			r.await(t, "ready ")
			assert.Len(t, w.folders(t), 1)
			r.signal(t, s)
			assert.Equal(t, 128+int(s), r.wait(t), r.stderr.all())
			assert.Empty(t, w.folders(t))
		})
	}
}

// A signal before there is a command ends ci-exec, in the middle of an exchange
// too.
func TestSignalBeforeTheCommand(t *testing.T) {
	w := newWorld(t)
	asked := make(chan struct{}, 8)
	w.clouds.AWS.Misbehave(func(_ string, _ http.ResponseWriter, r *http.Request) bool {
		asked <- struct{}{}
		<-r.Context().Done()
		return true
	})
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		r := w.start(t, w.line("echo", "it ran"))
		<-asked
		r.signal(t, s)
		assert.Equal(t, 128+int(s), r.wait(t))
		assert.Empty(t, r.out.all())
		assert.Empty(t, w.folders(t))
	}
}

// What is ignored when ci-exec starts stays ignored, as nohup(1) wants it.
func TestIgnoredSignals(t *testing.T) {
	w := newWorld(t)
	r := w.start(t, w.line("sh", "-c", "echo ready $$; exec sleep 60"), func(c *exec.Cmd) {
		c.Args = append([]string{"sh", "-c", `trap '' HUP; exec "$@"`, "sh", c.Path}, c.Args[1:]...)
		c.Path = "/bin/sh"
	})
	r.await(t, "ready ")
	r.signal(t, syscall.SIGHUP)
	time.Sleep(200 * time.Millisecond)
	r.signal(t, syscall.SIGTERM)
	assert.Equal(t, 128+15, r.wait(t), "HUP has not ended it")
}

// In the foreground of a terminal, Ctrl-C reaches the command once.
func TestTerminal(t *testing.T) {
	w := newWorld(t)
	for key, signal := range map[byte]string{3: "interrupt", 0x1c: "quit"} {
		t.Run(signal, func(t *testing.T) {
			terminal, tty := openTerminal(t)
			r := w.start(t, w.line(as(t, "signals")...), func(c *exec.Cmd) {
				c.Stdin = tty
				c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
			})
			pid := r.await(t, "ready ")
			require.NoError(t, tty.Close())
			group, err := strconv.Atoi(pid)
			require.NoError(t, err)
			pgid, err := syscall.Getpgid(group)
			require.NoError(t, err)
			assert.Equal(t, r.cmd.Process.Pid, pgid, "job control sees one job")
			_, err = terminal.Write([]byte{key})
			require.NoError(t, err)
			assert.Equal(t, 3, r.wait(t))
			assert.Equal(t, 1, strings.Count(r.out.all(), "got "+signal), r.out.all())
			assert.Empty(t, w.folders(t))
		})
	}
	t.Run("TERM to ci-exec alone", func(t *testing.T) {
		_, tty := openTerminal(t)
		r := w.start(t, w.line(as(t, "signals")...), func(c *exec.Cmd) {
			c.Stdin = tty
			c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
		})
		r.await(t, "ready ")
		r.signal(t, syscall.SIGTERM)
		assert.Equal(t, 3, r.wait(t))
		assert.Equal(t, 1, strings.Count(r.out.all(), "got terminated"), r.out.all())
	})
}

// openTerminal returns the two ends of a new pseudoterminal (pty(7)).
func openTerminal(t *testing.T) (terminal, tty *os.File) {
	t.Helper()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { terminal.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(terminal.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetUint32(int(terminal.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	return terminal, tty
}
