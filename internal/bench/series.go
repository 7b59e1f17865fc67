package main

import (
	"fmt"
	"math"
	"slices"
)

// series is one value per round.
type series []float64

// quantile returns the value below which a share q of the series lies, between
// neighbours by their distance. It is NaN for an empty series.
func (s series) quantile(q float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	at := q * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

func (s series) median() float64 { return s.quantile(0.5) }

// spread returns the quartiles and the extremes, for a table.
func (s series) spread(digits int) (quartiles, extremes string) {
	show := func(low, high float64) string {
		return fmt.Sprintf("%.*f – %.*f", digits, s.quantile(low), digits, s.quantile(high))
	}
	return show(0.25, 0.75), show(0, 1)
}
