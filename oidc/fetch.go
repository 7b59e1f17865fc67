package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cioidc/cioidc/internal/httpx"
	"github.com/cioidc/cioidc/internal/jose"
	"github.com/cioidc/cioidc/internal/strictjson"
)

// maxURL is how long the URL of a key set may be, in bytes. Errors and logs name
// it.
const maxURL = 2048

// snapshot is what one fetch brought. Nothing of it changes but the mark that
// its use past its time was logged.
type snapshot struct {
	keys       map[string][]Key
	count      int       // of keys
	skipped    int       // keys of the set that cannot be used
	fetchedAt  time.Time // when the fetch began: what the answer is sure to know
	refreshAt  time.Time
	freshUntil time.Time
	staleUntil time.Time
	staleNoted atomic.Bool
	skew       time.Duration // how far the sender's clock was ahead; zero: not known
}

// flight is a fetch under way.
type flight struct {
	done chan struct{} // closed at the end
	err  error         // valid after that
}

// start begins a fetch. The mutex is held. The fetch has a deadline of its own
// and no caller's context: a caller that gives up must not fail the others.
func (r *RemoteKeySet) start(now time.Time) *flight {
	f := &flight{done: make(chan struct{})}
	r.flight = f
	go func() {
		var s *snapshot
		err := errors.New("the fetch ended early")
		// Deferred, so that a transport that ends the goroutine, as a failing
		// test does, leaves nobody waiting.
		defer func() { r.land(f, s, err); r.observe(s, err, now) }()
		ctx, cancel := context.WithTimeout(context.Background(), r.opts.Timeout)
		defer cancel()
		s, err = r.fetch(ctx, now)
	}()
	return f
}

// land records the end of f. It logs without the mutex: nobody who verifies a
// token with the keys at hand waits for a log.
func (r *RemoteKeySet) land(f *flight, s *snapshot, err error) {
	defer close(f.done)
	if err == nil {
		old := r.replace(s)
		r.logChange(old, s)
		return
	}
	failures, wait := r.fail(err)
	f.err = r.unavailable(err, wait)
	r.opts.Logger.Warn("oidc: fetching keys failed", slog.String("issuer", r.issuer), slog.Any("error", err),
		slog.Int("failures", failures), slog.Duration("retry_after", wait))
}

// observe tells the observer of a fetch that began at start.
func (r *RemoteKeySet) observe(s *snapshot, err error, start time.Time) {
	if r.opts.Observer == nil {
		return
	}
	e := Fetch{Issuer: r.issuer, Err: err, Duration: r.opts.Now().Sub(start)}
	if err == nil {
		e.Keys, e.Skipped = s.count, s.skipped
	}
	r.opts.Observer.ObserveFetch(e)
}

// noteStale logs, once for each set of keys, that it is used past its time.
func (r *RemoteKeySet) noteStale(s *snapshot, now time.Time) {
	if s.staleNoted.CompareAndSwap(false, true) {
		r.opts.Logger.Warn("oidc: keys used past their time", slog.String("issuer", r.issuer),
			slog.Duration("age", now.Sub(s.fetchedAt)), slog.Duration("left", s.staleUntil.Sub(now)))
	}
}

// replace ends the fetch under way with s and returns what was there before.
func (r *RemoteKeySet) replace(s *snapshot) *snapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flight, r.last, r.failures, r.retryAt = nil, nil, 0, time.Time{}
	return r.current.Swap(s)
}

// fail ends the fetch under way with err. It returns how many have failed in a
// row and how long there will be no other.
func (r *RemoteKeySet) fail(err error) (failures int, wait time.Duration) {
	now := r.opts.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	wait = min(firstRetry<<min(r.failures, 8), lastRetry)
	if old := r.current.Load(); old == nil || !now.Before(old.staleUntil) {
		// With nothing to use meanwhile, callers are failing: keep trying.
		wait = firstRetry
	}
	r.failures++
	r.flight, r.last, r.retryAt = nil, err, now.Add(wait)
	return r.failures, wait
}

