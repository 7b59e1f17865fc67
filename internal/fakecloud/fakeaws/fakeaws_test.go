package fakeaws_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithy "github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakecloud/fakeaws"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

const (
	account  = "123456789012"
	audience = "https://aws.example"
	roleARN  = "arn:aws:iam::" + account + ":role/deploy"
)

var start = time.Unix(1_800_000_000, 0)

// fixture is an account with one provider and one role, at a time that stands
// still until it is moved.
type fixture struct {
	issuer *fakeissuer.Issuer
	server *fakeaws.Server
	now    time.Time
}

// trust returns a policy with this condition, for the provider at host.
func trust(host, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",` +
		`"Principal":{"Federated":"arn:aws:iam::` + account + `:oidc-provider/` + host + `"},"Condition":` + condition + `}]}`
}

func newFixture(t *testing.T, issuerURL, policy string) *fixture {
	t.Helper()
	f := &fixture{now: start}
	var err error
	f.issuer, err = fakeissuer.New(fakeissuer.Options{URL: issuerURL, Now: func() time.Time { return f.now }})
	require.NoError(t, err)
	t.Cleanup(f.issuer.Close)
	f.server, err = fakeaws.New(fakeaws.Config{
		AccountID: account,
		Providers: []fakeaws.Provider{{URL: issuerURL, ClientIDs: []string{audience, "second"}}},
		Roles:     []fakeaws.Role{{Name: "deploy", TrustPolicy: policy, MaxSession: 2 * time.Hour}},
		Fetch:     fakeissuer.Client(f.issuer),
		Now:       func() time.Time { return f.now },
	})
	require.NoError(t, err)
	return f
}

func anySubject(t *testing.T) *fixture {
	return newFixture(t, "https://gitlab.com", trust("gitlab.com", `{"StringLike":{"gitlab.com:sub":"*"}}`))
}

// client is a real SDK client without retries.
func (f *fixture) client(creds aws.CredentialsProvider) *sts.Client {
	return sts.New(sts.Options{Region: "eu-west-1", HTTPClient: f.server.Client(), Retryer: aws.NopRetryer{}, Credentials: creds})
}

func (f *fixture) assume(raw string, edit ...func(*sts.AssumeRoleWithWebIdentityInput)) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	in := &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String(roleARN), RoleSessionName: aws.String("job"), WebIdentityToken: aws.String(raw),
	}
	for _, e := range edit {
		e(in)
	}
	return f.client(nil).AssumeRoleWithWebIdentity(context.Background(), in)
}

func assertRefused(t *testing.T, err error, status int, code, text string) {
	t.Helper()
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	assert.Equal(t, code, api.ErrorCode())
	assert.Equal(t, text, api.ErrorMessage())
	var response interface {
		HTTPStatusCode() int
		ServiceRequestID() string
	}
	require.True(t, errors.As(err, &response))
	assert.Equal(t, status, response.HTTPStatusCode())
	assert.Len(t, response.ServiceRequestID(), 36)
}

func TestAssumeRoleWithWebIdentity(t *testing.T) {
	f := anySubject(t)
	out, err := f.assume(f.issuer.GitLab(audience), func(in *sts.AssumeRoleWithWebIdentityInput) { in.DurationSeconds = aws.Int32(7200) })
	require.NoError(t, err)
	assert.Equal(t, audience, *out.Audience)
	assert.Equal(t, "https://gitlab.com", *out.Provider)
	assert.Equal(t, "project_path:acme/webshop:ref_type:branch:ref:main", *out.SubjectFromWebIdentityToken)
	assert.Equal(t, "arn:aws:sts::123456789012:assumed-role/deploy/job", *out.AssumedRoleUser.Arn)
	assert.Regexp(t, `^AROA[A-Z2-7]{16}:job$`, *out.AssumedRoleUser.AssumedRoleId)
	assert.Regexp(t, `^ASIA[A-Z2-7]{16}$`, *out.Credentials.AccessKeyId)
	assert.Len(t, *out.Credentials.SecretAccessKey, 40)
	assert.Equal(t, start.Add(2*time.Hour).UTC(), out.Credentials.Expiration.UTC())

	again, err := f.assume(f.issuer.GitLab(audience))
	require.NoError(t, err)
	assert.Equal(t, start.Add(time.Hour).UTC(), again.Credentials.Expiration.UTC(), "one hour unless asked")
	assert.NotEqual(t, *out.Credentials.SessionToken, *again.Credentials.SessionToken)
	assert.NotEqual(t, *out.Credentials.SecretAccessKey, *again.Credentials.SecretAccessKey)
	assert.Equal(t, 2, f.server.Requests(fakeaws.AssumeRoleWithWebIdentity))
	assert.Equal(t, 0, f.server.Requests(fakeaws.GetCallerIdentity))
}

