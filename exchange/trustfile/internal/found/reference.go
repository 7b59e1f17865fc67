package found

import (
	"strings"

	"github.com/cioidc/cioidc/exchange/trustfile/internal/tree"
)

// Account stands for the number of the account or the project that a file is for,
// which no file says. Nothing that is looked at depends on it.
const Account = "000000000000"

// Sentences for documents that rest on what stands in for something.
const (
	AssumedAccount   = Account + " stands for the number of the account"
	AssumedProject   = Account + " stands for the number of the project"
	AssumedPartition = "the partition is aws"
)

// ProviderARN returns the ARN of the provider with this URL, in the account that
// the file is for.
func ProviderARN(url *tree.Node, at tree.Pos) *tree.Node {
	if url.Str() == "" {
		return url
	}
	out := tree.StringAt("arn:aws:iam::"+Account+":oidc-provider/"+strings.TrimPrefix(url.Text, "https://"), at)
	out.Assumed = append([]string{AssumedAccount, AssumedPartition}, url.Assumed...)
	return out
}

// assumed returns a text that rests on a sentence.
func assumed(text, sentence string, at tree.Pos) *tree.Node {
	out := tree.StringAt(text, at)
	out.Assumed = []string{sentence}
	return out
}

func (t *template) ref(name string, at tree.Pos, depth int) *tree.Node {
	switch name {
	case "AWS::AccountId":
		return assumed(Account, AssumedAccount, at)
	case "AWS::Partition":
		return assumed("aws", AssumedPartition, at)
	}
	// Of a list the default is one text with commas, and of a parameter of the
	// Systems Manager it is a name: neither is the value.
	kind := t.root.Get("Parameters", name, "Type").Str()
	value := t.root.Get("Parameters", name, "Default")
	if isText := kind == "" || kind == "String" || kind == "Number"; isText && value != nil && value.Kind != tree.Object && value.Kind != tree.Array {
		out := value.Changed()
		out.At = at
		out.Assumed = append(out.Assumed, "parameter "+name+" has its default")
		return out
	}
	if t.isProvider(name) {
		return t.attribute(name+".Arn", at, depth)
	}
	return tree.UnknownAt(name, at)
}

func (t *template) isProvider(name string) bool {
	return t.root.Get("Resources", name, "Type").Str() == "AWS::IAM::OIDCProvider"
}

func (t *template) attribute(path string, at tree.Pos, depth int) *tree.Node {
	if name, ok := strings.CutSuffix(path, ".Arn"); ok && t.isProvider(name) {
		if url := t.root.Get("Resources", name, "Properties", "Url"); url != nil {
			return ProviderARN(t.resolve(url, depth+1), at)
		}
	}
	return tree.UnknownAt(path, at)
}

// sub is Fn::Sub: a text with ${NAME} in it, alone or with values for the names.
func (t *template) sub(arg *tree.Node, at tree.Pos, depth int) *tree.Node {
	text, values := arg, (*tree.Node)(nil)
	if arg.Kind == tree.Array && len(arg.Elements) == 2 {
		text, values = arg.Elements[0], arg.Elements[1]
	}
	if text.Kind != tree.String || len(text.Refs) > 0 {
		return tree.UnknownAt("Fn::Sub", at)
	}
	var parts []*tree.Node
	rest := text.Text
	literal := func(s string) {
		p := tree.StringAt(s, text.At)
		if len(parts) == 0 {
			p.Marks = text.Marks
		}
		parts = append(parts, p)
	}
	for {
		before, after, found := strings.Cut(rest, "${")
		name, behind, closed := strings.Cut(after, "}")
		if !found || !closed {
			literal(rest)
			break
		}
		literal(before)
		switch {
		case strings.HasPrefix(name, "!"):
			literal("${" + name[1:] + "}")
		case values != nil && values.Get(name) != nil:
			parts = append(parts, t.resolve(values.Get(name), depth+1))
		case strings.Contains(name, "."):
			parts = append(parts, t.attribute(name, text.At, depth))
		default:
			parts = append(parts, t.ref(name, text.At, depth))
		}
		rest = behind
	}
	if out, ok := tree.Join(text.At, parts...); ok {
		return out
	}
	return tree.UnknownAt("Fn::Sub", at)
}
