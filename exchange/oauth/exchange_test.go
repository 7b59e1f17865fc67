package oauth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/oauth"
)

// clean looks for secrets in every form of an error.
func clean(t *testing.T, failed *exchange.Error, s *source) {
	t.Helper()
	for _, text := range []string{failed.Error(), fmt.Sprintf("%+v", failed), failed.LogValue().String(), fmt.Sprintf("%q", failed), failed.Code, failed.Description, failed.RequestID} {
		text = strings.ToLower(text)
		assert.NotContains(t, text, minted)
		assert.NotContains(t, text, secret)
		if s != nil {
			for _, raw := range s.tokens {
				for i := 0; i+16 <= len(raw); i += 8 {
					require.NotContains(t, text, strings.ToLower(raw[i:i+16]))
				}
			}
		}
	}
}

func TestTokenExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, e := newSource(t), answering(http.StatusOK, `{"access_token":"`+minted+`","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"bearer","expires_in":3600,"scope":"a"}`)
		cfg := config(s, e)
		cfg.Audiences, cfg.Resources, cfg.Scopes = []string{"a1", "a2"}, []string{"https://r1", "https://r2"}, []string{"read", "write"}
		got, err := cfg.Token(t.Context())
		require.NoError(t, err)
		assert.Equal(t, minted, got.AccessToken)
		assert.Equal(t, "Bearer", got.TokenType)
		assert.Equal(t, time.Now().Add(time.Hour), got.Expiry)
		assert.Empty(t, got.RefreshToken)
		assert.Equal(t, "urn:ietf:params:oauth:token-type:access_token", got.Extra("issued_token_type"))

		require.Equal(t, 1, e.count())
		assert.Equal(t, []string{audience}, s.audiences)
		r := e.requests[0]
		assert.Equal(t, "POST https://sts.example/token", r.Method+" "+r.URL.String())
		assert.Equal(t, "application/x-www-form-urlencoded", r.Header.Get("Content-Type"))
		assert.Equal(t, "application/json", r.Header.Get("Accept"))
		assert.Empty(t, r.Header.Get("Authorization"))
		form, err := url.ParseQuery(e.bodies[0])
		require.NoError(t, err)
		assert.Equal(t, url.Values{
			"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
			"subject_token":      {s.last()},
			"subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"},
			"audience":           {"a1", "a2"},
			"resource":           {"https://r1", "https://r2"},
			"scope":              {"read write"},
		}, form)
	})
}

func TestClientCredentialsWithAnAssertion(t *testing.T) {
	e := answering(http.StatusOK, success)
	const assertion = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJjbGllbnQifQ.c2lnbmF0dXJl"
	cfg := oauth.Config{
		TokenURL: tokenURL, Grant: oauth.ClientCredentials, ClientID: "client", Scopes: []string{"a"}, HTTPClient: e.client(),
		ClientAssertion: func(context.Context) (string, error) { return assertion, nil },
	}
	got, err := cfg.Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, minted, got.AccessToken)
	assert.Equal(t, []string{"client_assertion=" + assertion + "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_id=client&grant_type=client_credentials&scope=a"}, e.bodies)
}