func TestTokenRefusals(t *testing.T) {
	const (
		notValidated = "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements."
		noKey        = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
		notJWT       = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
		severalAud   = "Token audience contains more than one audience while authorized party is not present"
	)
	set := func(name string, value any) func(fakeissuer.Claims) {
		return func(c fakeissuer.Claims) { c[name] = value }
	}
	without := func(name string) func(fakeissuer.Claims) {
		return func(c fakeissuer.Claims) { delete(c, name) }
	}
	tests := []struct {
		name string
		edit func(fakeissuer.Claims)
		raw  string // instead
		code string // empty: accepted
		text string
	}{
		{name: "second client ID", edit: set("aud", "second")},
		{name: "array of one audience", edit: set("aud", []string{audience})},
		{name: "azp instead of several audiences", edit: func(c fakeissuer.Claims) { c["aud"], c["azp"] = []string{"x", "y"}, audience }},
		{name: "expired less than five minutes ago", edit: set("exp", start.Unix()-299)},
		{name: "from less than five minutes ahead", edit: set("iat", start.Unix()+300)},
		{name: "times in strings", edit: set("exp", "1800000100")},
		{name: "subject that is a number", edit: set("sub", 7)},

		{name: "other audience", edit: set("aud", "other"), code: "InvalidIdentityToken", text: notValidated},
		{name: "audience in other letters", edit: set("aud", "HTTPS://aws.example"), code: "InvalidIdentityToken", text: notValidated},
		{name: "azp that is no client ID", edit: set("azp", "other"), code: "InvalidIdentityToken", text: notValidated},
		{name: "two audiences", edit: set("aud", []string{audience, "x"}), code: "InvalidIdentityToken", text: severalAud},
		{name: "no audience", edit: without("aud"), code: "InvalidIdentityToken", text: "Missing a required claim: aud"},
		{name: "empty audience", edit: set("aud", []string{}), code: "InvalidIdentityToken", text: "Claim is not allowed to be empty: aud"},
		{name: "issuer with a slash", edit: set("iss", "https://gitlab.com/"), code: "InvalidIdentityToken", text: notValidated},
		{name: "no issuer", edit: without("iss"), code: "InvalidIdentityToken", text: "Missing a required claim: iss"},
		{name: "no subject", edit: without("sub"), code: "InvalidIdentityToken", text: "Missing a required claim: sub"},
		{name: "no iat", edit: without("iat"), code: "InvalidIdentityToken", text: "Missing a required claim: iat"},
		{name: "no exp", edit: without("exp"), code: "InvalidIdentityToken", text: "Missing a required claim: exp"},
		{name: "fractional exp", edit: set("exp", 1800000100.5), code: "InvalidIdentityToken", text: "Invalid timestamp in token claims."},
		{name: "subject null", edit: set("sub", nil), code: "InternalFailure", text: "Unknown error validating third-party token"},
		{name: "expired", edit: set("exp", start.Unix()-300), code: "ExpiredTokenException", text: "Token expired: current date/time 1799999700 must be before the expiration date/time 1799999700"},
		{name: "issued ahead", edit: set("iat", start.Unix()+301), code: "InvalidIdentityToken", text: "Token issued in the future: 1800000301"},
		{name: "not before ahead", edit: set("nbf", start.Unix()+301), code: "InvalidIdentityToken", text: "Token not yet valid: current date/time 1800000000 must be after or equal to the not-before date/time 1800000301"},
		{name: "not a JWT", raw: "glcbt-64_abcdef", code: "InvalidIdentityToken", text: notJWT},
		{name: "unsigned", raw: "eyJhbGciOiJub25lIn0.e30.", code: "InvalidIdentityToken", text: notJWT},
		{name: "key that is not published", raw: "withdrawn", code: "InvalidIdentityToken", text: noKey},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := anySubject(t)
			raw := tt.raw
			if tt.edit != nil {
				raw = f.issuer.GitLab(audience, tt.edit)
			}
			if raw == "withdrawn" {
				raw = f.issuer.GitLab(audience)
				f.issuer.Rotate(false)
			}
			_, err := f.assume(raw)
			if tt.code == "" {
				require.NoError(t, err)
				return
			}
			status := 400
			if tt.code == "InternalFailure" {
				status = 500
			}
			assertRefused(t, err, status, tt.code, tt.text)
		})
	}

	// The signature of another token.
	f := anySubject(t)
	a, b := strings.Split(f.issuer.GitLab(audience), "."), strings.Split(f.issuer.GitLab(audience), ".")
	require.NotEqual(t, a[2], b[2])
	_, err := f.assume(a[0] + "." + a[1] + "." + b[2])
	assertRefused(t, err, 400, "InvalidIdentityToken", notValidated)
}

