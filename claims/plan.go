package claims

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"

	"github.com/cioidc/cioidc/internal/strictjson"
)

// plan says which field of a struct takes which claim, and how.
type plan struct {
	fields map[string]*field
	folded map[string]string // of each name in fields, the name by its fold
	// order is that of the last object's members: an issuer's tokens have the
	// same one, which saves looking the fields up.
	order atomic.Pointer[Order]
}

type field struct {
	name  string
	index []int
	set   func(v reflect.Value, value string) error
}

// planFor makes the plan of struct type t. Outer holds the types around it, to
// end the recursion of one that holds itself.
func planFor(t reflect.Type, outer []reflect.Type) (*plan, error) {
	for _, o := range outer {
		if o == t {
			return nil, fmt.Errorf("type %v holds itself", t)
		}
	}
	p := &plan{fields: make(map[string]*field, t.NumField()), folded: make(map[string]string, t.NumField())}
	if err := p.add(t, nil, append(outer, t)); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *plan) add(t reflect.Type, prefix []int, outer []reflect.Type) error {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int(nil), prefix...), i)
		tag, tagged := f.Tag.Lookup("json")
		if tag == "-" {
			continue
		}
		name, err := tagName(tag)
		if err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
		if f.Anonymous && (!tagged || name == "") {
			switch {
			case f.Type.Kind() == reflect.Struct:
				if err := p.add(f.Type, index, outer); err != nil {
					return err
				}
				continue
			case f.Type.Kind() == reflect.Pointer && f.Type.Elem().Kind() == reflect.Struct:
				// Its claims would be lost, since nothing allocates it.
				return fmt.Errorf("field %s: embed %v by value", f.Name, f.Type.Elem())
			}
		}
		if !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		set, err := setterFor(f.Type, outer)
		if err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
		fold := strictjson.Fold(name)
		if other, taken := p.folded[fold]; taken {
			return fmt.Errorf("the claims %q and %q are declared twice or differ only by case", other, name)
		}
		p.folded[fold] = name
		p.fields[name] = &field{name: name, index: index, set: set}
	}
	return nil
}

// decode fills dst, which is addressable, from o.
func (p *plan) decode(o *strictjson.Object, dst reflect.Value) error {
	order, err := p.orderOf(o)
	if err != nil {
		return err
	}
	members := o.Members()
	for i, f := range order.fields {
		if f == nil {
			continue
		}
		if err := f.set(dst.FieldByIndex(f.index), members[i].Value); err != nil {
			return claimError(members[i].Name, err)
		}
	}
	return nil
}

// orderOf returns the order of o's members, which is remembered.
func (p *plan) orderOf(o *strictjson.Object) (*Order, error) {
	names := o.Order()
	if last := p.order.Load(); last != nil && names != nil && last.names == names {
		return last, nil
	}
	members := o.Members()
	order := &Order{names: names, fields: make([]*field, len(members))}
	for i := range members {
		var err error
		if order.fields[i], err = p.find(members[i].Name); err != nil {
			return nil, err
		}
	}
	if names != nil {
		p.order.Store(order)
	}
	return order, nil
}

// find returns the field that takes the claim called name, or nil if none does.
func (p *plan) find(name string) (*field, error) {
	f := p.fields[name]
	if f == nil {
		if known, ok := p.folded[strictjson.Fold(name)]; ok {
			return nil, &SyntaxError{Problem: fmt.Sprintf("%.64q differs only by case from the claim %q", name, known)}
		}
	}
	return f, nil
}

// claimError puts the name of a claim to an error in its value.
func claimError(name string, err error) error {
	var inner *ValueError
	var syntax *SyntaxError
	switch {
	case errors.As(err, &inner):
		return &ValueError{Claim: name + "." + inner.Claim, Problem: inner.Problem}
	case errors.As(err, &syntax):
		return syntax
	}
	return &ValueError{Claim: name, Problem: err.Error()}
}

// tagName returns the claim's name in a json struct tag. The string option is
// refused: it would change what text is accepted, and Bool and ID do that by
// type.
func tagName(tag string) (string, error) {
	name, options, _ := strings.Cut(tag, ",")
	for o := range strings.SplitSeq(options, ",") {
		if o == "string" {
			return "", errors.New("the json tag's option string is not supported; use claims.ID or claims.Bool")
		}
	}
	return name, nil
}
