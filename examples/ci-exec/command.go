//go:build linux || darwin

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// passed are the signals that are passed on to the command.
var passed = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2}

// lookCommand returns the path of the command, or an exit status and why.
func lookCommand(name string) (path string, status int, err error) {
	path, err = exec.LookPath(name)
	switch {
	case err == nil:
		return path, 0, nil
	case errors.Is(err, exec.ErrDot):
		return "", statusCannotRun, fmt.Errorf("%s is found through an entry of PATH that is relative: name it with its folder", name)
	case errors.Is(err, exec.ErrNotFound) && onPath(name):
		return "", statusCannotRun, fmt.Errorf("%s cannot be run: what PATH leads to is not executable", name)
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return "", statusNotFound, fmt.Errorf("%s is not found", name)
	default:
		return "", statusCannotRun, fmt.Errorf("%s cannot be run: %w", name, cause(err))
	}
}

// onPath reports whether a folder of PATH has a file of that name.
func onPath(name string) bool {
	if strings.Contains(name, "/") {
		return false
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}

// cause returns err without the name of the command, which is told already.
func cause(err error) error {
	var failed *exec.Error
	var pathErr *fs.PathError
	switch {
	case errors.As(err, &pathErr):
		return pathErr.Err
	case errors.As(err, &failed):
		return failed.Err
	}
	return err
}

// command is the command that runs.
type command struct {
	cmd *exec.Cmd
	// terminal tells that the command shares this process's group, in the
	// foreground of a terminal, whose signals it gets directly.
	terminal bool
}

// startCommand starts the command, or returns an exit status and why not. The
// calling goroutine must keep its thread until the command has ended.
func startCommand(path string, args, environ []string, p *process) (*command, int, error) {
	c := &command{cmd: exec.Command(path, args[1:]...), terminal: inForeground()}
	c.cmd.Args[0] = args[0]
	c.cmd.Env = environ
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = p.stdin, p.stdout, p.stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: !c.terminal}
	dieWithParent(c.cmd.SysProcAttr)
	switch err := c.cmd.Start(); {
	case err == nil:
		return c, 0, nil
	case errors.Is(err, fs.ErrNotExist): // the interpreter of a script
		return nil, statusNotFound, fmt.Errorf("%s cannot be run: its interpreter is not found", args[0])
	default:
		return nil, statusCannotRun, fmt.Errorf("%s cannot be run: %w", args[0], cause(err))
	}
}

// wait passes signals on until the command ends, and returns its exit status.
func (c *command) wait(signals <-chan os.Signal) int {
	done := make(chan error, 1)
	go func() { done <- c.cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			c.pass(s.(syscall.Signal))
		case <-done: // what there is to know is in ProcessState
			return exitStatus(c.cmd.ProcessState)
		}
	}
}

// pass gives the command a signal that this process got.
func (c *command) pass(s syscall.Signal) {
	pid := c.cmd.Process.Pid
	switch {
	case !c.terminal:
		_ = syscall.Kill(-pid, s) // it may have ended just now
	case s == syscall.SIGINT || s == syscall.SIGQUIT || s == syscall.SIGHUP:
		// The terminal sends these to every process of the group.
	default:
		_ = c.cmd.Process.Signal(s)
	}
}

// exitStatus is what a shell makes of s.
func exitStatus(s *os.ProcessState) int {
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return statusSignal + int(ws.Signal())
	}
	return s.ExitCode()
}

// inForeground reports whether this process is in the foreground of its
// terminal, where Ctrl-C signals its whole process group.
func inForeground() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false // there is none
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