func TestParameterRefusals(t *testing.T) {
	tests := []struct {
		name string
		edit func(*sts.AssumeRoleWithWebIdentityInput)
		code string
		text string
	}{
		{"session name", func(in *sts.AssumeRoleWithWebIdentityInput) { in.RoleSessionName = aws.String("g/p") }, "ValidationError", `1 validation error detected: Value 'g/p' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`},
		{"short token", func(in *sts.AssumeRoleWithWebIdentityInput) { in.WebIdentityToken = aws.String("abc") }, "ValidationError", "1 validation error detected: Value 'abc' at 'webIdentityToken' failed to satisfy constraint: Member must have length between 4 and 20000"},
		{"short ARN", func(in *sts.AssumeRoleWithWebIdentityInput) { in.RoleArn = aws.String("deploy") }, "ValidationError", "1 validation error detected: Value 'deploy' at 'roleArn' failed to satisfy constraint: Member must have length between 20 and 2048"},
		{"short duration", func(in *sts.AssumeRoleWithWebIdentityInput) { in.DurationSeconds = aws.Int32(899) }, "ValidationError", "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 43200"},
		{"more than the role allows", func(in *sts.AssumeRoleWithWebIdentityInput) { in.DurationSeconds = aws.Int32(7201) }, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
		{"session policy", func(in *sts.AssumeRoleWithWebIdentityInput) { in.Policy = aws.String("{") }, "MalformedPolicyDocument", "This policy contains invalid Json"},
		{"long session policy", func(in *sts.AssumeRoleWithWebIdentityInput) { in.Policy = aws.String(strings.Repeat(" ", 2049)) }, "ValidationError", "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := anySubject(t)
			_, err := f.assume(f.issuer.GitLab(audience), tt.edit)
			assertRefused(t, err, 400, tt.code, tt.text)
		})
	}
	f := anySubject(t)
	_, err := f.assume(f.issuer.GitLab(audience), func(in *sts.AssumeRoleWithWebIdentityInput) { in.ProviderId = aws.String("www.amazon.com") })
	assertRefused(t, err, 403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
}

// The protocol as a client without an SDK sees it.
func TestProtocol(t *testing.T) {
	f := anySubject(t)
	server := httptest.NewServer(f.server)
	defer server.Close()
	get := func(form url.Values) (int, string, http.Header) {
		resp, err := http.PostForm(server.URL, form)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(body), resp.Header
	}
	status, body, header := get(url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}})
	assert.Equal(t, 400, status)
	assert.Equal(t, "text/xml", header.Get("Content-Type"))
	assert.Contains(t, body, "<Code>InvalidAction</Code>")
	assert.Contains(t, body, "<Message>Could not find operation AssumeRole for version 2011-06-15</Message>")

	status, body, header = get(url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {roleARN},
		"RoleSessionName": {"a&b"}, "WebIdentityToken": {"none"},
	})
	assert.Equal(t, 400, status)
	var fault struct {
		XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
		Error   struct{ Type, Code, Message string }
		ID      string `xml:"RequestId"`
	}
	require.NoError(t, xml.Unmarshal([]byte(body), &fault))
	assert.Equal(t, "Sender", fault.Error.Type)
	assert.Equal(t, "ValidationError", fault.Error.Code)
	assert.Contains(t, fault.Error.Message, "Value 'a&b' at 'roleSessionName'")
	assert.Equal(t, header.Get("X-Amzn-Requestid"), fault.ID)

	status, body, _ = get(url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}})
	assert.Equal(t, 403, status)
	assert.Contains(t, body, "<Code>MissingAuthenticationToken</Code>")

	status, _, _ = get(url.Values{"Action": {strings.Repeat("x", 70_000)}})
	assert.Equal(t, 400, status)

	status, body, _ = get(url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {roleARN},
		"RoleSessionName": {"job"}, "WebIdentityToken": {f.issuer.GitLab(audience)},
	})
	assert.Equal(t, 200, status)
	assert.Contains(t, body, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`)
	assert.Contains(t, body, "<AssumeRoleWithWebIdentityResult>")
	assert.Contains(t, body, "<Expiration>2027-01-15T09:00:00Z</Expiration>")
	assert.Contains(t, body, "<ResponseMetadata>")
}

func TestClientReachesSTSOnly(t *testing.T) {
	f := anySubject(t)
	for _, u := range []string{"https://s3.eu-west-1.amazonaws.com/", "http://sts.eu-west-1.amazonaws.com/", "https://sts.evil.example/"} {
		_, err := f.server.Client().Get(u) //nolint:bodyclose // there is none
		require.Error(t, err)
		assert.Contains(t, err.Error(), "there is only STS here")
	}
}

func TestMisbehave(t *testing.T) {
	f := anySubject(t)
	f.server.Misbehave(func(action string, w http.ResponseWriter, _ *http.Request) bool {
		if action == fakeaws.GetCallerIdentity {
			return false
		}
		panic(http.ErrAbortHandler)
	})
	_, err := f.assume(f.issuer.GitLab(audience))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Equal(t, 1, f.server.Requests(fakeaws.AssumeRoleWithWebIdentity))
	f.server.Misbehave(nil)
	_, err = f.assume(f.issuer.GitLab(audience))
	require.NoError(t, err)
}

func TestNewRefuses(t *testing.T) {
	policy := trust("gitlab.com", `{"StringEquals":{"gitlab.com:sub":"s"}}`)
	good := fakeaws.Provider{URL: "https://gitlab.com", ClientIDs: []string{"a"}}
	tests := []struct {
		name, text string
		cfg        fakeaws.Config
	}{
		{"account", "12 digits", fakeaws.Config{AccountID: "1"}},
		{"provider over http", "https URL", fakeaws.Config{AccountID: account, Providers: []fakeaws.Provider{{URL: "http://x", ClientIDs: []string{"a"}}}}},
		{"provider without client IDs", "client IDs", fakeaws.Config{AccountID: account, Providers: []fakeaws.Provider{{URL: "https://x"}}}},
		{"provider twice", "no other has", fakeaws.Config{AccountID: account, Providers: []fakeaws.Provider{good, good}}},
		{"role name", "not a role name", fakeaws.Config{AccountID: account, Roles: []fakeaws.Role{{Name: "a b", TrustPolicy: policy}}}},
		{"role twice", "two of it", fakeaws.Config{AccountID: account, Roles: []fakeaws.Role{{Name: "a", TrustPolicy: policy}, {Name: "a", TrustPolicy: policy}}}},
		{"session", "between 1 and 12 hours", fakeaws.Config{AccountID: account, Roles: []fakeaws.Role{{Name: "a", TrustPolicy: policy, MaxSession: time.Minute}}}},
		{"policy", "trust policy", fakeaws.Config{AccountID: account, Roles: []fakeaws.Role{{Name: "a", TrustPolicy: "{}"}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := fakeaws.New(tt.cfg)
			require.Error(t, err)
			assert.Contains(t, err.Error(), "fakeaws: ")
			assert.Contains(t, err.Error(), tt.text)
		})
	}
}

func ExampleServer() {
	s, err := fakeaws.New(fakeaws.Config{AccountID: "123456789012"})
	if err != nil {
		panic(err)
	}
	_, err = sts.New(sts.Options{Region: "eu-west-1", HTTPClient: s.Client(), Retryer: aws.NopRetryer{}}).
		AssumeRoleWithWebIdentity(context.Background(), &sts.AssumeRoleWithWebIdentityInput{
			RoleArn: aws.String("arn:aws:iam::123456789012:role/deploy"), RoleSessionName: aws.String("job"),
			WebIdentityToken: aws.String("not a token"),
		})
	var api smithy.APIError
	fmt.Println(errors.As(err, &api), api.ErrorCode())
	// Output: true InvalidIdentityToken
}
