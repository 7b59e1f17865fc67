package main

import (
	"context"
	"errors"
	"fmt"
)

// entry is a contestant, or a reference, that takes part in the measurement of
// a workload.
type entry struct {
	Workload *workload
	Name     string
	Turn     turn
	// Refusal is why the contestant does not take tokens of this kind, in its
	// own words. Empty means that it does. It is not measured otherwise.
	Refusal string
	// Guard says that it is no verifier but a part of a service that decides.
	Guard bool
}

// enter makes every contestant for every workload, and checks each: nobody is
// measured who does nothing.
func enter(ctx context.Context, all []contestant, workloads []*workload) ([]entry, error) {
	var entries []entry
	for _, w := range workloads {
		entries = append(entries,
			entry{Workload: w, Name: floorName, Turn: floorOf(w)},
			entry{Workload: w, Name: hashName, Turn: hashOf(w)})
		for _, c := range all {
			v, err := c.New(ctx, w.Issuer.setup())
			if err != nil {
				return nil, fmt.Errorf("bench: %s for %s: %w", c.Name, w.Name, err)
			}
			e := entry{Workload: w, Name: c.Name, Turn: turnOf(ctx, v, w)}
			var refusal *refusalError
			switch err := check(ctx, v, w); {
			case errors.As(err, &refusal):
				e.Refusal = refusal.Err.Error()
			case err != nil:
				return nil, fmt.Errorf("bench: %s with %s: %w", c.Name, w.Name, err)
			}
			entries = append(entries, e)
		}
	}
	parts, err := guards(ctx, workloads[0])
	if err != nil {
		return nil, err
	}
	entries = append(entries, parts...)
	return entries, nil
}

func turnOf(ctx context.Context, v verify, w *workload) turn {
	return func(n int) error {
		_, err := v(ctx, w.Good[n%len(w.Good)])
		return err
	}
}

// refusalError reports a contestant that does not take a workload's good
// tokens, which is its right.
type refusalError struct{ Err error }

func (e *refusalError) Error() string { return "refuses a good token: " + e.Err.Error() }

// check requires v to accept each good token and say whose it is, and to refuse
// each bad one. Every bad token is a good one but for what its name says.
func check(ctx context.Context, v verify, w *workload) error {
	for n, raw := range w.Good {
		project, err := v(ctx, raw)
		switch {
		case err != nil && n == 0:
			return &refusalError{err}
		case err != nil:
			return fmt.Errorf("accepts a good token, then refuses another: %w", err)
		case project != w.Project:
			return fmt.Errorf("decoded project %q of a token of project %q", project, w.Project)
		}
	}
	for _, bad := range w.Bad {
		if _, err := v(ctx, bad.Raw); err == nil {
			return fmt.Errorf("accepts a token that is bad: %s", bad.Name)
		}
	}
	return nil
}
