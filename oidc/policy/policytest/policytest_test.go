package policytest_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc/policy"
	"github.com/cioidc/cioidc/oidc/policy/celcond"
	"github.com/cioidc/cioidc/oidc/policy/policytest"
)

// payments is the example policy, with its conditions in CEL and its token
// files, edited.
func payments(t *testing.T, edit ...string) *policy.Policy {
	t.Helper()
	data, err := os.ReadFile("../testdata/payments.yaml")
	require.NoError(t, err)
	text := strings.NewReplacer(edit...).Replace(string(data))
	p, err := policy.Parse([]byte(text), &policy.Options{Conditions: &celcond.Compiler{}, Files: os.DirFS("../testdata")})
	require.NoError(t, err)
	return p
}

func TestPaymentsPolicy(t *testing.T) { policytest.Run(t, payments(t)) }

// The same policy without the condition that a test is about fails that test
// and no other.
func TestARemovedConditionFailsItsTest(t *testing.T) {
	p := payments(t, "pipeline_source: [schedule]", "pipeline_source: [trigger]")
	var failed []string
	for _, r := range p.Test(t.Context()) {
		if r.Err != nil {
			failed = append(failed, r.Test.Name)
		}
	}
	assert.Equal(t, []string{"a schedule is refused"}, failed)
}

// recorder is a test that is told of failures.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(f string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(f, args...))
}

func TestNoneLetIn(t *testing.T) {
	data, err := os.ReadFile("../testdata/main.json")
	require.NoError(t, err)
	identity, err := claims.Decode[claims.GitLab](data)
	require.NoError(t, err)
	policytest.NoneLetIn(t, payments(t), identity)

	r := &recorder{TB: t}
	policytest.NoneLetIn(r, payments(t, "      ref_protected: true\n", ""), identity, "no-such-hole")
	assert.Contains(t, strings.Join(r.errors, "\n"), "unprotected-ref")
	assert.Contains(t, strings.Join(r.errors, "\n"), `"no-such-hole"`)
}
