package oauth_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
)

func TestEndOfTheToken(t *testing.T) {
	for name, tt := range map[string]struct {
		member string // of the answer
		token  string // empty: an opaque one
		want   time.Time
		words  string // of the error; empty: none
	}{
		"seconds":               {`"end":90`, "", begin.Add(90 * time.Second), ""},
		"fraction":              {`"end":1.5`, "", begin.Add(1500 * time.Millisecond), ""},
		"seconds in quotes":     {`"end":"3599"`, "", begin.Add(3599 * time.Second), ""},
		"Unix time":             {`"end":1767225600`, "", time.Unix(1767225600, 0), ""},
		"RFC 3339":              {`"end":"2026-01-01T00:00:00.000Z"`, "", time.Unix(1767225600, 0), ""},
		"absent":                {`"other":1`, "", time.Time{}, ""},
		"absent, JWT":           {`"other":1`, aJWT, time.Unix(946692000, 0), ""},
		"null":                  {`"end":null`, "", time.Time{}, ""},
		"zero":                  {`"end":0`, "", time.Time{}, ""},
		"negative":              {`"end":-1`, "", time.Time{}, "has no usable end"},
		"21 years":              {`"end":700000000`, "", time.Time{}, "has no usable end"},
		"milliseconds of Unix":  {`"end":1767225600000`, "", time.Time{}, "has no usable end"},
		"huge":                  {`"end":1e300`, "", time.Time{}, "has no usable end"},
		"huger than any number": {`"end":1e999`, "", time.Time{}, "has no usable end"},
		"words":                 {`"end":"soon"`, "", time.Time{}, "has no usable end"},
		"not a number":          {`"end":"NaN"`, "", time.Time{}, "has no usable end"},
		"object":                {`"end":{}`, "", time.Time{}, "has no usable end"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				token := tt.token
				if token == "" {
					token = minted
				}
				e := answering(200, `{"access_token":"`+token+`",`+tt.member+`}`)
				cfg := config(&fixed{}, e)
				cfg.Response.ExpiresPath = "end"
				if tt.words != "" {
					failed := fail(t, cfg, nil)
					assert.ErrorContains(t, failed, tt.words)
					assert.Equal(t, 200, failed.StatusCode)
					assert.Equal(t, 1, e.count())
					return
				}
				got, err := cfg.Token(t.Context())
				require.NoError(t, err)
				assert.True(t, tt.want.Equal(got.Expiry), "%v", got.Expiry)
			})
		})
	}
}

func TestUnusableAnswers(t *testing.T) {
	for name, tt := range map[string]struct{ body, words string }{
		"empty":               {``, "not a JSON object"},
		"text":                {`token`, "not a JSON object"},
		"list":                {`["` + minted + `"]`, "not a JSON object"},
		"cut":                 {`{"access_token":"` + minted, "not the JSON object expected"},
		"two":                 {success + success, "data after the JSON object"},
		"no token":            {`{"token_type":"Bearer"}`, "has no access_token"},
		"empty token":         {`{"access_token":""}`, "has no access_token"},
		"a number":            {`{"access_token":7}`, "has no access_token"},
		"null":                {`{"access_token":null}`, "has no access_token"},
		"a line break":        {`{"access_token":"` + minted + `\r\nX: y"}`, "cannot be a token"},
		"beyond ASCII":        {`{"access_token":"` + minted + `é"}`, "cannot be a token"},
		"token_type of a lie": {`{"access_token":"` + minted + `","token_type":"Bearer\r\nX"}`, "token_type that is none"},
	} {
		t.Run(name, func(t *testing.T) {
			e := answering(200, tt.body)
			failed := fail(t, config(&fixed{}, e), nil)
			assert.Equal(t, exchange.StageExchange, failed.Stage)
			assert.ErrorContains(t, failed, tt.words)
			assert.Equal(t, 1, e.count())
			assert.False(t, failed.Retryable())
		})
	}
}

func TestPaths(t *testing.T) {
	const answer = `{"a":{"b":[{"t":"zero"},{"t":"one"}],"c":"` + minted + `"},"t":"top"}`
	for path, want := range map[string]string{
		"t": "top", "a.c": minted, "a.b.0.t": "zero", "a.b.1.t": "one",
		"a": "", "a.b": "", "a.b.2.t": "", "a.b.-1.t": "", "a.b.x.t": "", "a.b.01.t": "one", "t.x": "", "none": "",
	} {
		cfg := config(&fixed{}, answering(200, answer))
		cfg.Response.TokenPath = path
		got, err := cfg.Token(t.Context())
		if want == "" {
			assert.ErrorContains(t, err, "has no "+path)
			continue
		}
		require.NoError(t, err, path)
		assert.Equal(t, want, got.AccessToken)
	}
}

func TestTokenType(t *testing.T) {
	for answer, want := range map[string]string{
		`"token_type":"bearer"`: "Bearer",
		`"token_type":"BEARER"`: "Bearer",
		`"token_type":"N_A"`:    "N_A",
		`"token_type":"DPoP"`:   "DPoP",
		`"token_type":null`:     "Bearer",
		`"x":1`:                 "Bearer",
	} {
		got, err := config(&fixed{}, answering(200, `{"access_token":"`+minted+`",`+answer+`}`)).Token(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, got.TokenType, answer)
	}
}

func TestRefreshTokenIsLeftOut(t *testing.T) {
	got, err := config(&fixed{}, answering(200, `{"access_token":"`+minted+`","refresh_token":"r"}`)).Token(t.Context())
	require.NoError(t, err)
	assert.Empty(t, got.RefreshToken)
	assert.Equal(t, "r", got.Extra("refresh_token"))
}
