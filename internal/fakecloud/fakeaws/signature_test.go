package fakeaws_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakecloud/fakeaws"
)

type static aws.Credentials

func (s static) Retrieve(context.Context) (aws.Credentials, error) { return aws.Credentials(s), nil }

// session exchanges a token and returns the credentials.
func (f *fixture) session(t *testing.T) aws.Credentials {
	t.Helper()
	out, err := f.assume(f.issuer.GitLab(audience))
	require.NoError(t, err)
	c := out.Credentials
	return aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}
}

// The SDK's client signs with the real clock, so this server's is real too.
func realTime(t *testing.T) *fixture {
	f := anySubject(t)
	f.now = time.Now()
	return f
}

func TestGetCallerIdentity(t *testing.T) {
	f := realTime(t)
	out, err := f.client(static(f.session(t))).GetCallerIdentity(context.Background(), nil)
	require.NoError(t, err)
	assert.Equal(t, "arn:aws:sts::123456789012:assumed-role/deploy/job", *out.Arn)
	assert.Equal(t, account, *out.Account)
	assert.Regexp(t, `^AROA[A-Z2-7]{16}:job$`, *out.UserId)
	assert.Equal(t, 1, f.server.Requests(fakeaws.GetCallerIdentity))
}

func TestCredentialRefusals(t *testing.T) {
	const mismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	const unknown = "The security token included in the request is invalid."
	tests := []struct {
		name string
		edit func(f *fixture, c, other *aws.Credentials)
		code string
		text string
	}{
		{"wrong secret", func(_ *fixture, c, other *aws.Credentials) { c.SecretAccessKey = other.SecretAccessKey }, "SignatureDoesNotMatch", mismatch},
		{"unknown key", func(_ *fixture, c, _ *aws.Credentials) { c.AccessKeyID = "ASIAAAAAAAAAAAAAAAAA" }, "InvalidClientTokenId", unknown},
		{"session token of another session", func(_ *fixture, c, other *aws.Credentials) { c.SessionToken = other.SessionToken }, "InvalidClientTokenId", unknown},
		{"no session token", func(_ *fixture, c, _ *aws.Credentials) { c.SessionToken = "" }, "InvalidClientTokenId", unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := realTime(t)
			c, other := f.session(t), f.session(t)
			tt.edit(f, &c, &other)
			_, err := f.client(static(c)).GetCallerIdentity(context.Background(), nil)
			assertRefused(t, err, 403, tt.code, tt.text)
		})
	}
}

// signed returns a GetCallerIdentity request, signed by hand.
func signed(t *testing.T, c aws.Credentials, service string, at time.Time) *http.Request {
	t.Helper()
	body := "Action=GetCallerIdentity&Version=2011-06-15"
	r, err := http.NewRequest(http.MethodPost, "https://sts.eu-west-1.amazonaws.com/?x=1", strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Extra", "signed")
	sum := sha256.Sum256([]byte(body))
	require.NoError(t, v4.NewSigner().SignHTTP(context.Background(), c, r, hex.EncodeToString(sum[:]), service, "eu-west-1", at))
	return r
}

func TestSignature(t *testing.T) {
	replace := func(r *http.Request, old, new string) {
		h := r.Header.Get("Authorization")
		r.Header.Set("Authorization", strings.Replace(h, old, new, 1))
	}
	tests := []struct {
		name    string
		at      time.Duration // of the signature, from now
		service string
		later   time.Duration // the session's age
		edit    func(*http.Request)
		status  int
		want    string // in the answer
	}{
		{name: "good", status: 200, want: "<Account>123456789012</Account>"},
		{name: "header added that is not signed", edit: func(r *http.Request) { r.Header.Set("Via", "1.1 proxy") }, status: 200, want: "<Arn>"},
		{name: "five minutes old", at: -5 * time.Minute, status: 200, want: "<Arn>"},
		{name: "five minutes ahead", at: 5 * time.Minute, status: 200, want: "<Arn>"},
		{name: "last second of the session", later: time.Hour - time.Second, status: 200, want: "<Arn>"},

		{name: "body changed", edit: func(r *http.Request) {
			r.Body = io.NopCloser(bytes.NewReader([]byte("Version=2011-06-15&Action=GetCallerIdentity")))
		}, status: 403, want: "<Code>SignatureDoesNotMatch</Code>"},
		{name: "signed header changed", edit: func(r *http.Request) { r.Header.Set("X-Extra", "changed") }, status: 403, want: "<Code>SignatureDoesNotMatch</Code>"},
		{name: "query changed", edit: func(r *http.Request) { r.URL.RawQuery = "x=2" }, status: 403, want: "<Code>SignatureDoesNotMatch</Code>"},
		{name: "host changed", edit: func(r *http.Request) { r.Host = "sts.us-east-1.amazonaws.com" }, status: 403, want: "<Code>SignatureDoesNotMatch</Code>"},
		{name: "method changed", edit: func(r *http.Request) { r.Method = http.MethodPut }, status: 403, want: "<Code>SignatureDoesNotMatch</Code>"},
		{name: "time changed", edit: func(r *http.Request) {
			r.Header.Set("X-Amz-Date", start.Add(time.Second).UTC().Format("20060102T150405Z"))
		}, status: 403, want: "<Code>SignatureDoesNotMatch</Code>"},
		{name: "region of the scope changed", edit: func(r *http.Request) { replace(r, "eu-west-1/sts", "us-east-1/sts") }, status: 403, want: "<Code>SignatureDoesNotMatch</Code>"},
		{name: "scope of another service", service: "s3", status: 403, want: "correct service"},
		{name: "over five minutes old", at: -5*time.Minute - time.Second, status: 403, want: "Signature expired: 20270115T075459Z is now earlier than 20270115T075500Z (20270115T080000Z - 5 min.)"},
		{name: "over five minutes ahead", at: 5*time.Minute + time.Second, status: 403, want: "Signature not yet current: 20270115T080501Z is still later than 20270115T080500Z (20270115T080000Z + 5 min.)"},
		{name: "session expired", later: time.Hour, status: 403, want: "<Code>ExpiredToken</Code>"},
		{name: "no date", edit: func(r *http.Request) { r.Header.Del("X-Amz-Date") }, status: 400, want: "<Code>IncompleteSignature</Code>"},
		{name: "other scheme", edit: func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, status: 400, want: "<Code>IncompleteSignature</Code>"},
		{name: "signature empty", edit: func(r *http.Request) {
			h, _, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			r.Header.Set("Authorization", h+"Signature=")
		}, status: 400, want: "<Code>IncompleteSignature</Code>"},
		{name: "no header signed", edit: func(r *http.Request) { replace(r, "SignedHeaders=", "SignedHeaders=nothing;") }, status: 403, want: "<Code>SignatureDoesNotMatch</Code>"},
		{name: "unsigned", edit: func(r *http.Request) { r.Header.Del("Authorization") }, status: 403, want: "<Code>MissingAuthenticationToken</Code>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := anySubject(t)
			creds := f.session(t)
			service := tt.service
			if service == "" {
				service = "sts"
			}
			f.now = f.now.Add(tt.later)
			r := signed(t, creds, service, f.now.Add(tt.at))
			if tt.edit != nil {
				tt.edit(r)
			}
			resp, err := f.server.Client().Do(r)
			require.NoError(t, err)
			defer resp.Body.Close()
			answer, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, tt.status, resp.StatusCode, "%s", answer)
			assert.Contains(t, string(answer), tt.want)
		})
	}
}

var _ aws.CredentialsProvider = static{}
