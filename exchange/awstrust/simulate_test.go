package awstrust

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What STS refuses before it looks at the trust policy, in its order.
func TestStagesBeforeTrust(t *testing.T) {
	at := func(seconds int64) *Request { return &Request{Time: time.Unix(seconds, 0)} }
	const notValidated = "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements."
	for name, tt := range map[string]struct {
		changes       claimSet
		request       *Request
		stage         StageName
		code, message string
		why           string
	}{
		"no iss":         {changes: claimSet{"iss": nil}, stage: StageToken, message: "Missing a required claim: iss", why: "there is no iss"},
		"no sub":         {changes: claimSet{"sub": nil}, stage: StageToken, message: "Missing a required claim: sub", why: "there is no sub"},
		"no aud":         {changes: claimSet{"aud": nil}, stage: StageToken, message: "Missing a required claim: aud", why: "there is no aud"},
		"no iat":         {changes: claimSet{"iat": nil}, stage: StageToken, message: "Missing a required claim: iat", why: "there is no iat"},
		"no exp":         {changes: claimSet{"exp": nil}, stage: StageToken, message: "Missing a required claim: exp", why: "there is no exp"},
		"iss no text":    {changes: claimSet{"iss": 1}, stage: StageToken, message: notValidated, why: "iss is a number, not a string"},
		"slash":          {changes: claimSet{"iss": "https://gitlab.com/"}, stage: StageProvider, message: notValidated, why: `iss is "https://gitlab.com/", and the provider is for "https://gitlab.com"`},
		"case":           {changes: claimSet{"iss": "https://GitLab.com"}, stage: StageProvider, message: notValidated, why: `iss is "https://GitLab.com", and the provider is for "https://gitlab.com"`},
		"expired":        {request: at(1790003901), stage: StageTime, code: "ExpiredTokenException", message: "Token expired: current date/time 1790003601 must be before the expiration date/time 1790003600", why: "exp was more than five minutes ago"},
		"iat ahead":      {request: at(1789999699), stage: StageTime, message: "Token issued in the future: 1790000000", why: "iat is more than five minutes ahead"},
		"nbf ahead":      {changes: claimSet{"nbf": 1790000500}, request: at(1790000199), stage: StageTime, message: "Token not yet valid: current date/time 1790000199 must be after or equal to the not-before date/time 1790000500", why: "nbf is more than five minutes ahead"},
		"fraction":       {changes: claimSet{"iat": 1790000000.5}, request: at(1790000000), stage: StageTime, message: "Invalid timestamp in token claims.", why: "iat is no whole number of seconds"},
		"another aud":    {changes: claimSet{"aud": "https://other.example"}, stage: StageAudience, message: notValidated, why: `the provider has no client ID "https://other.example"`},
		"aud prefix":     {changes: claimSet{"aud": "https://deploy.example/"}, stage: StageAudience, message: notValidated, why: `the provider has no client ID "https://deploy.example/"`},
		"no aud in list": {changes: claimSet{"aud": []string{}}, stage: StageAudience, message: "Claim is not allowed to be empty: aud", why: "aud is an empty list"},
		"empty aud":      {changes: claimSet{"aud": ""}, stage: StageAudience, message: "Claim is not allowed to be empty: aud", why: "aud is empty"},
		"two aud": {changes: claimSet{"aud": []string{"https://deploy.example", "b"}}, stage: StageAudience,
			message: "Token audience contains more than one audience while authorized party is not present", why: "aud has 2 values and there is no azp"},
		"azp": {changes: claimSet{"azp": "app"}, stage: StageAudience, message: notValidated, why: `the provider has no client ID "app"`},
		"not one of the roles": {changes: claimSet{"https://aws.amazon.com/roles": []string{"arn:aws:iam::123456789012:role/other"}}, request: &Request{RoleARN: "arn:aws:iam::123456789012:role/deploy"},
			stage: StageClaims, message: "The target role ARN is not present in the roles claim of the identity token", why: "the role is not among those that the token lists"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Simulate(documentOf(t, statementOf(gitLab, `{}`)), tokenOf(t, gitLab, tt.changes), gitLab, tt.request)
			require.Equal(t, Rejected, got.Outcome)
			last := got.Stages[len(got.Stages)-1]
			assert.Equal(t, tt.stage, last.Name)
			assert.Equal(t, False, last.Passed)
			assert.Equal(t, tt.why, last.Text)
			if tt.code == "" {
				tt.code = "InvalidIdentityToken"
			}
			assert.Equal(t, tt.code, got.Code)
			assert.Equal(t, tt.message, got.Message)
			_, _, ok := got.Deciding()
			assert.False(t, ok)
		})
	}
	for _, payload := range []string{``, `[]`, `null`, `{"iss":`, `eyJh.eyJp.x`} {
		got := Simulate(documentOf(t, statementOf(gitLab, `{}`)), []byte(payload), gitLab, nil)
		assert.Equal(t, Rejected, got.Outcome)
		assert.Equal(t, "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)", got.Message)
		assert.Len(t, got.Stages, 1)
	}
	got := Simulate(documentOf(t, statementOf(gitLab, `{}`)), []byte(`{"iss":"https://gitlab.com","sub":null,"aud":"a","iat":1,"exp":2}`), gitLab, nil)
	assert.Equal(t, "InternalFailure", got.Code)
}

