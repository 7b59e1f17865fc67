// Package command runs other people's programs for what they print: for a
// bounded time, with a bounded output, and with nothing of that output in an
// error but the beginning of standard error, which the caller redacts.
package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

const (
	// grace is how long an ended command's output may stay open, in the hands
	// of a process that it left behind.
	grace = 2 * time.Second
	// maxStdout is far more than any token.
	maxStdout = 64 << 10
	// MaxStderr is how much of standard error is kept: enough to take tokens
	// out before the text is cut.
	MaxStderr = 16 << 10
)

// Command is a program to run.
type Command struct {
	// Name is the program's path, or its name, to be found on PATH.
	Name string
	// Args are its arguments. They can be seen by every user of the machine.
	Args []string
	// Env is added to this process's own environment, for the program alone.
	// Of two values for one name, the last counts.
	Env []string
	// Limit bounds its time where the context does not.
	Limit time.Duration
}

// Run runs the program and returns its standard output. For an exit status the
// error is an *[exec.ExitError] with the beginning of standard error, for a
// program that is not there it wraps [exec.ErrNotFound].
func (c Command) Run(ctx context.Context) ([]byte, error) {
	bounded, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	stdout, stderr := &head{max: maxStdout}, &head{max: MaxStderr}
	cmd := exec.CommandContext(bounded, c.Name, c.Args...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = stdout, stderr, grace
	if len(c.Env) > 0 {
		cmd.Env = append(os.Environ(), c.Env...)
	}

	err := cmd.Run()
	if bounded.Err() != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("it did not end within %s: %w", c.Limit, bounded.Err())
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		exit.Stderr = stderr.kept
	}
	if err != nil {
		return nil, err
	}
	if stdout.dropped {
		return nil, fmt.Errorf("it printed more than %d bytes", maxStdout)
	}
	return stdout.kept, nil
}

// head keeps the beginning of what is written to it. It takes the rest too, so
// that the writer does not fail on a closed pipe.
type head struct {
	max     int
	kept    []byte
	dropped bool
}

func (h *head) Write(b []byte) (int, error) {
	room := h.max - len(h.kept)
	if len(b) > room {
		h.kept, h.dropped = append(h.kept, b[:room]...), true
	} else {
		h.kept = append(h.kept, b...)
	}
	return len(b), nil
}
