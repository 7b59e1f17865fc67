package main

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSeries(t *testing.T) {
	s := series{4, 1, 3, 2}
	assert.Equal(t, 2.5, s.median())
	assert.Equal(t, 1.75, s.quantile(0.25))
	assert.Equal(t, 4.0, s.quantile(1))
	assert.Equal(t, series{4, 1, 3, 2}, s, "not sorted in place")
	quartiles, extremes := s.spread(2)
	assert.Equal(t, "1.75 – 3.25", quartiles)
	assert.Equal(t, "1.00 – 4.00", extremes)
	assert.Equal(t, 7.0, series{7}.median())
	assert.True(t, math.IsNaN(series{}.median()))
}

// Ratios are of one round, and of the same token and number of processors.
func TestRecord(t *testing.T) {
	w, other := new(workload), new(workload)
	results := []speed{
		{entry: entry{Workload: w, Name: floorName}, Procs: 1},
		{entry: entry{Workload: w, Name: hashName}, Procs: 1},
		{entry: entry{Workload: w, Name: "a"}, Procs: 1},
		{entry: entry{Workload: other, Name: floorName}, Procs: 1},
		{entry: entry{Workload: w, Name: floorName}, Procs: 2},
		{entry: entry{Workload: w, Name: "absent"}, Procs: 2},
	}
	record(results, []turns{
		{{ops: 10, elapsed: 100}},
		{{ops: 10, elapsed: 20}},
		{{ops: 1, elapsed: 9000, mallocs: 9, heap: 9}, {ops: 5, elapsed: 100, mallocs: 15, heap: 500}, {ops: 5, elapsed: 95, heap: 1000}},
		{{ops: 1, elapsed: 7}},
		{{ops: 1, elapsed: 9}},
		nil,
	})
	assert.Equal(t, series{2}, results[2].Ratio)
	assert.Equal(t, series{10}, results[2].ToHash)
	assert.Equal(t, series{20}, results[2].Nanos)
	assert.Equal(t, series{3}, results[2].Allocs)
	assert.Equal(t, series{100}, results[2].Bytes)
	assert.Equal(t, series{1}, results[3].Ratio)
	assert.Empty(t, results[5].Ratio)
}

func TestWaitText(t *testing.T) {
	assert.Equal(t, "accepted, 0.2 ms", wait{200 * time.Microsecond, true}.String())
	assert.Equal(t, "accepted, 13 ms", wait{13 * time.Millisecond, true}.String())
	assert.Equal(t, "not within 15.0 s", wait{15 * time.Second, false}.String())
}

// A verifier that minds neither its context nor time does not hold the run up.
func TestCallReturnsAtItsDeadline(t *testing.T) {
	stuck := make(chan struct{})
	defer close(stuck)
	tr := &trial{verify: func(context.Context, string) (string, error) {
		<-stuck
		return "", nil
	}}
	_, err := tr.call(t.Context(), "", time.Millisecond)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}

// A contestant that accepts a made-up key ID ends the run.
func TestFloodRequiresRefusals(t *testing.T) {
	careless := contestant{Name: "careless", New: func(context.Context, setup) (verify, error) {
		return func(context.Context, string) (string, error) { return "", nil }, nil
	}}
	p := short()
	tr, err := newTrial(t.Context(), p, careless)
	require.NoError(t, err)
	defer tr.end()
	assert.ErrorIs(t, tr.flood(t.Context(), new(behaviour)), errMadeUp)
}
