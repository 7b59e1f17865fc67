package googletrusttest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange/googletrust"
	"github.com/cioidc/cioidc/exchange/googletrust/googletrusttest"
)

const provider = `{
  "name": "projects/123456789012/locations/global/workloadIdentityPools/ci/providers/gitlab",
  "oidc": {"issuerUri": "https://gitlab.com", "allowedAudiences": ["https://deploy.example"]},
  "attributeMapping": {
    "google.subject": "assertion.project_id + '::' + assertion.job_id",
    "attribute.project_id": "assertion.project_id"
  },
  "attributeCondition": "CONDITION"
}`

const member = `["principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci/attribute.project_id/67890"]`

// recorder takes what a test would have said.
type recorder struct {
	testing.TB
	errors, logs []string
}

func (r *recorder) Helper()           {}
func (r *recorder) Error(args ...any) { r.errors = append(r.errors, fmt.Sprint(args...)) }
func (r *recorder) Errorf(f string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(f, args...))
}
func (r *recorder) Log(args ...any)            { r.logs = append(r.logs, fmt.Sprint(args...)) }
func (r *recorder) Logf(f string, args ...any) { r.logs = append(r.logs, fmt.Sprintf(f, args...)) }

func job(t *testing.T) *claims.GitLab {
	t.Helper()
	c, err := claims.Decode[claims.GitLab]([]byte(`{"iss":"https://gitlab.com","aud":"https://deploy.example","iat":1790000000,"exp":1790003600,
		"sub":"project_path:acme/payments:ref_type:branch:ref:main","project_id":"67890","project_path":"acme/payments","namespace_id":"12345","namespace_path":"acme",
		"ref":"main","ref_type":"branch","ref_path":"refs/heads/main","ref_protected":"true","pipeline_id":"1","pipeline_source":"push","job_id":"5"}`))
	require.NoError(t, err)
	return c
}

func TestTest(t *testing.T) {
	for _, tt := range []struct {
		name, condition, members string
		options                  *googletrusttest.Options
		errors, logs             []string // each a part
	}{
		{"refused", "assertion.project_id == '1' && assertion.pipeline_source == 'push'", member, nil, []string{`TRUST001 (broken, high): the legitimate token is refused: assertion.project_id == "1" is false`}, nil},
		{"too broad", "assertion.ref == 'main' && assertion.ref_protected == 'true' && assertion.pipeline_source == 'push'", member, &googletrusttest.Options{Least: googletrust.High},
			[]string{"provider 8:25: GL001 (too broad, high): ref is compared, and not whether it is a branch or a tag\n\tA branch"}, nil},
		{"accepted", "assertion.project_id == '67890'", member, &googletrusttest.Options{Least: googletrust.High, Accept: map[string]string{"GL010": "a test"}}, nil, []string{"accepted, because a test: provider 8:25: GL010"}},
		{"not found any more", "assertion.project_id == '67890'", member, &googletrusttest.Options{Least: googletrust.High, Accept: map[string]string{"G005": "a test"}}, []string{`Accept["G005"]: there is no such finding any more`}, nil},
		{"no reason", "assertion.project_id == '67890'", member, &googletrusttest.Options{Least: googletrust.High, Accept: map[string]string{"GL010": ""}}, []string{`Accept["GL010"] gives no reason`}, nil},
		{"bindings", "true", `{"bindings":1}`, nil, []string{"bindings must be an array"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &recorder{TB: t}
			googletrusttest.Test(r, []byte(strings.Replace(provider, "CONDITION", tt.condition, 1)), []byte(tt.members), job(t), tt.options)
			t.Logf("%q", r.errors)
			for _, want := range tt.errors {
				assert.Contains(t, strings.ToLower(strings.Join(r.errors, "\n")), strings.ToLower(want))
			}
			if tt.errors == nil {
				assert.Empty(t, filter(r.errors, "GL010"))
			}
			for _, want := range tt.logs {
				assert.Contains(t, strings.Join(r.logs, "\n"), want)
			}
		})
	}
	r := &recorder{TB: t}
	googletrusttest.Test(r, []byte("{"), nil, job(t), nil)
	googletrusttest.Test(r, []byte(strings.Replace(provider, "CONDITION", "true", 1)), nil, nil, nil)
	require.Len(t, r.errors, 2)
	assert.Contains(t, r.errors[0], "not JSON")
	assert.Contains(t, r.errors[1], "no job")
}

// filter returns the texts that name a rule.
func filter(list []string, id string) (out []string) {
	for _, s := range list {
		if strings.Contains(s, id) {
			out = append(out, s)
		}
	}
	return out
}
