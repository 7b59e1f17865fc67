package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/cioidc/cioidc/exchange"
)

// A client that presents the job's token to one service.
func ExampleTransport() {
	ci := exchange.TokenSourceFunc(func(_ context.Context, audience string) (string, error) {
		return "token-for-" + audience, nil // a ciplatform.Platform in a real job
	})
	client := &http.Client{Transport: &exchange.Transport{
		Source:   ci,
		Audience: "https://deploy.example.com",
	}}
	// The token would leave the machine in the clear, so it does not leave.
	_, err := client.Get("http://deploy.example.com/")
	fmt.Println(errors.Is(err, exchange.ErrPlainHTTP))
	// Output: true
}

// A program that acts on what an exchange's failure means.
func ExampleError() {
	var err error = &exchange.Error{
		Service: "aws", Stage: exchange.StageExchange, StatusCode: 403,
		Code: "AccessDenied", Description: "Not authorized to perform sts:AssumeRoleWithWebIdentity",
		Causes: []exchange.Cause{{
			ID:       "aws-trust-policy",
			Summary:  "the trust policy of the role does not accept the token",
			Action:   "compare its condition on sub with the token's",
			Evidence: []exchange.Evidence{{Name: "sub", Token: "project_path:g/p:ref_type:tag:ref:v1"}},
		}},
	}
	var failed *exchange.Error
	if errors.As(err, &failed) {
		fmt.Println(failed.Code, failed.Retryable())
		fmt.Printf("%+v\n", failed)
	}
	// Output:
	// AccessDenied false
	// exchange: aws: token exchange failed (HTTP 403, AccessDenied): "Not authorized to perform sts:AssumeRoleWithWebIdentity"
	//   likely cause [aws-trust-policy]: the trust policy of the role does not accept the token
	//     sub: the token says "project_path:g/p:ref_type:tag:ref:v1"
	//     to do: compare its condition on sub with the token's
}
