package googletrust

import (
	"errors"
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// template is a template of extract as Google documents it: one {name}, with
// text before or after it or none.
var template = regexp.MustCompile(`^([^{}]*)\{[\w-]+\}([^{}]*)$`)

// errTemplate: what Google makes of other templates is not documented.
var errTemplate = errors.New("extract: a template with other than one {name} in it")

// extract returns what stands in value where the template has {name}: from behind
// the first occurrence of what the template has before it, up to the next
// occurrence of what it has after it. It is "" if one of these does not occur.
func extract(value, t string) (string, error) {
	part := template.FindStringSubmatch(t)
	if part == nil {
		return "", errTemplate
	}
	_, rest, found := strings.Cut(value, part[1])
	if !found {
		return "", nil
	}
	if part[2] == "" {
		return rest, nil
	}
	got, _, found := strings.Cut(rest, part[2])
	if !found {
		return "", nil
	}
	return got, nil
}

// extractFunction is extract for expressions: text.extract(template).
func extractFunction() cel.EnvOption {
	return cel.Function("extract", cel.MemberOverload("string_extract_string", []*cel.Type{cel.StringType, cel.StringType}, cel.StringType,
		cel.BinaryBinding(func(value, t ref.Val) ref.Val {
			v, ok := value.(types.String)
			if !ok {
				return types.MaybeNoSuchOverloadErr(value)
			}
			text, ok := t.(types.String)
			if !ok {
				return types.MaybeNoSuchOverloadErr(t)
			}
			got, err := extract(string(v), string(text))
			if err != nil {
				return types.WrapErr(err)
			}
			return types.String(got)
		})))
}