func (r *RemoteKeySet) logChange(old, s *snapshot) {
	var added, removed []string
	for id := range s.keys {
		if old == nil || old.keys[id] == nil {
			added = append(added, id)
		}
	}
	if old != nil {
		for id := range old.keys {
			if s.keys[id] == nil {
				removed = append(removed, id)
			}
		}
	}
	if len(added)+len(removed) == 0 {
		return
	}
	slices.Sort(added)
	slices.Sort(removed)
	r.opts.Logger.Info("oidc: keys changed", slog.String("issuer", r.issuer), slog.Any("added", added), slog.Any("removed", removed))
}

// fetch gets the key set, by way of discovery if need be. A URL that discovery
// gave earlier is looked up again if it no longer works.
func (r *RemoteKeySet) fetch(ctx context.Context, now time.Time) (*snapshot, error) {
	if r.issuer == "" {
		return r.fetchKeys(ctx, r.url, now)
	}
	known := r.found != "" && now.Sub(r.foundAt) < discoveryAge
	if !known {
		if err := r.rediscover(ctx, now); err != nil {
			return nil, err
		}
	}
	before := r.found
	s, err := r.fetchKeys(ctx, r.found, now)
	if err == nil || !known {
		return s, err
	}
	if r.discover(ctx, now) != nil || r.found == before {
		return nil, err
	}
	return r.fetchKeys(ctx, r.found, now)
}

// rediscover looks the key set's URL up. If the document is out of reach, a URL
// that it gave before does for another while: the one can be down without the
// other. A document that can be read and is wrong is an error.
func (r *RemoteKeySet) rediscover(ctx context.Context, now time.Time) error {
	if r.found == "" || now.Sub(r.foundAt) >= discoveryAge+r.opts.MaxStale {
		return r.discover(ctx, now) // In all the time there is, with nothing to fall back on.
	}
	// Half of the time that is left, so that the keys can still be fetched.
	within := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		within, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	err := r.discover(within, now)
	if err == nil || errors.Is(err, errDocument) {
		return err
	}
	r.opts.Logger.Warn("oidc: discovery failed, the key set's URL is used past its time", slog.String("issuer", r.issuer),
		slog.Any("error", err), slog.Duration("age", now.Sub(r.foundAt)))
	return nil
}

// errDocument begins the cause when there was a discovery document, and it was
// wrong.
var errDocument = errors.New("the discovery document")

// discover reads the issuer's discovery document (OpenID Connect Discovery 1.0
// section 4). A key set on another host is followed: naming it is what the
// document is for.
func (r *RemoteKeySet) discover(ctx context.Context, now time.Time) error {
	where := strings.TrimSuffix(r.issuer, "/") + "/.well-known/openid-configuration"
	body, _, err := r.get(ctx, OpDiscovery, where)
	if err != nil {
		return err
	}
	fail := func(format string, args ...any) error {
		return &UnavailableError{Op: OpDiscovery, Issuer: r.issuer, URL: where, Err: fmt.Errorf("%w"+format, append([]any{errDocument}, args...)...)}
	}
	o, err := strictjson.Parse(string(body))
	if err != nil {
		return fail(": %v", err)
	}
	member := func(name string) string {
		v, _ := o.Lookup(name)
		s, _ := strictjson.Unquote(v)
		return s
	}
	// Section 4.3: the issuer must be the one that was asked, exactly.
	if got := member("issuer"); got != r.issuer {
		hint := sameButFor(got, r.issuer)
		if hint != "" {
			hint = " (" + hint + ")"
		}
		return fail(" is of issuer %s, the configured one is %s%s", quote(got), quote(r.issuer), hint)
	}
	uri := member("jwks_uri")
	keys, err := httpx.CheckURL(uri)
	switch {
	case err != nil:
		return fail("'s jwks_uri %s: %v", quote(uri), err)
	case keys.Scheme == "http" && !strings.HasPrefix(r.issuer, "http:"):
		// Plain http is for loopback, and who names this machine's own must be
		// on it.
		return fail("'s jwks_uri %s is not https, as the issuer is", quote(uri))
	case len(uri) > maxURL:
		return fail("'s jwks_uri has %d bytes, more than the %d that are accepted", len(uri), maxURL)
	}
	r.found, r.foundAt = uri, now
	return nil
}

