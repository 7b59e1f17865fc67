package ciplatform_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"time"
)

// start is the time of every test.
var start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func clock() time.Time { return start }

// jwt returns a compact token with these claims. Its signature is no signature:
// nothing in this package looks at it.
func jwt(claims map[string]any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"kid":"test-key","typ":"JWT","alg":"RS256"}`)) + "." + part(payload) + "." + part([]byte("no signature, but as long as one would be"))
}

// with returns a copy of claims with these changes; nil takes a claim away.
func with(claims, changes map[string]any) map[string]any {
	claims = maps.Clone(claims)
	for name, value := range changes {
		if value == nil {
			delete(claims, name)
		} else {
			claims[name] = value
		}
	}
	return claims
}

const orgID = "8a3c6a7e-0f25-4a5e-9d6a-2f1f5f1f6b01"

// circleJWT returns a token as CircleCI makes them, valid for an hour.
func circleJWT(aud any, changes map[string]any) string {
	return jwt(with(map[string]any{
		"iss":                          "https://oidc.circleci.com/org/" + orgID,
		"sub":                          "org/" + orgID + "/project/2f0c3b6e-59b5-4b3c-8b1a-3f7d4a0f5c02/user/6d9ad2ce-8f15-4c36-9b55-3d1d8b2b7e03",
		"aud":                          aud,
		"iat":                          start.Unix(),
		"exp":                          start.Add(time.Hour).Unix(),
		"oidc.circleci.com/org-id":     orgID,
		"oidc.circleci.com/project-id": "2f0c3b6e-59b5-4b3c-8b1a-3f7d4a0f5c02",
		"oidc.circleci.com/ssh-rerun":  false,
	}, changes))
}

// gitLabJWT returns a token as GitLab makes them for job 4242, valid for an hour.
func gitLabJWT(aud any, changes map[string]any) string {
	return jwt(with(map[string]any{
		"iss":         "https://gitlab.example.com",
		"sub":         "project_path:acme/shop:ref_type:branch:ref:main",
		"aud":         aud,
		"iat":         start.Unix(),
		"nbf":         start.Add(-5 * time.Second).Unix(),
		"exp":         start.Add(time.Hour).Unix(),
		"jti":         "d2f3a1b0-0a3e-4a3f-8c58-0d8b7a9f7c10",
		"project_id":  "77",
		"pipeline_id": "990",
		"job_id":      "4242",
	}, changes))
}

// in returns a LookupEnv for this environment.
func in(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}
}

// environ returns an Environ for this environment.
func environ(env map[string]string) func() []string {
	return func() []string {
		var pairs []string
		for name, value := range env {
			pairs = append(pairs, name+"="+value)
		}
		return pairs
	}
}
