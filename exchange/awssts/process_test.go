package awssts_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
)

func gives(c aws.Credentials, err error) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, err })
}

func TestProcessCredentialsAreExactly(t *testing.T) {
	at := time.Date(2026, 3, 1, 13, 4, 5, 999, time.FixedZone("", 3600))
	for _, tt := range []struct {
		name  string
		creds aws.Credentials
		want  string
	}{
		{
			"of a role", aws.Credentials{AccessKeyID: "ASIA1", SecretAccessKey: "s+/=", SessionToken: "t", CanExpire: true, Expires: at, AccountID: account, Source: "x"},
			`{"Version":1,"AccessKeyId":"ASIA1","SecretAccessKey":"s+/=","SessionToken":"t","Expiration":"2026-03-01T12:04:05Z","AccountId":"123456789012"}` + "\n",
		},
		{"that do not expire", aws.Credentials{AccessKeyID: "AKIA1", SecretAccessKey: "s", Expires: at}, `{"Version":1,"AccessKeyId":"AKIA1","SecretAccessKey":"s"}` + "\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			require.NoError(t, awssts.WriteProcessCredentials(context.Background(), &out, gives(tt.creds, nil)))
			assert.Equal(t, tt.want, out.String())
		})
	}
}

func TestProcessCredentialsOfAProvider(t *testing.T) {
	w := newWorld(t)
	var out bytes.Buffer
	require.NoError(t, awssts.WriteProcessCredentials(context.Background(), &out, w.provider(t, w.gitlab.GitLab(audience))))
	var got map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	assert.Regexp(t, "^ASIA", got["AccessKeyId"])
	assert.NotEmpty(t, got["SessionToken"])
	at, err := time.Parse(time.RFC3339, got["Expiration"].(string))
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now().Add(time.Hour), at, time.Minute)
	assert.Equal(t, account, got["AccountId"])
}

type brokenWriter struct{ err error }

func (b brokenWriter) Write([]byte) (int, error) { return 0, b.err }

func TestProcessCredentialsFail(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	var out bytes.Buffer

	err := awssts.WriteProcessCredentials(ctx, &out, w.provider(t, w.gitlab.GitLab("other")))
	var failed *exchange.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "InvalidIdentityToken", failed.Code)

	assert.EqualError(t, awssts.WriteProcessCredentials(ctx, &out, gives(aws.Credentials{SecretAccessKey: "s"}, nil)), "awssts: the provider gave no keys")

	far := aws.Credentials{AccessKeyID: "a", SecretAccessKey: "hidden", CanExpire: true, Expires: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}
	assert.EqualError(t, awssts.WriteProcessCredentials(ctx, &out, gives(far, nil)), "awssts: credentials that expire at 10000-01-01 00:00:00 +0000 UTC cannot be written")

	var config *exchange.ConfigError
	require.ErrorAs(t, awssts.WriteProcessCredentials(ctx, &out, nil), &config)
	require.ErrorAs(t, awssts.WriteProcessCredentials(ctx, &out, (*awssts.Provider)(nil)), &config)
	assert.Empty(t, out.String(), "nothing that a client could take for an answer")

	full := errors.New("disk full")
	assert.ErrorIs(t, awssts.WriteProcessCredentials(ctx, brokenWriter{full}, gives(aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil)), full)
}
