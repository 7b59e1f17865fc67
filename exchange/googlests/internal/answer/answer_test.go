package answer_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cioidc/cioidc/exchange/googlests/internal/answer"
)

func TestParseReadsBothShapes(t *testing.T) {
	foreign := func(text string) answer.Refusal { return answer.Refusal{Err: errors.New(text)} }
	html := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	tests := map[string]struct {
		body   string
		header http.Header
		want   answer.Refusal
	}{
		"OAuth":            {`{"error":"invalid_grant","error_description":"No."}`, nil, answer.Refusal{Code: "invalid_grant", Description: "No."}},
		"OAuth, code only": {`{"error":"invalid_grant"}`, nil, answer.Refusal{Code: "invalid_grant"}},
		"API":              {`{"error":{"code":403,"message":"No.","status":"PERMISSION_DENIED","details":[{}]}}`, nil, answer.Refusal{Code: "PERMISSION_DENIED", Description: "No."}},
		"API, no status":   {`{"error":{"code":401,"message":"No."}}`, nil, answer.Refusal{Description: "No."}},
		"empty error":      {`{"error":""}`, nil, foreign("the answer (of no known type) is not one of Google's errors: check the endpoint, and any proxy on the way")},
		"empty object":     {`{"error":{}}`, html, foreign("the answer (text/html) is not one of Google's errors: check the endpoint, and any proxy on the way")},
		"a list":           {`[{"error":"x"}]`, html, foreign("the answer (text/html) is not one of Google's errors: check the endpoint, and any proxy on the way")},
		"trailing data":    {`{"error":"x"} y`, html, foreign("the answer (text/html) is not one of Google's errors: check the endpoint, and any proxy on the way")},
		"text":             {"no", html, foreign("the answer (text/html) is not one of Google's errors: check the endpoint, and any proxy on the way")},
		"nothing":          {"", html, foreign("the answer is empty: check the endpoint, and any proxy on the way")},
		"control codes":    {`{"error":"x","error_description":"a\u001b[31mb\nc"}`, nil, answer.Refusal{Code: "x", Description: "a [31mb c"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tt.want, answer.Parse([]byte(tt.body), tt.header))
		})
	}
}

func TestMediaTypeIsCleaned(t *testing.T) {
	const secret = "A-Secret-Of-Some-Length"
	for kind, want := range map[string]string{
		"text/" + secret:                    "of no known type", // [redacted] is none
		"text/" + strings.Repeat("x", 5000): "text/" + strings.Repeat("x", 56) + "...",
	} {
		r := answer.Parse([]byte("x"), http.Header{"Content-Type": {kind}}, secret)
		assert.ErrorContains(t, r.Err, "the answer ("+want+") is not")
	}
}

func TestParseIsBounded(t *testing.T) {
	r := answer.Parse([]byte(`{"error":"`+strings.Repeat("c", 5000)+`","error_description":"`+strings.Repeat("é", 5000)+`"}`), nil)
	assert.Len(t, r.Code, 64)
	assert.LessOrEqual(t, len(r.Description), answer.MaxDescription)
	assert.True(t, strings.HasSuffix(r.Description, "é..."))
}

func TestScrubKeepsTheError(t *testing.T) {
	const secret = "a-secret-of-some-length"
	cause := errors.New("sent " + secret)
	err := answer.Scrub(cause, secret)
	assert.Equal(t, "sent [redacted]", err.Error())
	assert.ErrorIs(t, err, cause)
	assert.NoError(t, answer.Scrub(nil, secret))
	other := errors.New("other")
	assert.Same(t, other, answer.Scrub(other, secret))
}
