package claims

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/cioidc/cioidc/internal/strictjson"
)

// scalar is a type of this package that reads its own JSON text. The text has
// been checked by strictjson.
type scalar interface{ parse(value string) error }

// unmarshal lets encoding/json read a scalar, through the same parser.
func unmarshal(s scalar, data []byte) error {
	// The wrapping object gives the text the structural checks that parse
	// relies on; encoding/json checks less.
	o, err := strictjson.Parse(`{"":` + string(data) + `}`)
	if err != nil {
		return fmt.Errorf("claims: %w", err)
	}
	if len(o.Members()) != 1 {
		return errors.New("claims: more than one JSON value")
	}
	if err := s.parse(o.Members()[0].Value); err != nil {
		return fmt.Errorf("claims: %w", err)
	}
	return nil
}

// Bool is a boolean claim, which GitLab sends as the strings "true" and
// "false" and CircleCI as a JSON boolean. Its zero value is [Absent].
type Bool uint8

const (
	// Absent: the claim was not sent, or was null or empty. It is neither true
	// nor false, and no condition on the claim is met.
	Absent Bool = iota
	// False: false or "false" was sent.
	False
	// True: true or "true" was sent.
	True
)

// String returns "absent", "false" or "true".
func (b Bool) String() string {
	switch b {
	case False:
		return "false"
	case True:
		return "true"
	}
	return "absent"
}

// UnmarshalJSON takes a JSON boolean, "true", "false", "" or null.
func (b *Bool) UnmarshalJSON(data []byte) error { return unmarshal(b, data) }

// MarshalJSON returns true, false or, for [Absent], null.
func (b Bool) MarshalJSON() ([]byte, error) {
	if b == Absent {
		return []byte("null"), nil
	}
	return []byte(b.String()), nil
}

func (b *Bool) parse(value string) error {
	switch value {
	case `true`, `"true"`:
		*b = True
	case `false`, `"false"`:
		*b = False
	case `null`, `""`:
		*b = Absent
	default:
		return fmt.Errorf("want true or false, as a boolean or a string, not %s", describe(value))
	}
	return nil
}

// ID is an identifier, which GitLab sends as a string for all but runner_id,
// and as a number there. Empty means absent or sent empty. IDs are unique
// within one issuer only.
type ID string

// UnmarshalJSON takes a string, a whole number that is not negative, or null.
func (i *ID) UnmarshalJSON(data []byte) error { return unmarshal(i, data) }

func (i *ID) parse(value string) error {
	if value == "null" {
		*i = ""
		return nil
	}
	if s, ok := strictjson.Unquote(value); ok {
		*i = ID(s)
		return nil
	}
	for _, c := range []byte(value) {
		if c < '0' || c > '9' {
			return fmt.Errorf("want a string or a whole number, not %s", describe(value))
		}
	}
	*i = ID(value)
	return nil
}

// NumericDate is a time in seconds since 1970-01-01T00:00:00Z (RFC 7519
// section 2). Zero means absent.
type NumericDate int64

// maxNumericDate is the last second of the year 9999, the last one that
// RFC 3339 can write. Larger values only serve to overflow somebody's clock.
const maxNumericDate = 253402300799

// Time returns d as a time in UTC; the zero [time.Time] if d is absent.
func (d NumericDate) Time() time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Unix(int64(d), 0).UTC()
}

// UnmarshalJSON takes a number of seconds from 1 to the end of the year 9999,
// whose fraction is dropped, or null.
func (d *NumericDate) UnmarshalJSON(data []byte) error { return unmarshal(d, data) }

// MarshalJSON returns the number or, for an absent date, null.
func (d NumericDate) MarshalJSON() ([]byte, error) {
	if d == 0 {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, int64(d), 10), nil
}

func (d *NumericDate) parse(value string) error {
	if value == "null" {
		*d = 0
		return nil
	}
	if c := value[0]; c != '-' && (c < '0' || c > '9') {
		return fmt.Errorf("want a number of seconds, not %s", kindOf(value))
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		f, err := strconv.ParseFloat(value, 64)
		if err != nil || f < 0 || f > maxNumericDate {
			return fmt.Errorf("the number of seconds is out of range")
		}
		n = int64(f)
	}
	if n < 1 || n > maxNumericDate {
		return fmt.Errorf("the number of seconds is out of range")
	}
	*d = NumericDate(n)
	return nil
}

// Audience is the aud claim: one string or an array of strings (RFC 7519
// section 4.1.3). Nil means absent.
type Audience []string

// Contains reports whether aud is one of a, byte for byte.
func (a Audience) Contains(aud string) bool { return slices.Contains(a, aud) }

// UnmarshalJSON takes a string, an array of strings, or null.
func (a *Audience) UnmarshalJSON(data []byte) error { return unmarshal(a, data) }

// MarshalJSON returns one audience as a string, as both platforms send it by
// default, and any other number as an array.
func (a Audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

func (a *Audience) parse(value string) error {
	if s, ok := strictjson.Unquote(value); ok {
		*a = Audience{s}
		return nil
	}
	list, err := parseStrings(value)
	if err != nil {
		return fmt.Errorf("want a string or an array of strings, not %s", describe(value))
	}
	*a = list
	return nil
}

// parseStrings reads an array of strings, or null as nil.
func parseStrings(value string) ([]string, error) {
	if value == "null" {
		return nil, nil
	}
	elements, ok := strictjson.Elements(value)
	if !ok {
		return nil, fmt.Errorf("want an array of strings, not %s", kindOf(value))
	}
	for i, e := range elements {
		if elements[i], ok = strictjson.Unquote(e); !ok {
			return nil, fmt.Errorf("want an array of strings, not one with %s in it", kindOf(e))
		}
	}
	return elements, nil
}

// describe names a value's type, and an array by what does not belong in it.
func describe(value string) string {
	if value != "" && value[0] == '[' {
		return "an array with something else in it"
	}
	if value != "" && value[0] == '"' {
		return "another string"
	}
	return kindOf(value)
}
