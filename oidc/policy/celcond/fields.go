package celcond

import (
	"maps"
	"slices"

	"cel.dev/cel-go/common/types"

	"github.com/cioidc/cioidc/claims"
)

// field is a member of an object type: its type in CEL, and how to read it.
type field struct {
	celType *types.Type
	// get returns the value, and whether there is one: an empty value is none.
	get func(object any) (value any, ok bool)
}

// fields are the members of an object type, by name.
type fields map[string]field

func (f fields) names() []string { return slices.Sorted(maps.Keys(f)) }

// member makes a field of a T, whose value is absent if read says so.
func member[T any](celType *types.Type, read func(*T) (any, bool)) field {
	return field{celType, func(object any) (any, bool) {
		o, ok := object.(*T)
		if !ok || o == nil {
			return nil, false
		}
		return read(o)
	}}
}

func text[T any, S ~string](read func(*T) S) field {
	return member(types.StringType, func(o *T) (any, bool) {
		s := read(o)
		return string(s), s != ""
	})
}

func truth[T any](read func(*T) claims.Bool) field {
	return member(types.BoolType, func(o *T) (any, bool) {
		b := read(o)
		return b == claims.True, b != claims.Absent
	})
}

func moment[T any](read func(*T) claims.NumericDate) field {
	return member(types.TimestampType, func(o *T) (any, bool) {
		d := read(o)
		return d.Time(), d != 0
	})
}

func texts[T any](read func(*T) []string) field {
	return member(types.NewListType(types.StringType), func(o *T) (any, bool) {
		list := read(o)
		if slices.Contains(list, "") { // An empty element names nothing.
			list = slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == "" })
		}
		return list, len(list) > 0
	})
}

// registered are the claims of every platform.
func registered[T any, P claims.ModelOf[T]](more fields) fields {
	r := func(o *T) *claims.Registered { return P(o).RegisteredClaims() }
	all := fields{
		"iss": text(func(o *T) string { return r(o).Issuer }),
		"sub": text(func(o *T) string { return r(o).Subject }),
		"aud": texts(func(o *T) []string { return r(o).Audience }),
		"exp": moment(func(o *T) claims.NumericDate { return r(o).ExpiresAt }),
		"nbf": moment(func(o *T) claims.NumericDate { return r(o).NotBefore }),
		"iat": moment(func(o *T) claims.NumericDate { return r(o).IssuedAt }),
		"jti": text(func(o *T) string { return r(o).JWTID }),
	}
	maps.Copy(all, more)
	return all
}
