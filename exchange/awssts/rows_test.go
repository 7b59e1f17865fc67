package awssts_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/internal/cause"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

const notJWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"

// row is one row of the table of causes, as AWS answers it.
type row struct {
	status     int
	code, text string
	token      func(w *world) string // nil: a job's on GitLab
	config     func(*awssts.Config)  // what makes the cause known
	cause      string                // the first
	certain    bool                  // it is
	evidence   exchange.Evidence     // one of the first cause's
	action     string                // a part of the first cause's
	sure       string                // why no evidence can be missing; empty: see bare
	bare       func(w *world) string // a token without the evidence; nil: one that cannot be read
	candidates []string              // of bare; nil: those of the table
}

// unreadable goes through as a JWT does, and says nothing.
const unreadable = "eyJhbGciOiJSUzI1NiJ9.bm90IEpTT04.c2lnbmF0dXJl"

func claim(name string, value any) func(*world) string {
	return func(w *world) string {
		return w.gitlab.GitLab(audience, func(c fakeissuer.Claims) { c[name] = value })
	}
}

func known(k awssts.Known) func(*awssts.Config) { return func(c *awssts.Config) { c.Known = &k } }

const wantsTag = `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"arn:aws:iam::` + account +
	`:oidc-provider/gitlab.com"},"Condition":{"StringLike":{"gitlab.com:sub":"*:ref_type:tag:*"}}}}`

var rows = map[string]row{
	"A1": {
		status: 400, code: "InvalidIdentityToken", text: notValidated,
		config: known(awssts.Known{Providers: []awssts.KnownProvider{{URL: "gitlab.com", ClientIDs: []string{"other"}}}}),
		cause:  "aws-audience", certain: true, evidence: exchange.Evidence{Name: "aud", Token: audience, Configured: "other"}, action: "add the client ID to the provider",
	},
	"A2": {
		status: 400, code: "InvalidIdentityToken", text: notValidated,
		token: func(w *world) string { return w.circleci.CircleCI("", fakeissuer.RootIssuer) },
		cause: "aws-root-issuer", evidence: exchange.Evidence{Name: "iss", Token: "https://oidc.circleci.com"}, action: "without --root-issuer",
		candidates: []string{"aws-provider", "aws-audience", "aws-issuer"},
	},
	"A3": {
		status: 400, code: "InvalidIdentityToken", text: noKey,
		cause: "issuer-keys", evidence: exchange.Evidence{Name: "iss", Token: "https://gitlab.com"}, action: "https://gitlab.com/.well-known/openid-configuration",
	},
	"A4": {
		status: 403, code: "AccessDenied", text: notAuthorized, config: known(awssts.Known{TrustPolicy: []byte(wantsTag)}),
		cause: "aws-trust-policy", certain: true, action: "compare the two",
		evidence: exchange.Evidence{Name: "gitlab.com:sub", Token: "project_path:acme/webshop:ref_type:branch:ref:main", Configured: "*:ref_type:tag:*"},
	},
	"A5": {
		status: 403, code: "AccessDenied", text: notAuthorized,
		config: known(awssts.Known{TrustPolicy: []byte(strings.Replace(wantsTag, "tag", "branch", 1))}),
		cause:  "aws-role", evidence: exchange.Evidence{Name: "RoleARN", Configured: role}, action: "AWS answers the same for a role that does not exist",
	},
	"A6": {
		status: 400, code: "ExpiredTokenException", text: "Token expired: current date/time 1 must be before the expiration date/time 2",
		token: func(w *world) string { return w.gitlab.GitLab(audience, fakeissuer.Expired) },
		cause: "token-expired", certain: true, action: "GitLab does not renew a token during a job",
		sure: "AWS has said that the token is expired; what the token says of it only adds the time",
	},
	"A7": {
		status: 400, code: "InvalidIdentityToken", text: "Token issued in the future: 1789084800",
		token: func(w *world) string { return w.gitlab.GitLab(audience, fakeissuer.NotYet) },
		cause: "issuer-clock", certain: true, action: `set the clock of the issuer, "https://gitlab.com"`,
		sure: "AWS has said what is wrong; what the token says of it only adds the time",
	},
	"A8": {
		status: 400, code: "InvalidIdentityToken", text: notJWT, token: func(*world) string { return unreadable },
		cause: "token-malformed", certain: true, action: "returns the ID token of the job, unchanged", sure: "AWS has said what is wrong",
	},
	"A10": {
		status: 400, code: "InvalidIdentityToken", text: "Token audience contains more than one audience while authorized party is not present",
		config: asked, token: func(w *world) string { return w.gitlab.GitLab(audience, fakeissuer.AudienceArray("b")) },
		cause: "aws-several-audiences", certain: true, evidence: exchange.Evidence{Name: "aud", Token: audience + ", b"}, action: "with one audience", sure: "AWS has said what is wrong",
	},
	"A11": {
		status: 400, code: "InvalidIdentityToken", text: "Missing a required claim: aud",
		token: func(w *world) string {
			return w.gitlab.GitLab(audience, func(c fakeissuer.Claims) { delete(c, "aud") })
		},
		cause: "aws-claim", certain: true, action: "the old CI_JOB_JWT does not", sure: "AWS has named the claim",
	},
	"A13": {
		status: 400, code: "ValidationError", text: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
		config: func(c *awssts.Config) { c.Duration = 2 * time.Hour },
		cause:  "aws-duration", certain: true, evidence: exchange.Evidence{Name: "Duration", Configured: "2h0m0s"}, action: "maximum session duration", sure: "AWS has said what is wrong",
	},
	"A14": {
		status: 400, code: "InvalidIdentityToken", text: "principal_tags passed in claim is not in correct format.",
		token: claim("https://aws.amazon.com/tags", map[string]any{"principal_tags": map[string]any{"k": fakeissuer.GitLabUserLogin}}),
		cause: "aws-session-tags", certain: true, action: "a list of exactly one string",
		evidence: exchange.Evidence{Name: "https://aws.amazon.com/tags", Token: `{"principal_tags":{"k":"..."}}`}, sure: "AWS has named the claim",
	},
	"A15": {
		status: 400, code: "InvalidIdentityToken", text: "The target role ARN is not present in the roles claim of the identity token",
		token: claim("https://aws.amazon.com/roles", []string{"arn:aws:iam::1:role/x"}),
		cause: "aws-roles-claim", certain: true, action: "let the issuer list the role there",
		evidence: exchange.Evidence{Name: "https://aws.amazon.com/roles", Token: `["arn:aws:iam::1:role/x"]`, Configured: role}, sure: "AWS has named the claim",
	},
	"A16": {
		status: 400, code: "InvalidIdentityToken", text: "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
		token: claim("iss", "https://git.acme.example"),
		cause: "aws-thumbprint", certain: true, evidence: exchange.Evidence{Name: "iss", Token: "https://git.acme.example"}, action: "update-open-id-connect-provider-thumbprint",
		sure: "AWS has said what is wrong; of an issuer whose thumbprint it does not look at, TestThumbprintOfAHostedPlatform has it",
	},
	"A19": {
		status: 403, code: "RegionDisabledException", text: "STS is not activated in this region for account:" + account,
		cause: "aws-region", certain: true, evidence: exchange.Evidence{Name: "Region", Configured: region}, action: "activate it", sure: "AWS has said what is wrong",
	},
	"A20": {
		status: 500, code: "InternalFailure", text: "Unknown error validating third-party token", token: claim("sub", nil),
		cause: "aws-odd-claim", certain: true, action: "let the issuer set sub",
	},
	"A12": {
		status: 400, code: "ValidationError", text: "1 validation error detected: Value 'x' at 'roleSessionName' failed to satisfy constraint",
		config: func(c *awssts.Config) { c.SessionName = "deploy" },
		cause:  "aws-session-name", certain: true, evidence: exchange.Evidence{Name: "SessionName", Configured: "deploy"}, action: "leave SessionName empty", sure: "AWS has said what is wrong",
	},
}

