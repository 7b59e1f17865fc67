// Quickstart does in one process, on loopback and with no account anywhere,
// what cioidc is for. It starts a GitLab and a CircleCI issuer, an AWS account
// and a Google Cloud in miniature, and a service of your own; then, once for
// each platform, it is a CI job: it detects the platform, gets its token,
// exchanges it for AWS and Google credentials, uses those, and calls the
// service, which also gets to see three tokens that it must refuse.
//
//	go run ./examples/quickstart
//
// It exits with status 0 if every step went as it must, and with status 1 and
// the name of the step if one did not.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	w, err := newWorld()
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
	os.Exit(run(ctx, os.Stdout, w))
}

// step is one thing that a job does. What it returns is what there is to tell
// of it.
type step struct {
	name string
	do   func(context.Context) (string, error)
}

// run plays the jobs of w, reports on out, and returns the exit status.
func run(ctx context.Context, out io.Writer, w *world) int {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	stop, err := w.start()
	if err != nil {
		fmt.Fprintln(out, "FAILED to start:", err)
		return 1
	}
	defer stop()

	fmt.Fprintln(out, "Two CI jobs, two clouds and a service, all in this process; nothing leaves this machine.")
	began := time.Now()
	for _, j := range w.jobs {
		fmt.Fprintf(out, "\n%s\n", j.title)
		for _, s := range j.steps(w) {
			at := time.Now()
			told, err := s.do(ctx)
			if err != nil {
				fmt.Fprintf(out, "  FAILED  %s: %v\n\n%s: the step %q failed.\n", s.name, err, j.title, s.name)
				return 1
			}
			fmt.Fprintf(out, "  ok  %-26s %8s  %s\n", s.name, time.Since(at).Round(100*time.Microsecond), told)
		}
	}
	fmt.Fprintf(out, "\nEvery step went as it must, in %v.\n", time.Since(began).Round(time.Millisecond))
	return 0
}
