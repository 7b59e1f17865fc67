package policy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc/policy"
)

const uuid, otherUUID = "0f3bb7a5-51f2-4d84-9c57-0f3d3f7d8e33", "11111111-2222-4333-8444-555555555555"

// How a claim is compared.
const (
	asText   = "text"
	asPath   = "path" // text whose case does not matter
	asID     = "id"
	asBool   = "bool"
	asList   = "list"
	asIDList = "list of ids"
)

func comparedAs(platform, claim string) string {
	switch {
	case claim == "context-ids":
		return asIDList
	case claim == "groups_direct", claim == "user_identities":
		return asList
	case claim == "ref_protected", claim == "environment_protected", claim == "ssh-rerun":
		return asBool
	case strings.HasSuffix(claim, "_id"), strings.HasSuffix(claim, "-id"), claim == "issuer", claim == "jti":
		return asID
	case platform == policy.GitLab && strings.HasSuffix(claim, "_path") && claim != "ref_path":
		return asPath
	}
	return asText
}

// sent is what a token says for the conditions of table: "a/b" for text, 12 or
// uuid for an identifier, true for a boolean, and a:b and a:c for lists.
func sent(t *testing.T, platform, claim string) claims.Model {
	t.Helper()
	as, name, parent := comparedAs(platform, claim), claim, ""
	var value any
	switch {
	case claim == "user_identities":
		value = []map[string]string{{"provider": "a", "extern_uid": "b"}, {"provider": "a", "extern_uid": "c"}}
	case as == asIDList:
		value = []string{uuid, otherUUID}
	case as == asList:
		value = []string{"a:b", "a:c"}
	case as == asBool && platform == policy.GitLab:
		value = "true"
	case as == asBool:
		value = true
	case claim == "runner_id":
		value = 12
	case as == asID && platform == policy.GitLab:
		value = "12"
	case as == asID:
		value = uuid
	default:
		value = "a/b"
	}
	switch {
	case claim == "issuer":
		name = "iss"
	case claim == "subject":
		name = "sub"
	case claim == "jti":
	case platform == policy.CircleCI:
		name = "oidc.circleci.com/" + claim
	case strings.HasPrefix(claim, "job_config."):
		parent, name, _ = strings.Cut(claim, ".")
	}
	payload := map[string]any{name: value}
	if parent != "" {
		payload = map[string]any{parent: payload}
	}
	data, err := json.Marshal(payload)
	require.NoError(t, err)
	return decoded(t, platform, data)
}

func decoded(t *testing.T, platform string, data []byte) claims.Model {
	t.Helper()
	if platform == policy.CircleCI {
		c, err := claims.Decode[claims.CircleCI](data)
		require.NoError(t, err, "%s", data)
		return c
	}
	c, err := claims.Decode[claims.GitLab](data)
	require.NoError(t, err, "%s", data)
	return c
}

