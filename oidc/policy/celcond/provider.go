package celcond

import (
	"errors"
	"reflect"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// object is a value of one of the object types. CEL reads its members through
// the provider.
type object struct {
	celType *types.Type
	value   any
}

var _ ref.Val = object{}

// ConvertToNative, ConvertToType, Equal, Type and Value implement [ref.Val].
// No expression reaches the first two: they are behind functions that
// expressions do not have.
func (o object) ConvertToNative(reflect.Type) (any, error) {
	return nil, errors.New("claims cannot be converted")
}

func (o object) ConvertToType(t ref.Type) ref.Val {
	return types.NewErr("claims cannot be converted to %s", t.TypeName())
}

// Equal compares by identity: what is compared are members.
func (o object) Equal(other ref.Val) ref.Val {
	b, ok := other.(object)
	return types.Bool(ok && o == b)
}

func (o object) Type() ref.Type { return o.celType }
func (o object) Value() any     { return o.value }

// provider adds a platform's object types to CEL's own types.
type provider struct {
	types.Provider
	objects map[string]map[string]*types.FieldType
}

func newProvider(p *platform) (*provider, error) {
	own, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	out := &provider{Provider: own, objects: map[string]map[string]*types.FieldType{}}
	for name, members := range p.types {
		of := make(map[string]*types.FieldType, len(members))
		prefix := ""
		if name != p.root {
			_, claim, _ := strings.Cut(name, ".")
			prefix = claim + "."
		}
		for member, f := range members {
			of[member] = &types.FieldType{
				Type: f.celType,
				IsSet: func(target any) bool {
					_, ok := f.get(target)
					return ok
				},
				GetFrom: func(target any) (any, error) {
					v, ok := f.get(target)
					if !ok {
						return nil, &EvaluationError{Claim: prefix + member, Err: ErrAbsent}
					}
					return v, nil
				},
			}
		}
		out.objects[name] = of
	}
	return out, nil
}

// FindStructType implements [types.Provider].
func (p *provider) FindStructType(name string) (*types.Type, bool) {
	if _, ok := p.objects[name]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Provider.FindStructType(name)
}

// FindStructFieldNames implements [types.Provider].
func (p *provider) FindStructFieldNames(name string) ([]string, bool) {
	members, ok := p.objects[name]
	if !ok {
		return p.Provider.FindStructFieldNames(name)
	}
	names := make([]string, 0, len(members))
	for member := range members {
		names = append(names, member)
	}
	return names, true
}

// FindStructFieldType implements [types.Provider].
func (p *provider) FindStructFieldType(name, member string) (*types.FieldType, bool) {
	members, ok := p.objects[name]
	if !ok {
		return p.Provider.FindStructFieldType(name, member)
	}
	f, ok := members[member]
	return f, ok
}
