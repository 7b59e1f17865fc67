package awssts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/cioidc/cioidc/exchange"
)

// processCredentials is what a credential_process prints (AWS SDKs and Tools
// Reference Guide, "Process credential provider").
type processCredentials struct {
	Version         int
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string     `json:",omitempty"`
	Expiration      *time.Time `json:",omitempty"`
	AccountID       string     `json:"AccountId,omitempty"`
}

// WriteProcessCredentials writes the credentials of p to w as a
// credential_process prints them: one line of JSON, Version 1. Expiration is
// RFC 3339 in UTC, and left out if the credentials do not expire. If it fails,
// nothing has been written to w, unless w itself failed.
//
// Its error is that of p, of w, or says that p gave no keys. Print it to
// standard error and exit with a status that is not zero: the SDK for Python
// puts that text into its own error, and the one for Go shows it.
//
// Clients run a credential_process again for every request while less than
// about 15 minutes remain (botocore: 15; the SDK for Go: none, unless asked).
// [FileCache] keeps these runs from being an exchange each.
func WriteProcessCredentials(ctx context.Context, w io.Writer, p aws.CredentialsProvider) error {
	if own, ok := p.(*Provider); p == nil || ok && own == nil {
		return &exchange.ConfigError{Package: "awssts", Field: "WriteProcessCredentials", Problem: "required: the provider of the credentials, such as the result of New"}
	}
	creds, err := p.Retrieve(ctx)
	if err != nil {
		return err
	}
	line, err := marshalProcess(creds)
	if err != nil {
		return err
	}
	_, err = w.Write(line)
	return err
}

func marshalProcess(c aws.Credentials) ([]byte, error) {
	if !c.HasKeys() {
		return nil, errors.New("awssts: the provider gave no keys")
	}
	line, err := json.Marshal(processCredentials{1, c.AccessKeyID, c.SecretAccessKey, c.SessionToken, expiration(c), c.AccountID})
	if err != nil {
		return nil, fmt.Errorf("awssts: credentials that expire at %s cannot be written", c.Expires)
	}
	return append(line, '\n'), nil
}

// unmarshalProcess is the reverse, for credentials that expire.
func unmarshalProcess(data []byte) (aws.Credentials, error) {
	var c processCredentials
	if err := json.Unmarshal(data, &c); err != nil {
		return aws.Credentials{}, errors.New("it is not JSON") // json's error may repeat a part
	}
	if c.Version != 1 || c.AccessKeyID == "" || c.SecretAccessKey == "" || c.SessionToken == "" || c.Expiration == nil {
		return aws.Credentials{}, errors.New("it does not hold whole credentials")
	}
	return aws.Credentials{
		AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
		CanExpire: true, Expires: *c.Expiration, AccountID: c.AccountID, Source: source,
	}, nil
}