// table says of a condition what comes of it for what sent says: pass, mismatch
// or the text of the error that refuses it.
func table(platform, as string) map[string]string {
	const pass, no = "pass", "mismatch"
	out := map[string]string{"{present: true}": pass, "{absent: true}": no,
		"{not: {present: true}}": "not takes values", "{any_of: []}": "at least one value",
		`""`: "an empty value matches nothing", "{eq: a}": "has no key", "{}": "write one operator"}
	add := func(more map[string]string) {
		for k, v := range more {
			out[k] = v
		}
	}
	switch as {
	case asText, asPath:
		add(map[string]string{
			"a/b": pass, "a/c": no, "[x, a/b]": pass, "[x, y]": no,
			"a/*": pass, `"*"`: no, `"**"`: pass, `"a/b*"`: pass, `[x, "a/*"]`: pass,
			`{glob: "a/*"}`: pass, `{glob: a/b}`: pass, `{glob: "*"}`: no,
			`{regex: "a/[bc]"}`: pass, `{regex: a}`: no, `{regex: "b"}`: no, `{regex: [x, "a.b"]}`: pass,
			"{any_of: [a/b]}": pass, `{any_of: ["a/*"]}`: no, "{any_of: a/b}": "must be a list",
			"{not: a/b}": no, "{not: x}": pass, "{not: [x, a/b]}": no, `{not: "a/*"}`: no, `{not: "*"}`: pass,
			`{not: {glob: "a/*"}}`: no, `{not: {regex: a}}`: pass, "{not: {any_of: [x]}}": pass,
			"{not: {not: x}}": "not takes values", "{all_of: [a/b]}": "is no list", "12": "put it in quotes", "true": "put it in quotes",
			"A/B": no, `{glob: "A/*"}`: no, `{regex: "A/B"}`: no,
		})
		if as == asPath {
			add(map[string]string{"A/B": pass, `{glob: "A/*"}`: pass, `{regex: "A/B"}`: pass})
		}
	case asID:
		v, w := `"12"`, `"13"`
		if platform == policy.CircleCI {
			v, w = uuid, otherUUID
		}
		add(map[string]string{v: pass, w: no, "[" + w + ", " + v + "]": pass, "{any_of: [" + v + "]}": pass,
			"{not: " + v + "}": no, "{not: " + w + "}": pass, "{not: {any_of: [" + w + "]}}": pass,
			"{glob: " + v + "}": "compared exactly", "{regex: " + v + "}": "compared exactly", `"1*"`: "takes no *",
			"{all_of: [" + v + "]}": "is no list", "12": "put it in quotes"})
	case asBool:
		add(map[string]string{"true": pass, "false": no, "[true, false]": pass, "{any_of: [false]}": no,
			"{not: true}": no, "{not: false}": pass, `"true"`: "without quotes", "yes": "without quotes", `""`: "without quotes",
			"{glob: true}": "compared exactly", "{regex: true}": "compared exactly", "{all_of: [true]}": "is no list"})
	case asList, asIDList:
		a, b, c := "a:b", "a:c", "a:d"
		if as == asIDList {
			a, b, c = uuid, otherUUID, "7cf67bf2-7a39-4a9c-9d7c-3b8c6f4b9f44"
		}
		add(map[string]string{a: pass, c: no, "[" + c + ", " + b + "]": pass, "{any_of: [" + c + ", " + b + "]}": pass,
			"{all_of: [" + a + ", " + b + "]}": pass, "{all_of: [" + a + ", " + c + "]}": no,
			"{not: " + a + "}": no, "{not: " + c + "}": pass, "{not: {all_of: [" + a + ", " + c + "]}}": pass, "[[x]]": "no list in it"})
		glob, regex := pass, pass
		if as == asIDList {
			glob, regex = "compared exactly", "compared exactly"
		}
		add(map[string]string{`{glob: "a:*"}`: glob, `{regex: "a.b"}`: regex})
		if as == asList {
			add(map[string]string{`{glob: "*"}`: no, `{regex: a}`: no, `{not: {glob: "a:*"}}`: no})
		}
	}
	return out
}

// A file with a deny rule of one condition, so that no default gets in between.
func oneCondition(platform, claim, condition string) []byte {
	return fmt.Appendf(nil, `apiVersion: trust/v1
name: p
audiences: [x]
rules: [{name: r, circleci: {org-id: %s, project-id: %s}}]
deny:
  - name: d
    %s:
      %s: %s
`, uuid, uuid, platform, claim, condition)
}

func outcome(t *testing.T, p *policy.Policy, m claims.Model) (policy.Result, policy.Reason) {
	t.Helper()
	d := p.Evaluate(t.Context(), m)
	traces := d.Rules()
	i := slices.IndexFunc(traces, func(r policy.RuleTrace) bool { return r.Rule == "d" })
	require.GreaterOrEqual(t, i, 0)
	require.Len(t, traces[i].Checks, 1)
	require.Equal(t, traces[i].Checks[0].Result == policy.Pass, traces[i].Matched)
	return traces[i].Checks[0].Result, d.Reason
}

func TestEveryClaimWithEveryOperator(t *testing.T) {
	for platform, names := range map[string][]string{policy.GitLab: gitlabNames, policy.CircleCI: append([]string{"issuer", "subject", "jti"}, circleciNames...)} {
		nothing := decoded(t, platform, []byte(`{}`))
		for _, claim := range names {
			present := sent(t, platform, claim)
			for condition, want := range table(platform, comparedAs(platform, claim)) {
				at := fmt.Sprintf("%s %s: %s", platform, claim, condition)
				p, err := policy.Parse(oneCondition(platform, claim, condition), nil)
				if want != "pass" && want != "mismatch" {
					var e *policy.ParseError
					require.ErrorAs(t, err, &e, at)
					assert.Contains(t, e.Problem, want, at)
					assert.Equal(t, 8, e.Line, at)
					continue
				}
				if !assert.NoError(t, err, at) {
					continue
				}
				reason := map[string]policy.Reason{"pass": policy.ExplicitDeny, "mismatch": policy.NoRule}
				result, decided := outcome(t, p, present)
				assert.Equal(t, []any{policy.Result(want), reason[want]}, []any{result, decided}, at)

				result, decided = outcome(t, p, nothing)
				if condition == "{absent: true}" {
					assert.Equal(t, []any{policy.Pass, policy.ExplicitDeny}, []any{result, decided}, at)
				} else {
					assert.Equal(t, []any{policy.NotPresent, policy.NoRule}, []any{result, decided}, at)
				}
			}
		}
	}
}