// The edges of what is accepted, and what an accepted request went through.
func TestStagesPassed(t *testing.T) {
	doc := documentOf(t, statementOf(gitLab, `{"StringEquals":{"@:aud":"https://deploy.example"}}`))
	for name, tt := range map[string]struct {
		changes claimSet
		seconds int64
	}{
		"now":              {seconds: 1790000100},
		"exp reached":      {seconds: 1790003900},
		"iat ahead":        {seconds: 1789999700},
		"times are text":   {changes: claimSet{"iat": "1790000000", "exp": "1790003600", "nbf": nil}, seconds: 1790000100},
		"aud is a list":    {changes: claimSet{"aud": []string{"https://deploy.example"}}, seconds: 1790000100},
		"azp and two aud":  {changes: claimSet{"aud": []string{"a", "b"}, "azp": "https://deploy.example"}, seconds: 1790000100},
		"azp wins over it": {changes: claimSet{"aud": "other", "azp": "https://deploy.example"}, seconds: 1790000100},
	} {
		got := Simulate(doc, tokenOf(t, gitLab, tt.changes), gitLab, &Request{Time: time.Unix(tt.seconds, 0)})
		assert.Equal(t, Accepted, got.Outcome, "%s: %v", name, got)
	}
	got := Simulate(doc, tokenOf(t, gitLab, nil), gitLab, nil)
	var names []StageName
	for _, s := range got.Stages {
		names = append(names, s.Name)
		assert.Equal(t, True, s.Passed)
		assert.Equal(t, s.Name == StageSignature || s.Name == StageTime || s.Name == StageOutside, s.Unchecked, s.Name)
	}
	assert.Equal(t, []StageName{StageToken, StageProvider, StageSignature, StageTime, StageAudience, StageTrust, StageOutside}, names)
}

// A token whose last of two claims is another: AWS reads the last.
func TestTokenWithClaimTwice(t *testing.T) {
	payload := []byte(`{"sub":"first","iss":"https://gitlab.com","aud":"https://deploy.example","iat":1,"exp":2,"sub":"last"}`)
	assert.Equal(t, Accepted, Simulate(documentOf(t, statementOf(gitLab, `{"StringEquals":{"@:sub":"last"}}`)), payload, gitLab, nil).Outcome)
	assert.Equal(t, Rejected, Simulate(documentOf(t, statementOf(gitLab, `{"StringEquals":{"@:sub":"first"}}`)), payload, gitLab, nil).Outcome)
}