// Each row of the table: AWS's answer, with what makes its cause known, and
// without. Then nothing is claimed.
func TestRows(t *testing.T) {
	for id, r := range rows {
		t.Run(id, func(t *testing.T) {
			w := newWorld(t)
			always(r.status, r.code, r.text)(w)
			ask := func(raw string, config func(*awssts.Config)) *exchange.Error {
				return refused(context.Background(), t, w.provider(t, raw, func(c *awssts.Config) {
					if config != nil {
						config(c)
					}
				}), raw)
			}
			raw := w.gitlab.GitLab(audience)
			if r.token != nil {
				raw = r.token(w)
			}
			e := ask(raw, r.config)
			require.NotEmpty(t, e.Causes)
			first := e.Causes[0]
			assert.Equal(t, r.cause, first.ID)
			assert.Equal(t, r.certain, first.Certain)
			assert.Contains(t, first.Action, r.action)
			if r.evidence.Name != "" {
				assert.Contains(t, first.Evidence, r.evidence)
			}
			if r.sure != "" {
				return
			}
			bare := unreadable
			if r.bare != nil {
				bare = r.bare(w)
			}
			e = ask(bare, nil)
			want := r.candidates
			if want == nil {
				want = tableRow(t, id).Causes
			}
			assert.Equal(t, want, causes(e))
			for _, c := range e.Causes {
				assert.False(t, c.Certain, c.ID)
				assert.NotEmpty(t, c.Action)
			}
			if len(want) > 1 {
				assert.Contains(t, e.Error(), "cannot tell which of")
			} else {
				assert.Contains(t, e.Error(), "likely cause: ")
			}
		})
	}
}

func tableRow(t *testing.T, id string) cause.Row {
	t.Helper()
	all := cause.Rows()
	i := slices.IndexFunc(all, func(r cause.Row) bool { return r.ID == id })
	require.GreaterOrEqual(t, i, 0, id)
	return all[i]
}

