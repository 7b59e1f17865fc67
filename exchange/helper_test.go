package exchange_test

import (
	"encoding/base64"
	"encoding/json"
	"time"
)

// mint returns a token that says aud and exp. Its signature is nobody's: this
// package verifies none.
func mint(aud any, exp time.Time) string {
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	return part(map[string]any{"alg": "RS256", "kid": "k", "typ": "JWT"}) + "." +
		part(map[string]any{
			"iss": "https://gitlab.example.com", "sub": "project_path:g/p:ref_type:branch:ref:main",
			"aud": aud, "iat": exp.Add(-time.Hour).Unix(), "exp": exp.Unix(),
		}) + "." +
		base64.RawURLEncoding.EncodeToString([]byte("the signature of a token in a test"))
}