func (r *RemoteKeySet) fetchKeys(ctx context.Context, where string, now time.Time) (*snapshot, error) {
	body, header, err := r.get(ctx, OpKeys, where)
	if err != nil {
		return nil, err
	}
	set, skipped, err := parseKeySet(body)
	if err != nil {
		return nil, &UnavailableError{Op: OpKeys, Issuer: r.issuer, URL: where, Err: err}
	}
	for reason, n := range countReasons(skipped) {
		r.opts.Logger.Info("oidc: keys skipped", slog.String("issuer", r.issuer), slog.String("reason", reason), slog.Int("count", n))
	}
	s := &snapshot{keys: make(map[string][]Key, len(set)), count: len(set), skipped: len(skipped), fetchedAt: now, skew: skewOf(header, now, r.opts.Now())}
	for _, k := range set {
		s.keys[k.ID] = append(s.keys[k.ID], k)
	}
	fresh := min(max(maxAge(header), r.opts.MinAge), r.opts.MaxAge)
	s.refreshAt = now.Add(fresh / 5 * 4)
	s.freshUntil = now.Add(fresh)
	s.staleUntil = s.freshUntil.Add(r.opts.MaxStale)
	return s, nil
}

func (r *RemoteKeySet) get(ctx context.Context, op, where string) ([]byte, http.Header, error) {
	body, header, status, err := httpx.Get(ctx, r.client, where, httpx.DefaultLimit)
	u := &UnavailableError{Op: op, Issuer: r.issuer, URL: where, StatusCode: status, Err: err}
	var requested *url.Error
	switch {
	case errors.As(err, &requested):
		u.Err = requested.Err // Without the URL, which u has.
		return nil, nil, u
	case err != nil:
		return nil, nil, u
	case status != http.StatusOK:
		u.Err = errors.New("want 200 " + http.StatusText(http.StatusOK))
		return nil, nil, u
	}
	return body, header, nil
}

// maxAge returns how long a response says it is fresh (RFC 9111 section
// 5.2.2). What forbids caching counts as no time at all; the caller's least
// time then holds, since a verifier without a cache would be no use.
func maxAge(header http.Header) time.Duration {
	age := ageWithoutMaxAge
	for _, line := range header.Values("Cache-Control") {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(name) {
			case "no-store", "no-cache":
				return 0
			case "max-age":
				// RFC 9111 section 1.2.2: a number that is too large is a large one.
				if n, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil || errors.Is(err, strconv.ErrRange) {
					age = time.Duration(n) * time.Second
				}
			}
		}
	}
	return age
}

// budget is the allowance of fetches for unknown key IDs.
type budget struct {
	spent float64 // how much of the burst is in use
	at    time.Time
}

const (
	budgetBurst = 3
	budgetEvery = 30 * time.Second
)

// take uses one fetch and returns zero, or returns how long until there is one.
func (b *budget) take(now time.Time) time.Duration {
	b.spent = max(0, b.spent-float64(now.Sub(b.at))/float64(budgetEvery))
	b.at = now
	if b.spent > budgetBurst-1 {
		return time.Duration((b.spent - (budgetBurst - 1)) * float64(budgetEvery))
	}
	b.spent++
	return 0
}

// countReasons counts the keys that were skipped for each reason.
func countReasons(skipped []jose.Skipped) map[string]int {
	counts := make(map[string]int)
	for _, s := range skipped {
		counts[s.Reason]++
	}
	return counts
}
