package claims

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/cioidc/cioidc/internal/strictjson"
)

// Decode decodes a claims set into a T. It refuses anything but one JSON
// object, duplicate names, names that differ only by case from another or from
// a declared one (a *[SyntaxError]), and claims of a type that T does not take
// (a *[ValueError]). Claims that T does not declare are kept for
// [Registered.Lookup]. It checks no signature, issuer, audience or time. A
// method UnmarshalJSON of T itself is not called; those of its fields are.
//
// It looks T up by reflection each time. Where that matters, keep a [Decoder].
func Decode[T any, P ModelOf[T]](data []byte) (*T, error) {
	d, err := NewDecoder[T, P]()
	if err != nil {
		return nil, err
	}
	s, err := Parse(data)
	if err != nil {
		return nil, err
	}
	return d.Decode(s)
}

// Decoder decodes claims sets into a T. It holds what reflection found out
// about T, and is safe for concurrent use.
type Decoder[T any, P ModelOf[T]] struct{ plan *plan }

// NewDecoder returns a decoder. It fails if T cannot be a model: two fields
// claim the same name, names differ only by case, [Registered] is not embedded
// by value and without a name in a json tag, or another struct is embedded by
// pointer.
func NewDecoder[T any, P ModelOf[T]]() (*Decoder[T, P], error) {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("claims: model %v is not a struct", t)
	}
	if !embeds(t) {
		return nil, fmt.Errorf("claims: model %v does not embed claims.Registered by value and untagged", t)
	}
	p, err := planFor(t, nil)
	if err != nil {
		return nil, fmt.Errorf("claims: model %v: %w", t, err)
	}
	return &Decoder[T, P]{plan: p}, nil
}

func embeds(t reflect.Type) bool {
	if t == reflect.TypeFor[Registered]() {
		return true
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct && embeds(f.Type) {
			return true
		}
	}
	return false
}

// Decode decodes s into a new T. Its errors are those of the function [Decode].
func (d *Decoder[T, P]) Decode(s *Set) (*T, error) {
	out := new(T)
	if err := d.plan.decode(&s.object, reflect.ValueOf(out).Elem()); err != nil {
		return nil, err
	}
	r := P(out).RegisteredClaims()
	if r == nil {
		return nil, fmt.Errorf("claims: model %T returns no registered claims", out)
	}
	r.payload = s.object.Source()
	return out, nil
}

// Order returns the order in which the claims of the last set came that was
// decoded, for [Set.Parse]; nil if there was none. Those who let anybody send
// them claims sets should decode none before its signature was checked.
func (d *Decoder[T, P]) Order() *Order { return d.plan.order.Load() }

// setterFor returns what writes a JSON text into a field of type t.
func setterFor(t reflect.Type, outer []reflect.Type) (func(reflect.Value, string) error, error) {
	pointer := reflect.PointerTo(t)
	switch {
	case pointer.Implements(reflect.TypeFor[scalar]()):
		return func(v reflect.Value, value string) error {
			return v.Addr().Interface().(scalar).parse(value)
		}, nil
	case pointer.Implements(reflect.TypeFor[json.Unmarshaler]()),
		pointer.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()),
		t.Kind() == reflect.Interface:
		return setByJSON, nil
	case t.Kind() == reflect.String:
		return setString, nil
	case t == reflect.TypeFor[[]string]():
		return func(v reflect.Value, value string) error {
			list, err := parseStrings(value)
			if err != nil {
				return err
			}
			*v.Addr().Interface().(*[]string) = list
			return nil
		}, nil
	case t.Kind() == reflect.Struct:
		inner, err := planFor(t, outer)
		if err != nil {
			return nil, err
		}
		return func(v reflect.Value, value string) error { return setStruct(inner, v, value) }, nil
	case t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct:
		element, err := setterFor(t.Elem(), outer)
		if err != nil {
			return nil, err
		}
		return func(v reflect.Value, value string) error {
			if value == "null" {
				return nil
			}
			v.Set(reflect.New(t.Elem()))
			return element(v.Elem(), value)
		}, nil
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		element, err := setterFor(t.Elem(), outer)
		if err != nil {
			return nil, err
		}
		return func(v reflect.Value, value string) error { return setSlice(element, v, value) }, nil
	}
	return setByJSON, nil
}

func setString(v reflect.Value, value string) error {
	if value == "null" {
		return nil
	}
	s, ok := strictjson.Unquote(value)
	if !ok {
		return fmt.Errorf("want a string, not %s", kindOf(value))
	}
	v.SetString(s)
	return nil
}

func setStruct(p *plan, v reflect.Value, value string) error {
	if value == "null" {
		return nil
	}
	members, ok := strictjson.WalkObject(value)
	if !ok {
		return fmt.Errorf("want an object, not %s", kindOf(value))
	}
	for m, ok := members.NextMember(); ok; m, ok = members.NextMember() {
		f, err := p.find(m.Name)
		if err != nil {
			return err
		}
		if f == nil {
			continue
		}
		if err := f.set(v.FieldByIndex(f.index), m.Value); err != nil {
			return claimError(m.Name, err)
		}
	}
	return nil
}

func setSlice(element func(reflect.Value, string) error, v reflect.Value, value string) error {
	if value == "null" {
		return nil
	}
	list, ok := strictjson.WalkArray(value)
	if !ok {
		return fmt.Errorf("want an array, not %s", kindOf(value))
	}
	n := list.Count()
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	for i := range n {
		e, _ := list.Next()
		if err := element(v.Index(i), e); err != nil {
			return err
		}
	}
	return nil
}

// setByJSON leaves a field of any other type to encoding/json. What it says of
// the value stays out of the error: a custom UnmarshalJSON may quote it.
func setByJSON(v reflect.Value, value string) error {
	if err := json.Unmarshal([]byte(value), v.Addr().Interface()); err != nil {
		return fmt.Errorf("%s does not fit a Go %v", kindOf(value), v.Type())
	}
	return nil
}
