package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"cloud.google.com/go/auth"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"google.golang.org/api/option"
	"google.golang.org/api/storage/v1"

	"github.com/cioidc/cioidc/examples/internal/fakejob"
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/exchange/googlests/impersonate"
)

// useAWS assumes the role and asks AWS who it is then. The call is signed with
// the temporary credentials, and the account checks the signature.
func (j *job) useAWS(ctx context.Context, w *world) (string, error) {
	p, err := awssts.New(awssts.Config{
		RoleARN:  fakejob.RoleARN(j.awsRole),
		Region:   fakejob.AWSRegion,
		Source:   j.detected,
		Audience: j.awsAudience,
		Endpoint: w.awsURL,
	})
	if err != nil {
		return "", err
	}
	cfg := p.AWSConfig()
	if w.awsTransport != nil {
		cfg.HTTPClient = &http.Client{Transport: w.awsTransport}
	}
	client := sts.NewFromConfig(cfg, func(o *sts.Options) { o.BaseEndpoint = aws.String(w.awsURL) })
	who, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	if !strings.Contains(aws.ToString(who.Arn), ":assumed-role/"+j.awsRole+"/"+j.platform) {
		return "", fmt.Errorf("AWS says this is %s", aws.ToString(who.Arn))
	}
	return aws.ToString(who.Arn), nil
}

func (j *job) federated(w *world) (*auth.Credentials, error) {
	return googlests.Credentials(googlests.Config{
		Provider: j.googleProvider,
		Source:   j.detected,
		Endpoint: w.googleURL + "/v1/token",
	})
}

// useGoogle reads an object as the job's own federated identity.
func (j *job) useGoogle(ctx context.Context, w *world) (string, error) {
	creds, err := j.federated(w)
	if err != nil {
		return "", err
	}
	content, err := readObject(ctx, w, creds)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("as %s, read gs://%s/%s: %q", strings.TrimPrefix(j.googleProvider, "//iam.googleapis.com/"), fakejob.Bucket, fakejob.Object, content), nil
}

// useServiceAccount does the same as a service account.
func (j *job) useServiceAccount(ctx context.Context, w *world) (string, error) {
	base, err := j.federated(w)
	if err != nil {
		return "", err
	}
	creds, err := impersonate.Credentials(impersonate.Config{
		ServiceAccount: fakejob.ServiceAccount,
		Base:           base,
		Endpoint:       w.googleURL,
	})
	if err != nil {
		return "", err
	}
	content, err := readObject(ctx, w, creds)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("as %s, read gs://%s/%s: %q", fakejob.ServiceAccount, fakejob.Bucket, fakejob.Object, content), nil
}

// readObject reads through Google's own client.
func readObject(ctx context.Context, w *world, creds *auth.Credentials) (string, error) {
	client, err := storage.NewService(ctx, option.WithAuthCredentials(creds), option.WithEndpoint(w.googleURL+"/storage/v1/"))
	if err != nil {
		return "", err
	}
	response, err := client.Objects.Get(fakejob.Bucket, fakejob.Object).Context(ctx).Download()
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if len(content) == 0 {
		return "", errors.New("the object is empty")
	}
	return string(content), nil
}

// callService calls the service with the token, which the transport gets and
// sends to that host only.
func (j *job) callService(ctx context.Context, w *world) (string, error) {
	client := &http.Client{Transport: &exchange.Transport{
		Source:   j.detected,
		Audience: serviceAudience,
		Hosts:    []string{strings.TrimPrefix(w.serviceURL, "http://")},
	}}
	status, body, err := get(ctx, client, w.serviceURL, "")
	if err != nil {
		return "", err
	}
	if status != http.StatusOK {
		return "", fmt.Errorf("the service answered %d", status)
	}
	return fmt.Sprintf("%d %q", status, body), nil
}

// refuses calls the service with a token that it must refuse, and returns why
// it did, from its log.
func (w *world) refuses(ctx context.Context, token string, status int, reason string) (string, error) {
	got, _, err := get(ctx, http.DefaultClient, w.serviceURL, token)
	if err != nil {
		return "", err
	}
	why := ""
	select {
	case why = <-w.refusals:
	default:
	}
	if got != status || !strings.Contains(why, reason) {
		return "", fmt.Errorf("the service answered %d (%s), not %d (%s)", got, why, status, reason)
	}
	return fmt.Sprintf("%d to the caller; in the service's log: %s", got, why), nil
}

func get(ctx context.Context, client *http.Client, url, token string) (int, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/deploy", nil)
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	return response.StatusCode, string(body), err
}

// tampered returns the token with another first byte of the signature.
func tampered(token string) string {
	i := strings.LastIndexByte(token, '.') + 1
	other := "A"
	if token[i] == 'A' {
		other = "B"
	}
	return token[:i] + other + token[i+1:]
}