// Which statements are about the request.
func TestStatements(t *testing.T) {
	const action = `"Action":"sts:AssumeRoleWithWebIdentity"`
	arn := gitLab.ARN()
	allow := func(principal, action string) string { return `{"Effect":"Allow",` + principal + `,` + action + `}` }
	federated := func(name string) string { return `"Principal":{"Federated":` + name + `}` }
	good := allow(federated(`"`+arn+`"`), action)
	deny := func(rest string) string { return `{"Effect":"Deny",` + rest + `}` }
	for _, tt := range []struct {
		name       string
		statements []string
		want       Outcome
	}{
		{"the provider", []string{good}, Accepted},
		{"in a list", []string{allow(federated(`["arn:aws:iam::123456789012:oidc-provider/x","`+arn+`"]`), action)}, Accepted},
		{"everybody federated", []string{allow(federated(`"*"`), action)}, Accepted},
		{"no partial wildcard", []string{allow(federated(`"arn:aws:iam::123456789012:oidc-provider/*"`), action)}, Rejected},
		{"another account", []string{allow(federated(`"arn:aws:iam::999999999999:oidc-provider/gitlab.com"`), action)}, Rejected},
		{"with a scheme", []string{allow(federated(`"arn:aws:iam::123456789012:oidc-provider/https://gitlab.com"`), action)}, Rejected},
		{"with a slash", []string{allow(federated(`"arn:aws:iam::123456789012:oidc-provider/gitlab.com/"`), action)}, Rejected},
		{"upper case", []string{allow(federated(`"arn:aws:iam::123456789012:oidc-provider/GitLab.com"`), action)}, Rejected},
		{"a template", []string{allow(federated(`"${aws_iam_openid_connect_provider.gitlab.arn}"`), action)}, Indeterminate},
		{"a template beside it", []string{allow(federated(`["${x.y.arn}","`+arn+`"]`), action)}, Accepted},
		{"AWS star", []string{allow(`"Principal":{"AWS":"*"}`, action)}, Rejected},
		{"star", []string{allow(`"Principal":"*"`, action)}, Indeterminate},
		{"a service", []string{allow(`"Principal":{"Service":"`+arn+`"}`, action)}, Rejected},
		{"not a principal", []string{allow(`"NotPrincipal":{"Federated":"x"}`, action)}, Indeterminate},
		{"not an action", []string{allow(federated(`"`+arn+`"`), `"NotAction":"sts:AssumeRole"`)}, Indeterminate},
		{"actions have no case", []string{allow(federated(`"`+arn+`"`), `"Action":"STS:assumerolewithWEBidentity"`)}, Accepted},
		{"action pattern", []string{allow(federated(`"`+arn+`"`), `"Action":["sts:TagSession","sts:AssumeRoleWith*"]`)}, Accepted},
		{"any action", []string{allow(federated(`"`+arn+`"`), `"Action":"*"`)}, Accepted},
		{"another action", []string{allow(federated(`"`+arn+`"`), `"Action":"sts:AssumeRole"`)}, Rejected},
		{"action of a template", []string{allow(federated(`"`+arn+`"`), `"Action":"${var.action}"`)}, Indeterminate},
		{"the second allows", []string{allow(federated(`"x"`), action), good}, Accepted},
		{"a deny wins", []string{good, deny(federated(`"`+arn+`"`) + `,` + action)}, Rejected},
		{"a deny before it wins", []string{deny(federated(`"*"`) + `,"Action":"sts:*"`), good}, Rejected},
		{"a deny of another", []string{good, deny(federated(`"x"`) + `,` + action)}, Accepted},
		{"a deny of AWS star", []string{good, deny(`"Principal":{"AWS":"*"},` + action)}, Indeterminate},
		{"a deny that may apply", []string{good, deny(`"Principal":"*",` + action)}, Indeterminate},
		{"a deny alone", []string{deny(federated(`"*"`) + `,` + action)}, Rejected},
		{"nothing allowed, though a deny may apply", []string{deny(`"Principal":"*",` + action)}, Rejected},
		{"a deny whose key is missing", []string{good, deny(federated(`"*"`) + `,` + action + `,"Condition":{"StringEquals":{"gitlab.com:ref":"dev"}}`)}, Accepted},
		{"a deny of all but, whose key is missing", []string{good, deny(federated(`"*"`) + `,` + action + `,"Condition":{"StringNotEquals":{"gitlab.com:ref":"main"}}`)}, Rejected},
	} {
		got := Simulate(documentOf(t, tt.statements...), tokenOf(t, gitLab, nil), gitLab, nil)
		assert.Equal(t, tt.want, got.Outcome, "%s: %v", tt.name, got)
		assert.Equal(t, tt.want == Indeterminate, len(got.Assumptions) == 1 && got.Assumptions[0] != "", "%s: %q", tt.name, got.Assumptions)
		if tt.want == Rejected {
			assert.Equal(t, "AccessDenied", got.Code)
			assert.Equal(t, "Not authorized to perform sts:AssumeRoleWithWebIdentity", got.Message)
		}
	}
	// Without an account, the document's is the provider's.
	free := gitLab
	free.AccountID = ""
	for name, want := range map[string]Outcome{
		"arn:aws:iam::999999999999:oidc-provider/gitlab.com": Accepted, "arn:aws-cn:iam::1:oidc-provider/gitlab.com": Accepted,
		"arn:aws:iam:::oidc-provider/gitlab.com": Accepted, "arn:aws:iam::1:oidc-provider/gitlab.com/": Rejected, "gitlab.com": Rejected,
		"arn:aws:sts::1:oidc-provider/gitlab.com": Rejected, "arn:x:iam::1:oidc-provider/gitlab.com": Rejected, "arn:aws:iam:eu:1:oidc-provider/gitlab.com": Rejected,
	} {
		assert.Equal(t, want, Simulate(documentOf(t, allow(federated(`"`+name+`"`), action)), tokenOf(t, gitLab, nil), free, nil).Outcome, name)
	}
	gov := gitLab
	gov.Partition = "aws-us-gov"
	assert.Equal(t, "arn:aws-us-gov:iam::123456789012:oidc-provider/gitlab.com", gov.ARN())
	assert.Equal(t, Rejected, Simulate(documentOf(t, good), tokenOf(t, gitLab, nil), gov, nil).Outcome)
}

