package googletrust

import (
	"math"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// maxMade is the longest text, in bytes, that one call of replace or join makes.
// CEL counts what a call has cost when it is done, and one call can take all
// memory. Google takes mapped values of [MaxMapped] bytes.
const maxMade = 64 << 10

// tooMuch is the error of what is not done for its cost; the words are CEL's own.
func tooMuch() ref.Val { return types.NewErr("actual cost limit exceeded") }

// boundedStrings are the functions of ext.Strings that make more text than they
// are given, with a bound.
func boundedStrings() []cel.EnvOption {
	text, list := cel.StringType, cel.ListType(cel.StringType)
	return []cel.EnvOption{
		cel.Function("replace",
			cel.MemberOverload("string_replace_string_string", []*cel.Type{text, text, text}, text, cel.FunctionBinding(replace)),
			cel.MemberOverload("string_replace_string_string_int", []*cel.Type{text, text, text, cel.IntType}, text, cel.FunctionBinding(replace))),
		cel.Function("join",
			cel.MemberOverload("list_join", []*cel.Type{list}, text, cel.UnaryBinding(func(list ref.Val) ref.Val { return join(list, types.String("")) })),
			cel.MemberOverload("list_join_string", []*cel.Type{list, text}, text, cel.BinaryBinding(join))),
	}
}

func replace(args ...ref.Val) ref.Val {
	var text [3]string
	for i := range text {
		s, ok := args[i].(types.String)
		if !ok {
			return types.MaybeNoSuchOverloadErr(args[i])
		}
		text[i] = string(s)
	}
	times := types.Int(-1)
	if len(args) == 4 {
		n, ok := args[3].(types.Int)
		if !ok {
			return types.MaybeNoSuchOverloadErr(args[3])
		}
		times = min(n, math.MaxInt32)
	}
	count := strings.Count(text[0], text[1])
	if times >= 0 {
		count = min(count, int(times))
	}
	if len(text[0]) > maxMade || len(text[2]) > maxMade/max(count, 1) || len(text[0])+count*len(text[2]) > maxMade {
		return tooMuch()
	}
	return types.String(strings.Replace(text[0], text[1], text[2], int(times)))
}

func join(list, separator ref.Val) ref.Val {
	l, ok := list.(traits.Lister)
	if !ok {
		return types.MaybeNoSuchOverloadErr(list)
	}
	between, ok := separator.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(separator)
	}
	var b strings.Builder
	for it, first := l.Iterator(), true; it.HasNext() == types.True; first = false {
		v := it.Next()
		s, ok := v.(types.String)
		if !ok {
			return types.MaybeNoSuchOverloadErr(v)
		}
		if b.Len()+len(between)+len(s) > maxMade {
			return tooMuch()
		}
		if !first {
			b.WriteString(string(between))
		}
		b.WriteString(string(s))
	}
	return types.String(b.String())
}
