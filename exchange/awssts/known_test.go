package awssts_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// xmlRefusal makes an answer of STS.
func xmlRefusal(status int, code, text string) roundTripper {
	return func(*http.Request) (*http.Response, error) {
		body := fmt.Sprintf(`<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>r-1</RequestId></ErrorResponse>`, code, text)
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"text/xml"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

// AWS has one text for all of these.
func TestKnownProvidersTellOneTextApart(t *testing.T) {
	gitlab := newIssuer(t, fakeissuer.Options{URL: "https://gitlab.com"})
	raw := gitlab.GitLab(audience)
	slash := gitlab.GitLab(audience, func(c fakeissuer.Claims) { c["iss"] = "https://gitlab.com/" })
	azp := gitlab.GitLab(audience, func(c fakeissuer.Claims) { c["azp"] = "app" })
	have := func(clientIDs ...string) *awssts.Known {
		return &awssts.Known{Providers: []awssts.KnownProvider{{URL: "gitlab.com", ClientIDs: clientIDs}}}
	}
	unknown := []string{"aws-provider", "aws-audience", "aws-issuer"}
	tests := map[string]struct {
		raw      string
		known    *awssts.Known
		causes   []string
		certain  bool
		evidence exchange.Evidence // the first
		action   string
	}{
		"wrong audience":   {raw, have("other"), []string{"aws-audience"}, true, exchange.Evidence{Name: "aud", Token: audience, Configured: "other"}, "add the client ID to the provider"},
		"azp":              {azp, have(audience), []string{"aws-audience"}, true, exchange.Evidence{Name: "azp", Token: "app", Configured: audience}, "AWS compares azp, not aud"},
		"no provider":      {raw, &awssts.Known{Providers: []awssts.KnownProvider{}}, []string{"aws-provider"}, true, exchange.Evidence{Name: "iss", Token: "https://gitlab.com"}, `make one with URL "https://gitlab.com"`},
		"final slash":      {slash, have(audience), []string{"aws-issuer"}, true, exchange.Evidence{Name: "iss", Token: "https://gitlab.com/", Configured: "https://gitlab.com"}, `exactly "https://gitlab.com/"`},
		"all as it should": {raw, have(audience), append([]string{"token-signature"}, unknown...), false, exchange.Evidence{Name: "aud", Token: audience, Configured: audience}, "gives the token unchanged"},
		"not known":        {raw, nil, unknown, false, exchange.Evidence{Name: "iss", Token: "https://gitlab.com"}, "compare both"},
		"slash not known":  {slash, nil, []string{"aws-provider", "aws-issuer", "aws-audience"}, false, exchange.Evidence{Name: "iss", Token: "https://gitlab.com/"}, "compare both"},
		"policy only":      {raw, &awssts.Known{}, unknown, false, exchange.Evidence{Name: "iss", Token: "https://gitlab.com"}, "compare both"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := awssts.New(awssts.Config{
				RoleARN: role, Region: region, Source: static(test.raw), Known: test.known,
				HTTPClient: &http.Client{Transport: xmlRefusal(400, "InvalidIdentityToken", notValidated)},
			})
			require.NoError(t, err)
			e := refused(t.Context(), t, p, test.raw)
			assert.Equal(t, test.causes, causes(e))
			assert.Equal(t, test.certain, e.Causes[0].Certain)
			assert.Equal(t, test.evidence, e.Causes[0].Evidence[0])
			assert.Contains(t, e.Causes[0].Action, test.action)
			assert.NotContains(t, e.Error(), "\n")
		})
	}
}

func TestKnownTrustPolicyNamesTheCondition(t *testing.T) {
	gitlab := newIssuer(t, fakeissuer.Options{URL: "https://gitlab.com"})
	own := newIssuer(t, fakeissuer.Options{URL: "https://git.example"})
	circleci := newIssuer(t, fakeissuer.Options{URL: fakeissuer.CircleCIURL(fakeissuer.CircleCIOrganizationID)})
	circleName := strings.TrimPrefix(circleci.URL(), "https://")
	policy := func(provider, condition string) string {
		return fmt.Sprintf(`{"Statement":{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"arn:aws:iam::%s:oidc-provider/%s"},"Condition":%s}}`, account, provider, condition)
	}
	good := policy("gitlab.com", `{"StringLike":{"gitlab.com:sub":["x","project_path:acme/*:ref:m?in"]},"StringEquals":{"gitlab.com:aud":"`+audience+`"}}`)
	raw := gitlab.GitLab(audience)
	source := gitlab.GitLab(audience, func(c fakeissuer.Claims) { c["https://aws.amazon.com/source_identity"] = "deployer" })
	tags := gitlab.GitLab(audience, func(c fakeissuer.Claims) {
		c["https://aws.amazon.com/tags"] = map[string]any{"principal_tags": map[string]any{"k": []string{"v"}}}
	})
	person := own.GitLab(audience, func(c fakeissuer.Claims) {
		c["email"] = "jane.doe@acme.example"
		c["https://aws.amazon.com/source_identity"] = "jane.doe"
		c["https://aws.amazon.com/tags"] = map[string]any{"principal_tags": map[string]any{"owner": []string{"jane.doe"}}}
	})
	all := func(condition string) string {
		return strings.Replace(policy("git.example", condition), `"sts:AssumeRoleWithWebIdentity"`, `["sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"]`, 1)
	}
	v2 := `{"StringLike":{"` + circleName + `:sub":"org/*/vcs-ref/refs/heads/main"}}`
	tests := map[string]struct{ raw, policy, summary, action string }{
		"other subject":      {raw, policy("gitlab.com", `{"StringLike":{"gitlab.com:sub":"project_path:acme/shop:*"}}`), `StringLike on "gitlab.com:sub" does not accept sub "project_path`, "compare the two"},
		"other audience":     {raw, policy("gitlab.com", `{"StringEquals":{"gitlab.com:aud":"a"}}`), `StringEquals on "gitlab.com:aud" does not accept`, "compare the two"},
		"star taken as such": {raw, policy("gitlab.com", `{"StringEquals":{"gitlab.com:sub":"project_path:acme/*"}}`), "takes * and ? literally", "use StringLike"},
		"key of another":     {raw, policy("gitlab.com", `{"StringLike":{"https://gitlab.com:sub":"*"}}`), "is of another provider", `write it "gitlab.com:sub"`},
		"only gitlab.com":    {own.GitLab(audience), policy("git.example", `{"StringEquals":{"git.example:project_id":"1"}}`), "for gitlab.com only", `use a condition on "git.example:sub"`},
		"V1 for V2":          {circleci.CircleCI(""), policy(circleName, v2), "not the form", "for CIRCLE_OIDC_TOKEN_V2: send that one"},
		"another provider":   {raw, policy("git.example", `{}`), "no statement allows", `"oidc-provider/gitlab.com"`},
		"tags":               {tags, good, "does not allow sts:TagSession", "add sts:TagSession"},
		"negated":            {raw, policy("gitlab.com", `{"StringNotLike":{"gitlab.com:sub":"*"}}`), `StringNotLike on "gitlab.com:sub" does not accept`, "compare the two"},
		"policy variable":    {raw, policy("gitlab.com", `{"StringLike":{"gitlab.com:sub":"${aws:x}"}}`), `StringLike on "gitlab.com:sub" does not accept`, "compare the two"},
		"place":              {raw, "{\n\n" + strings.TrimPrefix(policy("gitlab.com", `{"StringEquals":{"gitlab.com:sub":"x"}}`), "{"), "line 3, column ", "compare the two"},
		"a person":           {raw, policy("gitlab.com", `{"StringEquals":{"gitlab.com:user_login":"x"}}`), `on "gitlab.com:user_login" does not accept the token's`, "pin the project"},
		"a person, denied":   {raw, `{"Statement":[` + strings.TrimSuffix(strings.TrimPrefix(good, `{"Statement":`), "}") + `,{"Effect":"Deny","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"arn:aws:iam::` + account + `:oidc-provider/gitlab.com"},"Condition":{"StringLike":{"gitlab.com:user_login":"*"}}}]}`, `a statement denies it by StringLike on "gitlab.com:user_login"`, "change the statement"},
		"a person's mail":    {person, all(`{"StringEquals":{"git.example:email":"x"}}`), `on "git.example:email" does not accept the token's`, "pin the project"},
		"a person's tag":     {person, all(`{"StringEquals":{"aws:RequestTag/owner":"x"}}`), `on "aws:RequestTag/owner" does not accept the token's`, "what the issuer puts"},
		"a person's session": {person, all(`{"StringEquals":{"sts:SourceIdentity":"x"}}`), `on "sts:SourceIdentity" does not accept the token's`, "what the issuer puts"},
		"source identity":    {raw: source, policy: good, summary: "needs sts:SetSourceIdentity", action: "add sts:SetSourceIdentity"},
		"claim without key":  {raw, policy("gitlab.com", `{"StringEquals":{"gitlab.com:environment":"x"}}`), "AWS makes no condition key of this claim", "awstrust.Keys"},
		"denied":             {raw, `{"Statement":[` + strings.TrimSuffix(strings.TrimPrefix(good, `{"Statement":`), "}") + `,{"Effect":"Deny","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"arn:aws:iam::` + account + `:oidc-provider/gitlab.com"},"Condition":{"StringLike":{"gitlab.com:sub":"*"}}}]}`, `a statement denies it by StringLike on "gitlab.com:sub"`, "change the statement"},
		"cannot be told":     {raw, policy("gitlab.com", `{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`), "", ""},
		"not given":          {raw, "", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := awssts.New(awssts.Config{
				RoleARN: role, Region: region, Source: static(test.raw), Known: &awssts.Known{TrustPolicy: []byte(test.policy)},
				HTTPClient: &http.Client{Transport: xmlRefusal(403, "AccessDenied", notAuthorized)},
			})
			require.NoError(t, err)
			e := refused(t.Context(), t, p, test.raw)
			if test.summary == "" { // cannot tell
				assert.Equal(t, []string{"aws-trust-policy", "aws-role", "aws-new-role", "aws-outside-policy"}, causes(e))
				assert.False(t, e.Causes[0].Certain)
				return
			}
			assert.Equal(t, []string{"aws-trust-policy"}, causes(e))
			assert.True(t, e.Causes[0].Certain)
			assert.Contains(t, e.Causes[0].Summary, test.summary)
			assert.Contains(t, e.Causes[0].Action, test.action)
			assert.NotContains(t, fmt.Sprintf("%+v", e.Causes), fakeissuer.GitLabUserLogin)
			assert.NotContains(t, fmt.Sprintf("%+v", e.Causes), "jane.doe")
		})
	}

	// A policy that accepts the token is not why, or not the one in force.
	p, err := awssts.New(awssts.Config{
		RoleARN: role, Region: region, Source: static(raw), Known: &awssts.Known{TrustPolicy: []byte(good)},
		HTTPClient: &http.Client{Transport: xmlRefusal(403, "AccessDenied", notAuthorized)},
	})
	require.NoError(t, err)
	e := refused(t.Context(), t, p, raw)
	assert.Equal(t, []string{"aws-role", "aws-new-role", "aws-outside-policy", "aws-trust-policy"}, causes(e))
	assert.Contains(t, e.Error(), "cannot tell which of 4 causes, the likeliest: there is no such role")
	assert.Contains(t, e.Causes[3].Summary, "that one accepts the token")
}

func TestKnownIsChecked(t *testing.T) {
	for problem, known := range map[string]*awssts.Known{
		"provider number 1 has no URL":          {Providers: []awssts.KnownProvider{{}}},
		"line 1, column 14: an empty Statement": {TrustPolicy: []byte(`{"Statement":[]}`)},
	} {
		_, err := awssts.New(awssts.Config{RoleARN: role, Region: region, Source: static("a.b.c"), Known: known})
		var config *exchange.ConfigError
		require.ErrorAs(t, err, &config)
		assert.Equal(t, "Known", config.Field)
		assert.Contains(t, config.Problem, problem)
	}
}
