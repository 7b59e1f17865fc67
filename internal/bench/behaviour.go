package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// behaviour is what a contestant asks of an issuer, and how it does without
// one. Every part is measured with a verifier and an issuer of its own.
type behaviour struct {
	Name string

	// Making the verifier, and then its first token.
	StartRequests, FirstRequests int

	// Many callers at once with a verifier that has just been made. Requests
	// include those of making it.
	HerdRequests, HerdFailed int
	HerdTook                 time.Duration

	// Tokens with unknown key IDs, when the keys at hand have some age.
	// FloodRequests are those from there on.
	FloodRequests int
	// FloodRotation: a new key right after.
	FloodRotation wait

	// Rotation: a new key when those at hand have some age.
	Rotation wait
	// Failing, Hanging: a token with a known key, after the issuer has begun to
	// answer 503, or nothing, and has been asked for an unknown key ID meanwhile.
	Failing, Hanging wait
}

// wait is how long it took until a token was accepted.
type wait struct {
	Took     time.Duration // less than a timer's if it was at once
	Accepted bool          // false: not within Took
}

// trial is one verifier with its issuer.
type trial struct {
	plan   plan
	issuer *served
	verify verify
	start  int // requests that making the verifier took
	end    func()
}

// newTrial makes a verifier of a GitLab issuer that answers as a near one
// would. Call end after.
func newTrial(ctx context.Context, p plan, c contestant) (*trial, error) {
	s, err := serve(fakeissuer.GitLabPlatform)
	if err != nil {
		return nil, err
	}
	s.MustJWKS() // makes its keys, which would otherwise be in the first answer's time
	s.slow(p.Delay)
	ctx, cancel := context.WithCancel(ctx)
	t := &trial{plan: p, issuer: s, end: func() { cancel(); s.close() }}
	if t.verify, err = c.New(ctx, s.setup()); err != nil {
		t.end()
		return nil, fmt.Errorf("bench: %s: %w", c.Name, err)
	}
	t.start = s.Requests()
	return t, nil
}

// newWarmTrial is newTrial with a first token verified.
func newWarmTrial(ctx context.Context, p plan, c contestant) (*trial, error) {
	t, err := newTrial(ctx, p, c)
	if err != nil {
		return nil, err
	}
	if _, err := t.call(ctx, jobToken(t.issuer.Issuer, audience), 10*time.Second); err != nil {
		t.end()
		return nil, fmt.Errorf("bench: %s: first token: %w", c.Name, err)
	}
	return t, nil
}

// newAgedTrial is newWarmTrial whose keys have been at hand for p.Age.
func newAgedTrial(ctx context.Context, p plan, c contestant) (*trial, error) {
	t, err := newWarmTrial(ctx, p, c)
	if err != nil {
		return nil, err
	}
	if err := sleep(ctx, p.Age); err != nil {
		t.end()
		return nil, err
	}
	return t, nil
}

// call verifies raw and returns after the deadline at the latest, even if the
// verifier does not mind its context.
func (t *trial) call(ctx context.Context, raw string, deadline time.Duration) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	began := time.Now()
	result := make(chan error, 1)
	go func() {
		_, err := t.verify(ctx, raw)
		result <- err
	}()
	select {
	case err := <-result:
		return time.Since(began), err
	case <-ctx.Done():
		return time.Since(began), ctx.Err()
	}
}

// measureBehaviour runs the parts: one contestant after the other where
// requests are counted, all at once where most of it is waiting.
func measureBehaviour(ctx context.Context, p plan, all []contestant, log io.Writer) ([]behaviour, error) {
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	var results []behaviour
	var fetching []contestant
	for _, c := range all {
		if c.FetchesKeys {
			fetching = append(fetching, c)
			results = append(results, behaviour{Name: c.Name})
		}
	}
	errs := make(chan error, 4*len(fetching))
	floods := make([]*trial, len(fetching))
	defer func() {
		for _, t := range floods {
			if t != nil {
				t.end()
			}
		}
	}()
	var waiting sync.WaitGroup
	later := func(f func() error) { waiting.Go(func() { errs <- f() }) }

	fmt.Fprintln(log, "bench: behaviour: rotation and outages")
	for n, c := range fetching {
		b := &results[n]
		later(func() error { return rotation(ctx, p, c, b) })
		later(func() error {
			return outage(ctx, p, c, &b.Failing, func(s *served) { s.Fail(http.StatusServiceUnavailable) })
		})
		later(func() error { return outage(ctx, p, c, &b.Hanging, (*served).hang) })
		later(func() (err error) {
			floods[n], err = newAgedTrial(ctx, p, c)
			return err
		})
	}
	waiting.Wait()
	if err := first(errs); err != nil {
		return nil, err
	}
	for n, c := range fetching {
		fmt.Fprintf(log, "bench: behaviour: %s\n", c.Name)
		b := &results[n]
		if err := cold(ctx, p, c, b); err != nil {
			return nil, err
		}
		if err := herd(ctx, p, c, b); err != nil {
			return nil, err
		}
		if err := floods[n].flood(ctx, b); err != nil {
			return nil, fmt.Errorf("bench: %s: %w", c.Name, err)
		}
		waiting.Go(func() { b.FloodRotation = floods[n].rotate(ctx) })
	}
	waiting.Wait()
	return results, ctx.Err()
}

// first returns the first error that has been sent, if any.
func first(errs <-chan error) error {
	for {
		select {
		case err := <-errs:
			if err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// cold counts requests with one caller.
func cold(ctx context.Context, p plan, c contestant, b *behaviour) error {
	t, err := newWarmTrial(ctx, p, c)
	if err != nil {
		return err
	}
	defer t.end()
	b.StartRequests, b.FirstRequests = t.start, t.issuer.Requests()-t.start
	return nil
}
