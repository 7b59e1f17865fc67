package oauth

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
)

const (
	grantTokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	grantJWTBearer     = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	typeJWT            = "urn:ietf:params:oauth:token-type:jwt"
	assertionTypeJWT   = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// tokenField returns the name of the parameter that holds the CI token; empty
// if it goes into the header.
func (c Config) tokenField() string {
	switch {
	case c.Request.Bearer:
		return ""
	case c.Request.TokenField != "":
		return c.Request.TokenField
	case c.Grant == JWTBearer:
		return "assertion"
	case c.Grant == ClientCredentials:
		return "client_assertion"
	}
	return "subject_token"
}

// params returns the parameters of the request. assertion is empty where the
// client has none beside the token.
func (c Config) params(token, assertion string) url.Values {
	p := url.Values{}
	switch c.Grant {
	case TokenExchange:
		p.Set("grant_type", grantTokenExchange)
		p.Set("subject_token_type", typeJWT)
	case JWTBearer:
		p.Set("grant_type", grantJWTBearer)
	case ClientCredentials:
		p.Set("grant_type", "client_credentials")
		p.Set("client_assertion_type", assertionTypeJWT)
	}
	add := func(name string, values ...string) {
		if len(values) > 0 {
			p[name] = values
		}
	}
	add("audience", c.Audiences...)
	add("resource", c.Resources...)
	if len(c.Scopes) > 0 {
		add("scope", strings.Join(c.Scopes, " "))
	}
	if c.ClientID != "" && c.ClientAuth != ClientAuthBasic {
		add("client_id", c.ClientID)
	}
	if c.ClientAuth == ClientAuthPost {
		add("client_secret", c.ClientSecret)
	}
	if assertion != "" {
		add("client_assertion_type", assertionTypeJWT)
		add("client_assertion", assertion)
	}
	for name, values := range c.Request.Params {
		p[name] = values
	}
	if field := c.tokenField(); field != "" {
		p.Set(field, token)
	}
	return p
}

// request returns the request that presents token.
func (c Config) request(ctx context.Context, token, assertion string) (*http.Request, error) {
	body, kind, err := c.body(token, assertion)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.TokenURL, body)
	if err != nil {
		return nil, errors.New("the request cannot be made: TokenURL is not a URL")
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("Accept", "application/json")
	switch {
	case c.Request.Bearer:
		req.Header.Set("Authorization", "Bearer "+token)
	case c.ClientAuth == ClientAuthBasic:
		req.Header.Set("Authorization", "Basic "+c.basic())
	}
	return req, nil
}

// basic returns the credentials of RFC 6749, section 2.3.1: both encoded as in
// a form, then as for Basic.
func (c Config) basic() string {
	return base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(c.ClientID) + ":" + url.QueryEscape(c.ClientSecret)))
}

func (c Config) body(token, assertion string) (io.Reader, string, error) {
	switch c.Request.Body {
	case Empty:
		return http.NoBody, "", nil
	case JSON:
		members := map[string]any{}
		for name, values := range c.params(token, assertion) {
			if len(values) == 1 {
				members[name] = values[0]
			} else {
				members[name] = values
			}
		}
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(members); err != nil {
			return nil, "", errors.New("the request cannot be encoded")
		}
		return bytes.NewReader(bytes.TrimSpace(b.Bytes())), "application/json", nil
	}
	return strings.NewReader(c.params(token, assertion).Encode()), "application/x-www-form-urlencoded", nil
}

// secrets are what an answer may repeat and nobody else may see.
func (c Config) secrets(token, assertion string) []string {
	var all []string
	for _, s := range []string{token, assertion, c.ClientSecret} {
		if s != "" {
			all = append(all, s)
			if escaped := url.QueryEscape(s); escaped != s {
				all = append(all, escaped)
			}
		}
	}
	if c.ClientAuth == ClientAuthBasic {
		all = append(all, c.basic())
	}
	return all
}