// What no text makes is no reason to panic.
func TestDocumentsNotParsed(t *testing.T) {
	payload := tokenOf(t, gitLab, nil)
	for _, d := range []*Document{nil, {}, {Statements: []Statement{{}}}} {
		assert.Equal(t, Rejected, Simulate(d, payload, gitLab, nil).Outcome)
		found, err := Lint(d, &LintOptions{Token: legitimate(t, gitLab)})
		require.NoError(t, err)
		assert.Equal(t, []string{"TRUST001"}, idsOf(found))
	}
	st := documentOf(t, statementOf(gitLab, `{"StringLike":{"@:sub":"*"}}`))
	for _, name := range []string{"", "StringSounds", "Date", "NumericAbout", "Equals"} {
		st.Statements[0].Conditions[0].Operator = Operator{Name: name}
		assert.Equal(t, Indeterminate, Simulate(st, payload, gitLab, nil).Outcome, name)
		_, err := Lint(st, nil)
		require.NoError(t, err)
	}
}

// A claim of a form that AWS is not known to take leaves the outcome open, and a
// later refusal closes it.
func TestStageUnknown(t *testing.T) {
	for name, tt := range map[string]struct {
		changes    claimSet
		stage      StageName
		assumption string
	}{
		"sub": {claimSet{"sub": 5}, StageToken, "AWS takes a sub that is a number"},
		"azp": {claimSet{"azp": 5}, StageAudience, "AWS takes an azp that is a number"},
		"aud": {claimSet{"aud": []int{5}}, StageAudience, "AWS takes an aud that is a number"},
	} {
		got := Simulate(documentOf(t, statementOf(gitLab, `{}`)), tokenOf(t, gitLab, tt.changes), gitLab, nil)
		assert.Equal(t, Indeterminate, got.Outcome, name)
		assert.Equal(t, []string{tt.assumption}, got.Assumptions)
		for _, stage := range got.Stages {
			assert.Equal(t, stage.Name == tt.stage, stage.Passed == Unknown, "%s: %s", name, stage.Name)
		}
		got = Simulate(documentOf(t, statementOf(gitLab, `{"StringEquals":{"@:project_id":"1"}}`)), tokenOf(t, gitLab, tt.changes), gitLab, nil)
		assert.Equal(t, Rejected, got.Outcome, name)
		assert.Empty(t, got.Assumptions)
		got = Simulate(documentOf(t, statementOf(gitLab, `{"StringEquals":{"@:`+name+`":"x"}}`)), tokenOf(t, gitLab, tt.changes), gitLab, nil)
		assert.NotEqual(t, Accepted, got.Outcome, name)
	}
}

// The stage says which statement decided.
func TestTrustText(t *testing.T) {
	named := func(sid, effect, conditions string) string {
		return strings.Replace(statementOf(gitLab, conditions), `{"Effect":"Allow"`, `{"Sid":"`+sid+`","Effect":"`+effect+`"`, 1)
	}
	const here, elsewhere, perhaps = `{}`, `{"StringEquals":{"@:project_id":"1"}}`, `{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`
	for want, statements := range map[string][]string{
		`"b" at`:           {named("a", "Allow", elsewhere), named("b", "Allow", here), named("c", "Deny", elsewhere)},
		`statement "d" at`: {named("a", "Allow", here), named("c", "Deny", elsewhere), named("d", "Deny", here)},
		`no statement allows sts:AssumeRoleWithWebIdentity`: {named("a", "Allow", elsewhere), named("d", "Deny", perhaps)},
		`it cannot be told whether statement "d" at`:        {named("a", "Allow", here), named("c", "Deny", elsewhere), named("d", "Deny", perhaps)},
		`it cannot be told whether statement "b" at`:        {named("a", "Allow", elsewhere), named("b", "Allow", perhaps), named("d", "Deny", elsewhere)},
	} {
		got := Simulate(documentOf(t, statements...), tokenOf(t, gitLab, nil), gitLab, nil)
		assert.Contains(t, got.Stages[5].Text, want)
	}
	// Of several actions, only those that matter are named.
	tags := claimSet{"https://aws.amazon.com/tags/principal_tags/team": "a"}
	text := func(actions string) string {
		got := Simulate(documentOf(t, strings.Replace(statementOf(gitLab, `{}`), `"sts:AssumeRoleWithWebIdentity"`, actions, 1)), tokenOf(t, gitLab, tags), gitLab, nil)
		return got.Stages[6].Text
	}
	assert.Equal(t, "statement 1 at 1:38 allows sts:AssumeRoleWithWebIdentity", text(`"sts:*"`))
	assert.Equal(t, "statement 1 at 1:38 allows sts:AssumeRoleWithWebIdentity; no statement allows sts:TagSession", text(`"sts:AssumeRoleWithWebIdentity"`))
	assert.Equal(t, "no statement allows sts:AssumeRoleWithWebIdentity", text(`"sts:TagSession"`))
}
