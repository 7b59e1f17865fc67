package awstrust

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/internal/trustmodel"
)

// compare holds one value of a condition against one of the request. An Unknown
// comes with what it depends on.
func (e *environment) compare(o Operator, kind keyType, want, actual string) (Truth, string) {
	switch name := o.positive(); {
	case strings.HasPrefix(name, "String"):
		return e.compareString(o, want, actual)
	case strings.HasPrefix(name, "Arn"):
		return e.compareARN(o, want, actual)
	case name == "Bool":
		if kind == boolKey {
			return trustmodel.TruthOf(strings.EqualFold(want, actual)), ""
		}
	case name == "IpAddress":
		if kind == addressKey {
			return compareAddress(want, actual)
		}
	case strings.HasPrefix(name, "Date"):
		if kind == dateKey {
			return compareOrder(name[len("Date"):], want, actual, parseDate)
		}
	case strings.HasPrefix(name, "Numeric"):
		if kind == dateKey && !strings.Contains(actual, "-") { // aws:EpochTime
			return compareOrder(name[len("Numeric"):], want, actual, parseNumber)
		}
	}
	return Unknown, fmt.Sprintf("%s compares with a key that is of another type", o.Name)
}

func (e *environment) compareString(o Operator, want, actual string) (Truth, string) {
	x := e.expand(want, o)
	switch {
	case x.resolved != True:
		return x.resolved, x.assumption
	case o.positive() == "StringEquals":
		return trustmodel.TruthOf(x.pattern.text() == actual), ""
	case o.positive() == "StringLike":
		if x.pattern.oneForTwo(actual) {
			return Unknown, "a ? stands for a character beyond the first 65,536"
		}
		return trustmodel.TruthOf(x.pattern.match(actual)), ""
	case o.positive() != "StringEqualsIgnoreCase":
		return Unknown, fmt.Sprintf("%s holds, which is no operator", safetext.Quote(o.Name))
	}
	text := x.pattern.text()
	if ascii := equalFoldASCII(text, actual); ascii == strings.EqualFold(text, actual) {
		return trustmodel.TruthOf(ascii), ""
	}
	return Unknown, "AWS does not look at the case of letters beyond A to Z"
}

// compareARN compares the six parts of an ARN one by one. What is no ARN matches
// none.
func (e *environment) compareARN(o Operator, want, actual string) (Truth, string) {
	const parts = 6
	x := e.expand(want, o)
	if x.resolved != True {
		return x.resolved, x.assumption
	}
	have := strings.SplitN(actual, ":", parts)
	if len(have) < parts || have[0] != "arn" {
		if o.negated() {
			return Unknown, fmt.Sprintf("%s holds for a value that is no ARN", o.Name)
		}
		return False, ""
	}
	pattern := x.pattern.segments(parts)
	if len(pattern) < parts {
		return Unknown, fmt.Sprintf("AWS takes %s for an ARN", safetext.Quote(want))
	}
	for i := range pattern {
		if !pattern[i].match(have[i]) {
			return False, ""
		}
	}
	return True, ""
}

func compareAddress(want, actual string) (Truth, string) {
	address, err := netip.ParseAddr(actual)
	prefix, prefixErr := netip.ParsePrefix(want)
	if one, oneErr := netip.ParseAddr(want); oneErr == nil {
		prefix, prefixErr = netip.PrefixFrom(one, one.BitLen()), nil
	}
	if err != nil || prefixErr != nil {
		return Unknown, fmt.Sprintf("AWS takes %s for a range of addresses", safetext.Quote(want))
	}
	return trustmodel.TruthOf(prefix.Contains(address.Unmap())), ""
}

// compareOrder compares two values that have an order.
func compareOrder(how, want, actual string, parse func(string) (float64, bool)) (Truth, string) {
	w, ok := parse(want)
	a, okActual := parse(actual)
	if !ok || !okActual {
		return Unknown, fmt.Sprintf("AWS understands %s", safetext.Quote(want))
	}
	switch how {
	case "Equals":
		return trustmodel.TruthOf(a == w), ""
	case "LessThan":
		return trustmodel.TruthOf(a < w), ""
	case "LessThanEquals":
		return trustmodel.TruthOf(a <= w), ""
	case "GreaterThan":
		return trustmodel.TruthOf(a > w), ""
	}
	return trustmodel.TruthOf(a >= w), ""
}

func parseNumber(s string) (float64, bool) {
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}

// parseDate reads a time as ISO 8601 or in seconds since 1970.
func parseDate(s string) (float64, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return float64(t.Unix()), true
		}
	}
	return parseNumber(s)
}
