package trustfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/cioidc/cioidc/exchange/trustfile/internal/tree"
)

// maxDepth is how many lists and maps may be open at once.
const maxDepth = 64

// parseYAML reads YAML, of which several documents are an array. Tags such as !Sub
// become the objects that CloudFormation takes in their place in JSON. Every error
// is a *tree.Error.
func parseYAML(data []byte) (*tree.Node, error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	r := yamlReader{lines: strings.Split(string(data), "\n")}
	all := &tree.Node{Kind: tree.Array, At: tree.Pos{Line: 1, Column: 1}}
	for {
		var doc yaml.Node
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, yamlError(err)
		}
		n, err := r.node(&doc, 0)
		if err != nil {
			return nil, err
		}
		all.Elements = append(all.Elements, n)
	}
	if len(all.Elements) == 1 {
		return all.Elements[0], nil
	}
	return all, nil
}

var yamlLine = regexp.MustCompile(`line (\d+): (.*)`)

func yamlError(err error) error {
	at, problem := tree.Pos{Line: 1, Column: 1}, strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(problem); m != nil {
		if line, err := strconv.Atoi(m[1]); err == nil {
			at.Line, problem = max(1, line), m[2]
		}
	}
	return &tree.Error{At: at, Problem: "not YAML: " + problem}
}

type yamlReader struct{ lines []string }

func (r *yamlReader) node(n *yaml.Node, depth int) (*tree.Node, error) {
	at := tree.Pos{Line: max(1, n.Line), Column: max(1, n.Column)}
	if depth > maxDepth {
		return nil, &tree.Error{At: at, Problem: fmt.Sprintf("nested deeper than %d levels", maxDepth)}
	}
	out := &tree.Node{At: at}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) == 0 {
			return out, nil
		}
		return r.node(n.Content[0], depth)
	case yaml.AliasNode:
		return nil, &tree.Error{At: at, Problem: "an alias, which CloudFormation does not take: write the value itself"}
	case yaml.SequenceNode:
		out.Kind = tree.Array
		for _, c := range n.Content {
			e, err := r.node(c, depth+1)
			if err != nil {
				return nil, err
			}
			out.Elements = append(out.Elements, e)
		}
	case yaml.MappingNode:
		out.Kind = tree.Object
		for i := 0; i+1 < len(n.Content); i += 2 {
			v, err := r.node(n.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			name := n.Content[i]
			if name.Kind != yaml.ScalarNode {
				return nil, &tree.Error{At: tree.Pos{Line: name.Line, Column: name.Column}, Problem: "a name that is no text"}
			}
			out.Members = append(out.Members, tree.Member{Name: name.Value, At: tree.Pos{Line: name.Line, Column: name.Column}, Value: v})
		}
	default:
		r.scalar(out, n)
	}
	return called(out, n), nil
}

func (r *yamlReader) scalar(out *tree.Node, n *yaml.Node) {
	out.Kind, out.Text = tree.String, n.Value
	if n.Style&(yaml.LiteralStyle) != 0 {
		out.Marks = r.literal(n)
	}
	switch n.ShortTag() {
	case "!!null":
		out.Kind, out.Text = tree.Null, ""
	case "!!bool":
		if b, err := strconv.ParseBool(n.Value); err == nil {
			out.Kind, out.Text = tree.Bool, strconv.FormatBool(b)
		}
	case "!!int":
		// Others, such as 0x1F, stay texts: JSON has no such number.
		if i, err := strconv.ParseInt(n.Value, 10, 64); err == nil && strconv.FormatInt(i, 10) == n.Value {
			out.Kind = tree.Number
		}
	}
}

// literal returns where the lines of a block behind "|" stand.
func (r *yamlReader) literal(n *yaml.Node) (marks []tree.Mark) {
	for i, text := range strings.Split(n.Value, "\n") {
		line := n.Line + 1 + i
		if line > len(r.lines) {
			break
		}
		column := 1 + len([]rune(r.lines[line-1])) - len([]rune(text))
		marks = append(marks, tree.Mark{Text: tree.Pos{Line: i + 1, Column: 1}, File: tree.Pos{Line: line, Column: max(1, column)}, Verbatim: true})
	}
	return marks
}

// called returns the object that a tag of CloudFormation stands for.
func called(out *tree.Node, n *yaml.Node) *tree.Node {
	if !strings.HasPrefix(n.Tag, "!") || strings.HasPrefix(n.Tag, "!!") {
		return out
	}
	name := "Fn::" + n.Tag[1:]
	if n.Tag == "!Ref" || n.Tag == "!Condition" {
		name = n.Tag[1:]
	}
	if n.Kind == yaml.ScalarNode {
		out.Kind, out.Text = tree.String, n.Value
	}
	return &tree.Node{Kind: tree.Object, At: out.At, Members: []tree.Member{{Name: name, At: out.At, Value: out}}}
}
