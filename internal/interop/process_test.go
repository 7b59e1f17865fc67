//go:build linux

package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// process is a started program, with its children in a process group of their
// own. It cannot outlive the test process, not even one that panics or is
// killed: the kernel kills it then.
type process struct {
	name string
	log  string // path of the file with its standard output and error
	pid  int
	done chan struct{} // closed once it has ended
	err  error         // why it ended; read after done

	stop sync.Once
}

// startProcess starts program. Output goes to NAME.out in dir.
func startProcess(dir, name string, env []string, program string, args ...string) (*process, error) {
	p := &process{name: name, log: filepath.Join(dir, name+".out"), done: make(chan struct{})}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}

	started := make(chan error, 1)
	go func() {
		// The death signal is sent when the thread that forked ends, so that
		// thread is kept for as long as the program runs.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		defer out.Close()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		p.pid = cmd.Process.Pid
		started <- nil
		p.err = cmd.Wait()
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("interop: start %s: %w", name, err)
	}
	return p, nil
}

// Stop ends the process group: politely, and after grace by force.
func (p *process) Stop(grace time.Duration) {
	p.stop.Do(func() {
		_ = syscall.Kill(-p.pid, syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(grace):
		}
		// A child may have outlived its parent: the group is still there then.
		_ = syscall.Kill(-p.pid, syscall.SIGKILL)
		<-p.done
	})
}

// ended reports whether the process has ended, and how.
func (p *process) ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("interop: %s ended early (%v): %s", p.name, p.err, p.tail())
	default:
		return nil
	}
}

// tail returns the end of the output, for error texts.
func (p *process) tail() string {
	b, _ := os.ReadFile(p.log)
	const most = 1500
	if len(b) > most {
		b = b[len(b)-most:]
	}
	return string(bytes.TrimSpace(b))
}

// await calls ready until it returns nil, p ends or ctx is done.
func (p *process) await(ctx context.Context, every time.Duration, ready func(context.Context) error) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		if ended := p.ended(); ended != nil {
			return ended
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("interop: %s is not ready: %w (last: %v): %s", p.name, ctx.Err(), err, p.tail())
		case <-tick.C:
		}
	}
}

// runResult is what a program that has ended left behind.
type runResult struct {
	stdout, stderr string
	code           int
}

// run runs program to its end in a process group of its own, which ctx kills.
// A non-zero exit status is a result, not an error. The program is in the
// network namespace of the calling thread.
func run(ctx context.Context, dir string, env []string, program string, args ...string) (runResult, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // see startProcess
	defer runtime.UnlockOSThread()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	// What it left running in its group ends with it.
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	res := runResult{stdout: stdout.String(), stderr: stderr.String(), code: cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return res, fmt.Errorf("interop: %s: %w: %s", filepath.Base(program), ctx.Err(), res.stderr)
	case errors.As(err, &exit):
		return res, nil
	default:
		return res, err
	}
}

// mustRun is run for set-up steps: any exit status but zero is an error.
func mustRun(ctx context.Context, dir string, env []string, program string, args ...string) (string, error) {
	res, err := run(ctx, dir, env, program, args...)
	if err != nil {
		return "", err
	}
	if res.code != 0 {
		return "", fmt.Errorf("interop: %s: exit status %d: %s", filepath.Base(program), res.code, res.stderr)
	}
	return res.stdout, nil
}
