package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// processors are the values of GOMAXPROCS measured, each with as many
// goroutines verifying.
var processors = []int{1, 2}

// speed is what one entry came to with one number of processors.
type speed struct {
	entry
	Procs int
	// Ratio and ToHash are the time as a multiple of that of the floor and of
	// the other reference in the same round. Nanos is the time itself, elapsed
	// per verification of the whole process.
	Ratio, ToHash, Nanos series
	// Allocs and Bytes are per verification.
	Allocs, Bytes series
}

// cost is what one turn took.
type cost struct {
	ops           int64
	elapsed       time.Duration
	mallocs, heap uint64
}

// turns are those of an entry in a round.
type turns []cost

// nanos is the median of the turns' times per verification: a turn in which the
// machine did something else does not count.
func (t turns) nanos() float64 {
	return t.median(func(c cost) float64 { return float64(c.elapsed) })
}

func (t turns) allocs() float64 {
	return t.median(func(c cost) float64 { return float64(c.mallocs) })
}

func (t turns) bytes() float64 {
	return t.median(func(c cost) float64 { return float64(c.heap) })
}

func (t turns) median(of func(cost) float64) float64 {
	each := make(series, len(t))
	for n, c := range t {
		each[n] = of(c) / float64(c.ops)
	}
	return each.median()
}

// measureSpeed lets the entries take turns. A round measures each of them with
// each number of processors; a turn is short and their order is new each time,
// so that whatever else the machine does falls on all of them alike.
func measureSpeed(ctx context.Context, p plan, entries []entry, log io.Writer) ([]speed, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var results []speed
	for _, procs := range processors {
		for _, e := range entries {
			results = append(results, speed{entry: e, Procs: procs})
		}
	}
	for round := range p.Rounds {
		fmt.Fprintf(log, "bench: round %d of %d\n", round+1, p.Rounds)
		costs := make([]turns, len(results))
		for n, procs := range processors {
			runtime.GOMAXPROCS(procs)
			for range max(p.Passes, 1) {
				for _, e := range rand.Perm(len(entries)) {
					if err := ctx.Err(); err != nil {
						return nil, err
					}
					if entries[e].Refusal != "" {
						continue
					}
					c, err := takeTurn(entries[e].Turn, procs, p.Slice)
					if err != nil {
						return nil, fmt.Errorf("bench: %s with %s: %w", entries[e].Name, entries[e].Workload.Name, err)
					}
					costs[n*len(entries)+e] = append(costs[n*len(entries)+e], c)
				}
			}
		}
		record(results, costs)
	}
	return results, nil
}

// record adds a round's costs to the results.
func record(results []speed, costs []turns) {
	type place struct {
		*workload
		procs int
	}
	floors, hashes := make(map[place]float64), make(map[place]float64)
	for n, r := range results {
		switch r.Name {
		case floorName:
			floors[place{r.Workload, r.Procs}] = costs[n].nanos()
		case hashName:
			hashes[place{r.Workload, r.Procs}] = costs[n].nanos()
		}
	}
	for n := range results {
		r, t := &results[n], costs[n]
		if len(t) == 0 { // does not take these tokens
			continue
		}
		at := place{r.Workload, r.Procs}
		r.Nanos = append(r.Nanos, t.nanos())
		r.Ratio = append(r.Ratio, t.nanos()/floors[at])
		r.ToHash = append(r.ToHash, t.nanos()/hashes[at])
		r.Allocs = append(r.Allocs, t.allocs())
		r.Bytes = append(r.Bytes, t.bytes())
	}
}

// takeTurn lets as many goroutines as there are processors run f for d. It
// begins with a clean heap, so that nobody pays for another's garbage.
func takeTurn(f turn, procs int, d time.Duration) (cost, error) {
	if err := f(0); err != nil { // and with warm caches
		return cost{}, err
	}
	runtime.GC()
	var before, after runtime.MemStats
	var ops atomic.Int64
	var failed atomic.Value // a failure
	var wg sync.WaitGroup
	runtime.ReadMemStats(&before)
	began := time.Now()
	for g := range procs {
		wg.Go(func() {
			n := g * ringSize / procs
			done := int64(0)
			for { // at least once, however late this goroutine gets to run
				for range 4 { // asking the time costs something too
					if err := f(n); err != nil {
						failed.CompareAndSwap(nil, failure{err})
						return
					}
					n++
				}
				done += 4
				if time.Since(began) >= d {
					break
				}
			}
			ops.Add(done)
		})
	}
	wg.Wait()
	elapsed := time.Since(began)
	runtime.ReadMemStats(&after)
	if f, ok := failed.Load().(failure); ok {
		return cost{}, f.err
	}
	return cost{ops.Load(), elapsed, after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc}, nil
}

// failure has one type for whatever error, as [atomic.Value] asks for. The error
// is not kept by its address: that would cost each turn an allocation.
type failure struct{ err error }
