package awssts_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cioidc/cioidc/exchange/awssts"
)

func TestShadowingVariables(t *testing.T) {
	endpoint := []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:1/credentials", "AWS_CONTAINER_AUTHORIZATION_TOKEN=x"}
	file := []string{"AWS_WEB_IDENTITY_TOKEN_FILE=/run/token", "AWS_ROLE_ARN=" + role}
	for _, tt := range []struct {
		name            string
		environ, handed []string
		want            []string
	}{
		{"nothing", []string{"PATH=/bin", "AWS_REGION=eu-west-1", "=C:=C:\\"}, endpoint, nil},
		{"keys", []string{"AWS_SECRET_ACCESS_KEY=b", "AWS_ACCESS_KEY_ID=a"}, endpoint, []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}},
		{"keys before a token file", []string{"AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b"}, file, []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}},
		{"keys before a process", []string{"AWS_ACCESS_KEY_ID=a", "AWS_PROFILE=p"}, nil, []string{"AWS_ACCESS_KEY_ID"}},
		{"older names", []string{"AWS_ACCESS_KEY=a", "AWS_SECRET_KEY=b"}, endpoint, []string{"AWS_ACCESS_KEY", "AWS_SECRET_KEY"}},
		{"unset by an empty value", []string{"AWS_ACCESS_KEY_ID=", "AWS_PROFILE="}, endpoint, nil},
		{"profile", []string{"AWS_PROFILE=prod"}, file, []string{"AWS_PROFILE"}},
		{"token file before the endpoint", []string{"AWS_WEB_IDENTITY_TOKEN_FILE=/x"}, endpoint, []string{"AWS_WEB_IDENTITY_TOKEN_FILE"}},
		{"token file before a process", []string{"AWS_WEB_IDENTITY_TOKEN_FILE=/x"}, nil, []string{"AWS_WEB_IDENTITY_TOKEN_FILE"}},
		{"token file that is replaced", []string{"AWS_WEB_IDENTITY_TOKEN_FILE=/x"}, file, nil},
		{"container's own endpoint", []string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/x"}, endpoint, []string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"}},
		{"the same, empty: botocore takes it", []string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="}, endpoint, []string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"}},
		{"authorization of another endpoint", []string{"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/x"}, endpoint, []string{"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"}},
		{"container's endpoint loses to a token file", []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.23/v1"}, file, nil},
		{"container's endpoint that is replaced", []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.23/v1"}, endpoint, nil},
		{"the last of two counts", []string{"AWS_ACCESS_KEY_ID=a", "AWS_ACCESS_KEY_ID="}, endpoint, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, awssts.ShadowingVariables(tt.environ, tt.handed))
		})
	}
}
