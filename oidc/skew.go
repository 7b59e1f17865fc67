package oidc

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// worthTelling is the difference of two clocks below which it explains nothing:
// dates of HTTP are whole seconds, and an answer takes some time.
const worthTelling = 5 * time.Second

// skewOf returns how far the clock of an answer's sender was ahead of the one
// here (RFC 9110 section 6.6.1). The answer was made at some time between asked
// and had, so a slow one tells less. What a cache has kept says by its age how
// old its date is. Zero means that the clocks may agree, or that it is not known.
func skewOf(header http.Header, asked, had time.Time) time.Duration {
	at, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0
	}
	if age, err := strconv.ParseUint(header.Get("Age"), 10, 31); err == nil {
		at = at.Add(time.Duration(age) * time.Second)
	}
	switch {
	case at.After(had):
		return at.Sub(had)
	case at.Before(asked):
		return max(at.Sub(asked), -math.MaxInt64) // so that it can be negated
	}
	return 0
}

// clocks says how the clocks here and at the issuer differed when its keys were
// fetched, for whoever reads that a token's time is wrong. It is empty if they
// agreed, or if that is not known.
func (i *issuer) clocks() string {
	set, ok := i.keys.(*RemoteKeySet)
	if !ok {
		return ""
	}
	s := set.current.Load()
	switch {
	case s == nil:
	case s.skew > worthTelling:
		return "; the clock here was " + s.skew.Round(time.Second).String() + " behind the issuer's when its keys were fetched"
	case s.skew < -worthTelling:
		return "; the clock here was " + (-s.skew).Round(time.Second).String() + " ahead of the issuer's when its keys were fetched"
	}
	return ""
}
