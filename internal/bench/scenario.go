package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// herdDeadline bounds each call of a herd. It is long, for those that fetch
// for one caller after the other.
const herdDeadline = 60 * time.Second

// herd lets many callers verify at once, none of them before all are ready.
func herd(ctx context.Context, p plan, c contestant, b *behaviour) error {
	t, err := newTrial(ctx, p, c)
	if err != nil {
		return err
	}
	defer t.end()
	raw := jobToken(t.issuer.Issuer, audience)
	var ready, done sync.WaitGroup
	var failed atomic.Int64
	begin := make(chan struct{})
	ready.Add(p.Callers)
	for range p.Callers {
		done.Go(func() {
			ready.Done()
			<-begin
			if _, err := t.call(ctx, raw, herdDeadline); err != nil {
				failed.Add(1)
			}
		})
	}
	ready.Wait()
	began := time.Now()
	close(begin)
	done.Wait()
	b.HerdTook = time.Since(began)
	b.HerdRequests, b.HerdFailed = t.issuer.Requests(), int(failed.Load())
	return nil
}

// errMadeUp reports a contestant that accepts a token whose key does not
// exist. It ends the run.
var errMadeUp = errors.New("accepts a token with a made-up key ID and another token's signature")

// flood sends tokens with made-up key IDs at an even pace, whether those
// before have been answered or not.
func (t *trial) flood(ctx context.Context, b *behaviour) error {
	good := jobToken(t.issuer.Issuer, audience)
	tokens := make([]string, t.plan.Unknown)
	for n := range tokens {
		raw, err := unknown(good, n)
		if err != nil {
			return err
		}
		tokens[n] = raw
	}
	before := t.issuer.Requests()
	var calls sync.WaitGroup
	var accepted atomic.Int64
	began := time.Now()
	for n, raw := range tokens {
		due := began.Add(t.plan.Flood * time.Duration(n) / time.Duration(len(tokens)))
		time.Sleep(time.Until(due))
		calls.Go(func() {
			if _, err := t.call(ctx, raw, t.plan.Deadline); err == nil {
				accepted.Add(1)
			}
		})
	}
	calls.Wait()
	b.FloodRequests = t.issuer.Requests() - before
	if accepted.Load() > 0 {
		return errMadeUp
	}
	return ctx.Err()
}

// unknown returns good with the n-th made-up key ID, and so with a signature
// that is not of it: whoever sends such tokens does not have the key.
func unknown(good string, n int) (string, error) {
	return withKeyID(good, fmt.Sprintf("unknown-%d", n))
}

// rotation makes the issuer change its key when the keys at hand have p.Age.
func rotation(ctx context.Context, p plan, c contestant, b *behaviour) error {
	t, err := newAgedTrial(ctx, p, c)
	if err != nil {
		return err
	}
	defer t.end()
	b.Rotation = t.rotate(ctx)
	return nil
}

// rotate adds a key, then tries a token signed with it until it is accepted.
func (t *trial) rotate(ctx context.Context) wait {
	const between = 100 * time.Millisecond
	t.issuer.Rotate(true)
	t.issuer.MustJWKS()
	raw := jobToken(t.issuer.Issuer, audience)
	for began := time.Now(); ; {
		_, err := t.call(ctx, raw, t.plan.Deadline)
		took := time.Since(began)
		if err == nil {
			return wait{took, true}
		}
		if took+between > t.plan.MaxWait || sleep(ctx, between) != nil {
			return wait{t.plan.MaxWait, false}
		}
	}
}

// outage makes the issuer unusable when the keys at hand have p.Age, has it
// asked for an unknown key ID, and while that may be under way verifies a
// token with a known key.
func outage(ctx context.Context, p plan, c contestant, w *wait, begin func(*served)) error {
	t, err := newAgedTrial(ctx, p, c)
	if err != nil {
		return err
	}
	defer t.end()
	known := jobToken(t.issuer.Issuer, audience)
	madeUp, err := unknown(known, 0)
	if err != nil {
		return err
	}
	begin(t.issuer)
	var other sync.WaitGroup
	defer other.Wait()
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	other.Go(func() { _, _ = t.call(asking, madeUp, 2*t.plan.Deadline) }) // outlasts the call below
	if err := sleep(ctx, 10*t.plan.Delay); err != nil {
		return err
	}
	took, err := t.call(ctx, known, t.plan.Deadline)
	*w = wait{took, err == nil}
	return nil
}

// sleep waits for d, or returns the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
