package googletrust

import (
	"slices"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// walk calls f for x and for everything in it, outside in, but not for what is in
// an expression for which f returns false.
func walk(x celast.Expr, f func(celast.Expr) bool) {
	if !f(x) {
		return
	}
	for _, y := range children(x) {
		walk(y, f)
	}
}

func children(x celast.Expr) []celast.Expr {
	switch x.Kind() {
	case celast.CallKind:
		call := x.AsCall()
		if call.IsMemberFunction() {
			return append([]celast.Expr{call.Target()}, call.Args()...)
		}
		return call.Args()
	case celast.SelectKind:
		return []celast.Expr{x.AsSelect().Operand()}
	case celast.ListKind:
		return x.AsList().Elements()
	case celast.MapKind:
		var out []celast.Expr
		for _, e := range x.AsMap().Entries() {
			out = append(out, e.AsMapEntry().Key(), e.AsMapEntry().Value())
		}
		return out
	case celast.ComprehensionKind:
		c := x.AsComprehension()
		return []celast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()}
	}
	return nil
}

// call returns the arguments of x if it calls the operator or function name, the
// target of a method first.
func call(x celast.Expr, name string) ([]celast.Expr, bool) {
	if x.Kind() != celast.CallKind || x.AsCall().FunctionName() != name {
		return nil, false
	}
	return children(x), true
}

// literal returns the value of a literal, or nil.
func literal(x celast.Expr) ref.Val {
	if x.Kind() != celast.LiteralKind {
		return nil
	}
	return x.AsLiteral()
}

// variable is what an expression reads: assertion.ref is {"assertion", "ref"}.
type variable struct{ root, name string }

// reads returns what x itself reads, if it reads a claim or an attribute;
// has says that it only asks whether there is one.
func reads(x celast.Expr) (v variable, has, ok bool) {
	root := func(y celast.Expr) string {
		if y.Kind() == celast.IdentKind {
			return y.AsIdent()
		}
		return ""
	}
	switch {
	case x.Kind() == celast.SelectKind:
		s := x.AsSelect()
		v, has = variable{root(s.Operand()), s.FieldName()}, s.IsTestOnly()
	case x.Kind() == celast.CallKind:
		args := children(x)
		name := x.AsCall().FunctionName()
		if len(args) != 2 || name != operators.Index && name != operators.In {
			return v, false, false
		}
		of, index := args[0], args[1]
		if has = name == operators.In; has {
			of, index = index, of
		}
		key, isText := literal(index).(types.String)
		if !isText {
			return v, false, false
		}
		v = variable{root(of), string(key)}
	}
	return v, has, slices.Contains([]string{"assertion", "attribute", "google"}, v.root)
}

// readsOf returns everything that is read in x, each once, in the order written.
func readsOf(x celast.Expr) (all []variable) {
	walk(x, func(y celast.Expr) bool {
		if v, _, ok := reads(y); ok && !slices.Contains(all, v) {
			all = append(all, v)
		}
		return true
	})
	return all
}

// readsAnyName reports whether x reads attributes otherwise than by their names,
// such as all of them.
func readsAnyName(x celast.Expr) (any bool) {
	walk(x, func(y celast.Expr) bool {
		if _, _, ok := reads(y); ok {
			return false
		}
		any = any || y.Kind() == celast.IdentKind && (y.AsIdent() == "attribute" || y.AsIdent() == "google")
		return true
	})
	return any
}

// parts returns what an expression is made of by an operator that chains, such as
// &&: a && (b && c) has three parts.
func parts(x celast.Expr, operator string) []celast.Expr {
	args, ok := call(x, operator)
	if !ok {
		return []celast.Expr{x}
	}
	var all []celast.Expr
	for _, y := range args {
		all = append(all, parts(y, operator)...)
	}
	return all
}
