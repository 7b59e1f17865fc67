package hostile

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/cioidc/cioidc/claims"
)

// set is a claims set in the making.
type set struct {
	values map[string]any // as JSON decodes them, numbers as json.Number
	was    *set           // the identity; nil in the identity's own
	// user and organization are those of CircleCI's subject, if they differ from
	// the identity's and no claim says so.
	user, organization string
}

// newSet returns the claims of m, and the names of all claims that its model
// declares, sorted.
func newSet[T any, P claims.ModelOf[T]](m P) (*set, []string, error) {
	encoded, err := json.Marshal(m)
	if err != nil {
		return nil, nil, fmt.Errorf("hostile: the identity cannot be encoded: %w", err)
	}
	all, err := values(encoded)
	if err != nil {
		return nil, nil, err
	}
	names := slices.Sorted(maps.Keys(all))
	payload := m.RegisteredClaims().Payload()
	if decoded, err := claims.Decode[T, P](payload); err == nil {
		// As it was sent, unless the fields were changed since.
		if again, err := json.Marshal(decoded); err == nil && bytes.Equal(again, encoded) {
			if all, err = values(payload); err != nil {
				return nil, nil, err
			}
			return &set{values: all}, names, nil
		}
	}
	for name, v := range all {
		if empty(v) {
			delete(all, name)
			continue
		}
		// What GitLab sends otherwise than encoding/json does.
		switch b, isBool := v.(bool); {
		case isBool && name != sshRerun:
			all[name] = strconv.FormatBool(b)
		case name == "runner_id":
			if _, err := strconv.ParseUint(v.(string), 10, 63); err == nil {
				all[name] = json.Number(v.(string))
			}
		}
	}
	return &set{values: all}, names, nil
}

func values(payload []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	out := map[string]any{}
	if err := d.Decode(&out); err != nil {
		return nil, fmt.Errorf("hostile: the identity's claims: %w", err)
	}
	return out, nil
}

// empty reports whether a claim with this value is as good as absent.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		for _, member := range v {
			if !empty(member) {
				return false
			}
		}
		return true
	}
	return false
}

func (c *set) clone() *set { return &set{values: maps.Clone(c.values), was: c} }

func (c *set) payload() []byte {
	out, _ := json.Marshal(c.values) // It came from JSON, or is text.
	return out
}

// differences returns the names of the claims that differ, absence and
// emptiness being the same.
func (c *set) differences(other *set) []string {
	var out []string
	for _, names := range []map[string]any{c.values, other.values} {
		for name := range names {
			a, b := c.values[name], other.values[name]
			if empty(a) && empty(b) {
				continue
			}
			one, _ := json.Marshal(a)
			two, _ := json.Marshal(b)
			if !bytes.Equal(one, two) {
				out = append(out, name)
			}
		}
	}
	return sorted(out)
}

// text returns a claim that is a text or a number, or "".
func (c *set) text(name string) string {
	switch v := c.values[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

func (c *set) has(name string) bool { return !empty(c.values[name]) }

// put gives a claim a value, be it there or not.
func (c *set) put(name string, value any) { c.values[name] = value }

// replace gives a claim that is there a value.
func (c *set) replace(name string, value any) {
	if c.has(name) {
		c.values[name] = value
	}
}

func (c *set) drop(names ...string) {
	for _, name := range names {
		delete(c.values, name)
	}
}

// shift moves a time that is there by so many seconds.
func (c *set) shift(name string, seconds int64) {
	n, ok := c.values[name].(json.Number)
	if !ok {
		return
	}
	const last = 253402300799 // what claims.NumericDate takes
	if f, err := n.Float64(); err == nil && int64(f)+seconds <= last {
		c.values[name] = json.Number(strconv.FormatInt(int64(f)+seconds, 10))
	}
}

// digest makes IDs up: the same one for the same text.
func digest(text string) uint64 {
	sum := sha256.Sum256([]byte("hostile\x00" + text))
	return binary.BigEndian.Uint64(sum[:])
}

// otherNumber returns a numeric ID that is not old. Each use has its own.
func otherNumber(old, use string) string {
	return strconv.FormatUint(90_000_000+digest(use+"\x00"+old)%9_000_000, 10) // larger than real ones
}

// otherUUID returns a UUID that is not old. Each use has its own.
func otherUUID(old, use string) string {
	sum := sha256.Sum256([]byte("hostile\x00" + use + "\x00" + old))
	b := sum[:16]
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// another returns a value of the same JSON type as v that is not v.
func another(name string, v any) any {
	switch v := v.(type) {
	case bool:
		return !v
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return json.Number(strconv.FormatInt(n+1, 10))
		}
	case string:
		switch {
		case v == "true":
			return "false"
		case v == "false":
			return "true"
		case claims.IsUUID(v):
			return otherUUID(v, name)
		case v != "":
			return v + "-other"
		}
	case []any:
		return append(slices.Clone(v), "other")
	}
	// It was absent.
	switch name {
	case "exp", "nbf", "iat":
		return json.Number("1790000000")
	case "jti":
		return otherUUID("", name)
	case "ref_protected", "environment_protected":
		return "true"
	}
	return "other"
}
