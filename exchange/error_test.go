package exchange_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cioidc/cioidc/exchange"
)

var refusal = &exchange.Error{
	Service: "aws", Stage: exchange.StageExchange, StatusCode: 400, Code: "InvalidIdentityToken",
	Description: "could not be\nvalidated", RequestID: "r-1", Err: errors.New("inner"),
	Causes: []exchange.Cause{
		{ID: "aws-audience", Summary: "the audience is not a client ID", Action: "add it", Evidence: []exchange.Evidence{
			{Name: "aud", Token: "x\ny", Configured: "z"}, {Name: "azp"},
		}},
		{ID: "aws-provider", Summary: "no provider", Certain: true},
	},
}

func TestErrorIsOneLine(t *testing.T) {
	const line = `exchange: aws: token exchange failed (HTTP 400, InvalidIdentityToken, request r-1): "could not be\nvalidated": likely cause: the audience is not a client ID; add it (and 1 other cause: print the *exchange.Error with %+v)`
	assert.Equal(t, line, refusal.Error())
	assert.Equal(t, line, fmt.Sprintf("%v", refusal))
	assert.Equal(t, line, fmt.Sprintf("%s", refusal))
	assert.Equal(t, line, fmt.Sprintf("%#v", refusal))
	assert.Equal(t, fmt.Sprintf("%q", line), fmt.Sprintf("%q", refusal))
	assert.Equal(t, "%!d(*exchange.Error="+line+")", fmt.Sprintf("%d", refusal))

	network := &exchange.Error{Service: "sts.example", Stage: "other\x1b", Err: errors.New("dial\nfailed")}
	assert.Equal(t, "exchange: sts.example: other  failed: dial failed", network.Error())

	source := &exchange.Error{Service: "aws", Stage: exchange.StageSource, Err: errors.New("add:\n\x1b  id_tokens:")}
	assert.Equal(t, "exchange: aws: no CI token: add:\n   id_tokens:", source.Error())

	for n, want := range []string{"", ": likely cause: a", ": cannot tell which of 2 causes, the likeliest: a (and 1 other cause: print the *exchange.Error with %+v)", ": cannot tell which of 3 causes, the likeliest: a (and 2 other causes: print the *exchange.Error with %+v)"} {
		several := &exchange.Error{Service: "aws", Stage: exchange.StageExchange, Causes: []exchange.Cause{{Summary: "a"}, {Summary: "b"}, {Summary: "c"}}[:n]}
		assert.Equal(t, "exchange: aws: token exchange failed"+want, several.Error())
	}
	sent := &exchange.Error{Service: "deploy.example.com", Stage: exchange.StageSend, Err: exchange.ErrPlainHTTP}
	assert.Equal(t, "exchange: deploy.example.com: token not sent: over plain http anyone on the way could read the token: use https", sent.Error())

	long := &exchange.Error{Service: "google", Stage: exchange.StageImpersonate, Description: strings.Repeat("x", 1000)}
	assert.Less(t, len(long.Error()), 350)
	assert.Contains(t, long.Error(), "google: impersonation failed: ")
}

func TestErrorWhole(t *testing.T) {
	assert.Equal(t, `exchange: aws: token exchange failed (HTTP 400, InvalidIdentityToken, request r-1): "could not be\nvalidated"
  likely cause [aws-audience]: the audience is not a client ID
    aud: the token says "x\ny", configured is "z"
    azp: absent
    to do: add it
  cause [aws-provider]: no provider`, fmt.Sprintf("%+v", refusal))
}

// Without a certain cause among several, they are candidates.
func TestErrorThatCannotTell(t *testing.T) {
	e := &exchange.Error{Service: "aws", Stage: exchange.StageExchange, Causes: []exchange.Cause{{ID: "a", Summary: "one"}, {ID: "b", Summary: "other"}}}
	assert.Equal(t, `exchange: aws: token exchange failed
  cannot tell which of these it is; the likeliest is first:
  likely cause [a]: one
  likely cause [b]: other`, fmt.Sprintf("%+v", e))
}

func TestErrorLogValue(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key != "error" {
			return slog.Attr{}
		}
		return a
	}}))
	log.Error("m", "error", refusal)
	assert.JSONEq(t, `{"error":{
		"service":"aws","stage":"exchange","status":400,"code":"InvalidIdentityToken","description":"could not be\nvalidated","request_id":"r-1","err":"inner",
		"cause_1":{"id":"aws-audience","certain":false,"summary":"the audience is not a client ID","action":"add it",
			"evidence_aud":{"token":"x\ny","configured":"z"},"evidence_azp":{"token":"","configured":""}},
		"cause_2":{"id":"aws-provider","certain":true,"summary":"no provider","action":""}}}`, out.String())
}

type transient struct{ error }

func (transient) Retryable() bool { return true }

func TestRetryable(t *testing.T) {
	const keys = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	tests := []struct {
		name string
		err  exchange.Error
		want bool
	}{
		{"500", exchange.Error{StatusCode: 500, Code: "InternalFailure"}, true},
		{"503 without a code", exchange.Error{StatusCode: 503}, true},
		{"429", exchange.Error{StatusCode: 429}, true},
		{"throttling", exchange.Error{StatusCode: 400, Code: "Throttling"}, true},
		{"issuer not reached", exchange.Error{StatusCode: 400, Code: "IDPCommunicationError"}, true},
		{"keys not fetched", exchange.Error{StatusCode: 400, Code: "InvalidIdentityToken", Description: keys}, true},
		{"refused connection", exchange.Error{Stage: exchange.StageExchange, Err: &url.Error{Op: "Post", URL: "https://sts.example", Err: refused}}, true},
		{"cut connection", exchange.Error{Stage: exchange.StageExchange, Err: io.ErrUnexpectedEOF}, true},
		{"connection closed under a write", exchange.Error{Stage: exchange.StageExchange, Err: &net.OpError{Op: "write", Err: net.ErrClosed}}, true},
		{"timeout", exchange.Error{Stage: exchange.StageExchange, Err: context.DeadlineExceeded}, true},
		{"source says so", exchange.Error{Stage: exchange.StageSource, Err: fmt.Errorf("x: %w", transient{io.EOF})}, true},

		{"token refused", exchange.Error{StatusCode: 400, Code: "InvalidIdentityToken", Description: "The web identity token provided could not be validated."}, false},
		{"access denied", exchange.Error{StatusCode: 403, Code: "AccessDenied"}, false},
		{"invalid grant", exchange.Error{StatusCode: 400, Code: "invalid_grant", Err: io.ErrUnexpectedEOF}, false},
		{"redirect", exchange.Error{StatusCode: 302}, false},
		{"canceled", exchange.Error{Stage: exchange.StageExchange, Err: context.Canceled}, false},
		{"unknown host", exchange.Error{Stage: exchange.StageExchange, Err: &net.DNSError{IsNotFound: true}}, false},
		{"source does not say so", exchange.Error{Stage: exchange.StageSource, Err: refused}, false},
		{"nothing known", exchange.Error{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, tt.err.Retryable()) })
	}
}

func TestErrorUnwraps(t *testing.T) {
	err := fmt.Errorf("deploy: %w", &exchange.Error{Err: context.Canceled})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, "awssts: RoleARN: required", (&exchange.ConfigError{Package: "awssts", Field: "RoleARN", Problem: "required"}).Error())
}