// The rows that AWS never gets to answer.
func TestRowsBeforeTheRequest(t *testing.T) {
	w := newWorld(t)
	source := func(raw, cause, words string) func(*testing.T) {
		return func(t *testing.T) {
			p, err := awssts.New(awssts.Config{RoleARN: role, Region: region, Source: static(raw)})
			require.NoError(t, err)
			_, err = p.Retrieve(t.Context())
			var e *exchange.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, []string{cause}, causes(e))
			assert.True(t, e.Causes[0].Certain)
			assert.Contains(t, e.Causes[0].Summary+e.Causes[0].Action, words)
			assert.NotContains(t, e.Error(), "glcbt-64_secret")
		}
	}
	config := func(field, words string, edit func(*awssts.Config)) func(*testing.T) {
		return func(t *testing.T) {
			cfg := awssts.Config{RoleARN: role, Region: region, Source: static("a.b.c")}
			edit(&cfg)
			_, err := awssts.New(cfg)
			var bad *exchange.ConfigError
			require.ErrorAs(t, err, &bad)
			assert.Equal(t, field, bad.Field)
			assert.Contains(t, bad.Problem, words)
		}
	}
	for id, test := range map[string]func(*testing.T){
		"A8, job token":    source("glcbt-64_secret", "token-malformed", "CI_JOB_TOKEN"),
		"A8, not expanded": source("${DEPLOY_ID_TOKEN}", "token-malformed", "not expanded"),
		"A8, in quotes":    source(`"`+w.gitlab.GitLab(audience)+`"`, "token-malformed", "in quotes"),
		"A8, broken line":  source(strings.Replace(w.gitlab.GitLab(audience), ".", "\n.", 1), "token-malformed", "whole and unchanged"),
		"A9":               source("", "token-empty", "set in this job"),
		"A12":              config("SessionName", "leave it empty", func(c *awssts.Config) { c.SessionName = "acme/webshop" }),
		"A13":              config("Duration", "between 15 minutes and 12 hours", func(c *awssts.Config) { c.Duration = 13 * time.Hour }),
		"A18":              config("Region", "required", func(c *awssts.Config) { c.Region = "" }),
		"A19, partition":   config("RoleARN", "sessions do not cross partitions", func(c *awssts.Config) { c.Region = "cn-north-1" }),
		"A21":              config("RoleARN", "which is not among AllowedAccounts", func(c *awssts.Config) { c.AllowedAccounts = []string{"999999999999"} }),
		"A17": func(t *testing.T) {
			assert.Equal(t, []string{"AWS_ACCESS_KEY_ID"}, awssts.ShadowingVariables([]string{"AWS_ACCESS_KEY_ID=x"}, []string{"AWS_WEB_IDENTITY_TOKEN_FILE=y"}))
		},
	} {
		t.Run(id, test)
	}
}

func TestThumbprintOfAHostedPlatform(t *testing.T) {
	w := newWorld(t)
	always(400, "InvalidIdentityToken", "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint")(w)
	raw := w.gitlab.GitLab(audience)
	e := refused(context.Background(), t, w.provider(t, raw), raw)
	require.Equal(t, []string{"aws-thumbprint"}, causes(e))
	assert.False(t, e.Causes[0].Certain)
	assert.Contains(t, e.Causes[0].Summary, `does not look at for "https://gitlab.com"`)
}

// Every row of AWS's has its test here.
func TestEveryRowIsTested(t *testing.T) {
	elsewhere := []string{"A9", "A17", "A18", "A21"} // TestRowsBeforeTheRequest
	text, err := os.ReadFile("rows_test.go")
	require.NoError(t, err)
	for _, r := range cause.Rows() {
		if r.Service != cause.AWS {
			continue
		}
		_, ok := rows[r.ID]
		if slices.Contains(elsewhere, r.ID) {
			ok = strings.Count(string(text), `"`+r.ID+`"`) > 1
		}
		assert.True(t, ok, "%s has no case", r.ID)
	}
}

// A redirect is named, and nothing is sent along.
func TestRowX2(t *testing.T) {
	w := newWorld(t)
	raw := w.gitlab.GitLab(audience)
	p := w.provider(t, raw, func(c *awssts.Config) {
		c.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 302, Header: http.Header{"Location": {"https://login.example/?next=secret"}}, Body: http.NoBody}, nil
		})}
	})
	e := refused(context.Background(), t, p, raw)
	require.Equal(t, []string{"endpoint-redirects"}, causes(e))
	assert.True(t, e.Causes[0].Certain)
	assert.NotContains(t, e.Error(), "secret")
}

func TestRowX1(t *testing.T) {
	w := newWorld(t)
	raw := w.gitlab.GitLab(audience)
	p := w.provider(t, raw, func(c *awssts.Config) {
		c.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("tunnel failed") })}
	})
	e := refused(context.Background(), t, p, raw)
	assert.Empty(t, e.Causes, "what is not known has no cause")
}
