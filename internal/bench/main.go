// Command bench measures the verifier of package oidc beside others: its speed
// as a ratio to what no verifier of these tokens can do without, and what it
// asks of an issuer when keys are missing, changed or out of reach. It prints
// Markdown; RESULTS.md is a run of it.
//
//	cd internal/bench && go run . -o RESULTS.md
//
// It is a module of its own, so that what it compares with is no dependency of
// the library. Everything runs in one process; nothing leaves the loopback
// interface.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"time"
)

func main() {
	p := defaultPlan()
	out := flag.String("o", "", "file to write; empty: standard output")
	flag.IntVar(&p.Rounds, "rounds", p.Rounds, "rounds of the speed measurement; zero: leave it out")
	flag.IntVar(&p.Passes, "passes", p.Passes, "turns of each contestant within a round, each in a new random order")
	flag.DurationVar(&p.Slice, "slice", p.Slice, "length of a turn")
	flag.BoolVar(&p.Behaviour, "behaviour", p.Behaviour, "measure behaviour too")
	flag.IntVar(&p.Callers, "callers", p.Callers, "callers at once on a cold verifier")
	flag.IntVar(&p.Unknown, "unknown", p.Unknown, "tokens with unknown key IDs")
	flag.DurationVar(&p.Flood, "flood", p.Flood, "time over which these are sent")
	flag.DurationVar(&p.Age, "age", p.Age, "age of the keys at hand before a rotation or an outage")
	flag.DurationVar(&p.MaxWait, "max-wait", p.MaxWait, "longest wait for a new key to be accepted")
	flag.Parse()

	// Some contestants log failed fetches, which are caused here on purpose.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := command(ctx, p, *out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// command runs p and writes its report to the file out, which is left as it
// was if the run fails.
func command(ctx context.Context, p plan, out string) error {
	r, err := run(ctx, p, os.Stderr)
	if err != nil {
		return err
	}
	text := r.markdown()
	if out == "" {
		_, err := io.WriteString(os.Stdout, text)
		return err
	}
	return os.WriteFile(out, []byte(text), 0o644)
}

// plan says how much to measure.
type plan struct {
	Rounds, Passes int
	Slice          time.Duration

	Behaviour bool
	Callers   int           // at once, on a cold verifier
	Unknown   int           // tokens with unknown key IDs
	Flood     time.Duration // over which they are sent
	Age       time.Duration // of the keys before a rotation or an outage
	MaxWait   time.Duration // for a new key to be accepted
	Delay     time.Duration // before the issuer answers a request
	Deadline  time.Duration // of a call that is expected to work
}

func defaultPlan() plan {
	return plan{
		Rounds: 20, Passes: 4, Slice: 25 * time.Millisecond,
		Behaviour: true, Callers: 1000, Unknown: 2000, Flood: 2 * time.Second,
		Age: 12 * time.Second, MaxWait: 15 * time.Second,
		Delay: 10 * time.Millisecond, Deadline: 3 * time.Second,
	}
}

// result is all that a run came to.
type result struct {
	Plan        plan
	Contestants []contestant
	Began       time.Time
	Took        time.Duration
	Speed       []speed
	Behaviours  []behaviour
}

// run checks every contestant, then measures. Progress goes to log.
func run(ctx context.Context, p plan, log io.Writer) (*result, error) {
	ctx, cancel := context.WithCancel(ctx) // ends what contestants run in the background
	defer cancel()
	r := &result{Plan: p, Contestants: contestants(), Began: time.Now()}
	fmt.Fprintln(log, "bench: making keys and tokens")
	workloads, err := newWorkloads()
	if err != nil {
		return nil, err
	}
	defer closeAll(workloads)
	entries, err := enter(ctx, r.Contestants, workloads)
	if err != nil {
		return nil, err
	}
	if r.Speed, err = measureSpeed(ctx, p, entries, log); err != nil {
		return nil, err
	}
	if p.Behaviour {
		if r.Behaviours, err = measureBehaviour(ctx, p, r.Contestants, log); err != nil {
			return nil, err
		}
	}
	r.Took = time.Since(r.Began)
	return r, nil
}
