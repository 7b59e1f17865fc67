package policy

import (
	"encoding/json"

	"go.yaml.in/yaml/v3"
)

func readTests(n *yaml.Node) ([]Test, error) {
	var tests []Test
	err := items(n, "tests", func(n *yaml.Node) error {
		t := Test{Position: at(n)}
		err := object(n, "a test", []string{"name", "token", "claims", "expect", "because"}, func(key string, _, v *yaml.Node) (err error) {
			switch key {
			case "name":
				t.Name, err = str(v, key)
			case "token":
				t.Token, err = str(v, key)
			case "expect":
				t.Expect, err = str(v, key)
			case "claims":
				var value any
				if value, err = readJSON(v, 0); err != nil {
					return err
				}
				if _, ok := value.(map[string]any); !ok {
					return wrong(at(v), "claims must be a mapping of names to values")
				}
				t.Claims, err = json.Marshal(value)
			case "because":
				err = object(v, key, []string{"rule", "claim"}, func(key string, _, v *yaml.Node) (err error) {
					if key == "rule" {
						t.Rule, err = str(v, key)
					} else {
						t.Claim, err = str(v, key)
					}
					return err
				})
			}
			return err
		})
		tests = append(tests, t)
		return err
	})
	return tests, err
}

// readJSON returns the value of a node that could stand in JSON.
func readJSON(n *yaml.Node, depth int) (any, error) {
	if err := plain(n); err != nil {
		return nil, err
	}
	if depth > 16 {
		return nil, wrong(at(n), "claims are nested deeper than 16 levels")
	}
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		err := object(n, "claims", nil, func(key string, _, v *yaml.Node) (err error) {
			out[key], err = readJSON(v, depth+1)
			return err
		})
		return out, err
	case yaml.SequenceNode:
		out := []any{}
		err := items(n, "a claim", func(v *yaml.Node) error {
			value, err := readJSON(v, depth+1)
			out = append(out, value)
			return err
		})
		return out, err
	}
	switch n.Tag {
	case "!!str":
		return n.Value, nil
	case "!!null":
		return nil, nil
	case "!!bool":
		if n.Value == "true" || n.Value == "false" {
			return n.Value == "true", nil
		}
	case "!!int":
		if json.Valid([]byte(n.Value)) {
			return json.Number(n.Value), nil
		}
	}
	return nil, wrong(at(n), "a claim's value must be as in JSON: text, a whole number, true, false, null, a list or a mapping")
}
