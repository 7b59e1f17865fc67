//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/examples/internal/fakejob"
)

// TestMain lets the test binary be ci-exec itself, and the commands it runs.
func TestMain(m *testing.M) {
	switch role := os.Getenv("CI_EXEC_TEST"); role {
	case "":
		os.Exit(m.Run())
	case "ci-exec":
		main()
	default:
		os.Exit(commands[role]())
	}
}

// world is a GitLab job, and the clouds that trust it.
type world struct {
	clouds       *fakejob.Clouds
	aws, google  string // base URLs
	temp         string
	environ      map[string]string
	awsMinted    secrets // what the clouds have given out
	googleMinted secrets
}

func newWorld(t *testing.T) *world {
	t.Helper()
	clouds, err := fakejob.NewClouds()
	require.NoError(t, err)
	w := &world{clouds: clouds, temp: t.TempDir()}
	urls, stop, err := fakejob.Serve(
		w.awsMinted.from(clouds.AWS, `<(?:AccessKeyId|SecretAccessKey|SessionToken)>([^<]+)<`),
		w.googleMinted.from(clouds.Google, `"access_?[tT]oken":\s*"([^"]+)"`),
	)
	require.NoError(t, err)
	t.Cleanup(stop)
	w.aws, w.google = urls[0], urls[1]
	w.environ = fakejob.GitLabEnviron(clouds.GitLab, map[string]string{
		"AWS_ID_TOKEN":    fakejob.GitLabAWSAudience,
		"GOOGLE_ID_TOKEN": "https:" + fakejob.GoogleProvider("gitlab"),
		"OTHER_ID_TOKEN":  "https://elsewhere.example",
	})
	w.environ["PATH"] = os.Getenv("PATH")
	w.environ["TMPDIR"] = w.temp
	return w
}

func (w *world) awsFlags() []string {
	return []string{
		"--aws-role", fakejob.RoleARN(fakejob.GitLabRole), "--aws-region", fakejob.AWSRegion,
		"--aws-audience", fakejob.GitLabAWSAudience, "--aws-sts-endpoint", w.aws,
	}
}

func (w *world) googleFlags() []string {
	return []string{
		"--google-provider", fakejob.GoogleProvider("gitlab"), "--google-service-account", fakejob.ServiceAccount,
		"--google-sts-endpoint", w.google, "--google-iam-endpoint", w.google,
	}
}

// line is a command line for both clouds.
func (w *world) line(command ...string) []string {
	return append(append(append(w.awsFlags(), w.googleFlags()...), "--"), command...)
}

func (w *world) pairs() []string {
	var pairs []string
	for name, value := range w.environ {
		pairs = append(pairs, name+"="+value)
	}
	return pairs
}

type outcome struct {
	status         int
	stdout, stderr string
}

// run runs ci-exec in this process.
func (w *world) run(t *testing.T, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(&process{
		args: args, environ: w.pairs(), stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, temp: w.temp,
	})
	return outcome{status, stdout.String(), stderr.String()}
}

// as makes the test binary the command that plays role.
func as(t *testing.T, role string, args ...string) []string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	require.Contains(t, commands, role)
	// env(1) becomes the command: same process, same group.
	return append([]string{"env", "CI_EXEC_TEST=" + role, self}, args...)
}

// running is a ci-exec in a process of its own.
type running struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	out    *lines
	stderr *lines
}

// start starts ci-exec in a process of its own, without a terminal.
func (w *world) start(t *testing.T, args []string, edit ...func(*exec.Cmd)) *running {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	r := &running{cmd: exec.Command(self, args...), out: &lines{}, stderr: &lines{}}
	r.cmd.Env = append(w.pairs(), "CI_EXEC_TEST=ci-exec")
	r.cmd.Stdout, r.cmd.Stderr = r.out, r.stderr
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	r.cmd.WaitDelay = 5 * time.Second
	for _, f := range edit {
		f(r.cmd)
	}
	if r.cmd.Stdin == nil {
		r.stdin, err = r.cmd.StdinPipe()
		require.NoError(t, err)
	}
	require.NoError(t, r.cmd.Start())
	t.Cleanup(func() {
		if r.cmd.ProcessState == nil {
			_ = r.cmd.Process.Kill()
			_ = r.cmd.Wait()
		}
	})
	return r
}

// signal sends ci-exec alone a signal.
func (r *running) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	require.NoError(t, r.cmd.Process.Signal(s))
}

// wait waits for ci-exec and returns its exit status.
func (r *running) wait(t *testing.T) int {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); _ = r.cmd.Wait() }()
	select {
	case <-done:
		return r.cmd.ProcessState.ExitCode()
	case <-time.After(30 * time.Second):
		_ = r.cmd.Process.Kill()
		<-done
		t.Fatalf("ci-exec did not end: %s%s", r.out.all(), r.stderr.all())
		return 0
	}
}

// await waits until the command has printed text, and returns the rest of that
// line.
func (r *running) await(t *testing.T, text string) string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if _, after, ok := strings.Cut(r.out.all(), text); ok {
			if line, _, ok := strings.Cut(after, "\n"); ok {
				return strings.TrimSpace(line)
			}
		}
	}
	t.Fatalf("no %q in: %s", text, r.out.all())
	return ""
}

// lines is what a process prints, to be read while it runs.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// secrets are what a cloud has given out.
type secrets struct {
	mu     sync.Mutex
	values []string
}

// from takes the secrets from the answers of h, the first group of pattern.
func (s *secrets) from(h http.Handler, pattern string) http.Handler {
	re := regexp.MustCompile(pattern)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		s.mu.Lock()
		for _, m := range re.FindAllStringSubmatch(answer.Body.String(), -1) {
			s.values = append(s.values, m[1])
		}
		s.mu.Unlock()
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

func (s *secrets) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.values...)
}

// folders returns the names of what is in the temporary directory.
func (w *world) folders(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(w.temp)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// files returns the content of every file below the temporary directory.
func (w *world) files(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(w.temp, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all[path] = string(content)
		return err
	}))
	return all
}

// proc returns a file of a process, with a line for each of its strings.
func proc(t *testing.T, pid, name string) string {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%s/%s", pid, name))
	require.NoError(t, err)
	return strings.ReplaceAll(string(content), "\x00", "\n")
}
