//go:build linux || darwin

// Ci-exec runs a command in a CI job with credentials for AWS, Google or both,
// which stay fresh for as long as it runs:
//
//	ci-exec --aws-role arn:aws:iam::123456789012:role/deploy --aws-region eu-west-1 -- aws s3 sync site s3://acme-site
//	ci-exec --google-provider //iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/providers/circleci \
//	        --google-service-account deployer@acme.iam.gserviceaccount.com -- terraform apply
//	ci-exec --fake -- aws sts get-caller-identity      # no account needed
//
// The job's own token is exchanged once before the command starts, so that a
// refusal is told at once and with its causes. Then the command's SDKs, and
// those of its children, renew by themselves: from two endpoints on a random
// loopback port, which answer only to the secrets that the command was given.
//
// # What the command gets
//
// The environment, with these variables added. With --aws-role:
// AWS_CONTAINER_CREDENTIALS_FULL_URI, AWS_CONTAINER_AUTHORIZATION_TOKEN,
// AWS_REGION, AWS_DEFAULT_REGION, and AWS_SHARED_CREDENTIALS_FILE, an empty
// file. With --google-provider: GOOGLE_APPLICATION_CREDENTIALS and
// CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE, a file that leads to the endpoint, and
// CLOUDSDK_AUTH_TOKEN_INTROSPECTION_ENDPOINT with --google-sts-endpoint. If a
// proxy is set, 127.0.0.1 is added to NO_PROXY. With --fake,
// AWS_ENDPOINT_URL_STS and CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE lead to the
// fakes.
//
// Taken out, and named on standard error, is what clients would use instead:
// keys, profiles and other ways to credentials of the same cloud. So are the
// tokens that were exchanged. --keep-env keeps one. The file of AWS_CONFIG_FILE
// stays: a default profile with credentials in it would win.
//
// No credential is in an argument, in a variable or on disk. The folder with
// the files has mode 0700 and is gone when ci-exec is; what a kill -9 leaves of
// it holds no credential, and the next run removes it. That keeps credentials
// out of logs and caches. It is no wall: a command that wants to can ask the
// endpoints, and read what belongs to its user.
//
// # Signals and exit status
//
// INT, TERM, HUP, QUIT, USR1 and USR2 are passed on. Without a terminal, as in
// CI, the command has a process group of its own, and the group gets them: a
// runner that signals ci-exec's whole group does not signal it twice. In the
// foreground of a terminal the command shares ci-exec's group, as job control
// wants it; then the terminal's own signals, INT, QUIT and HUP, reach it
// directly and are not passed on. On Linux the command dies with a ci-exec that
// is killed by kill -9.
//
// The exit status is the command's, or 128 and the number of the signal that
// ended it. As with env(1), 125 is a failure of ci-exec itself, 126 a command
// that cannot be run, and 127 one that is not found.
//
// No variable of the environment says where the tokens go to, proxies aside:
// in CI whoever starts a pipeline may set variables. --aws-sts-endpoint and the
// like do.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/cioidc/cioidc/exchange"
)

func main() {
	os.Exit(run(&process{
		args: os.Args[1:], environ: os.Environ(),
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		temp: os.TempDir(),
	}))
}

// process is what ci-exec was started with.
type process struct {
	args, environ  []string
	stdin          io.Reader
	stdout, stderr io.Writer
	temp           string // where the folder is made
}

// The exit statuses of env(1).
const (
	statusFailed    = 125
	statusCannotRun = 126
	statusNotFound  = 127
	statusSignal    = 128 // and the signal's number
)

// run is ci-exec, and returns its exit status.
func run(p *process) int {
	o, err := parseOptions(p.args, p.stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return p.fail(statusFailed, err)
	}
	path, status, err := lookCommand(o.command[0])
	if err != nil {
		return p.fail(status, err)
	}

	signals := make(chan os.Signal, 16)
	for _, s := range passed {
		// One that is ignored, as by nohup(1), stays so.
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	defer signal.Stop(signals)

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	type result struct {
		access *access
		err    error
	}
	ready := make(chan result, 1)
	go func() {
		a, err := newAccess(ctx, o, p)
		ready <- result{a, err}
	}()
	var r result
	select {
	case r = <-ready:
	case s := <-signals:
		cancel()
		if r = <-ready; r.err == nil {
			r.access.Close()
		}
		return statusSignal + int(s.(syscall.Signal))
	}
	if r.err != nil {
		return p.fail(statusFailed, r.err)
	}
	defer r.access.Close()
	if note := r.access.removed(); note != "" {
		fmt.Fprintln(p.stderr, "ci-exec: "+note)
	}

	// The kernel ends the command when the thread that started it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c, status, err := startCommand(path, o.command, r.access.environ, p)
	if err != nil {
		return p.fail(status, err)
	}
	return c.wait(signals)
}

// fail says why there is no command's exit status, and returns status.
func (p *process) fail(status int, err error) int {
	var failed *exchange.Error
	if errors.As(err, &failed) {
		fmt.Fprintf(p.stderr, "ci-exec: %+v\n", failed) // with every cause
	} else {
		fmt.Fprintln(p.stderr, "ci-exec:", err)
	}
	return status
}
