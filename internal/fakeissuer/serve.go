package fakeissuer

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// gitLabKeysCache is what GitLab answers requests for its keys with: they may
// be cached for a day (app/controllers/jwks_controller.rb).
const gitLabKeysCache = "public, must-revalidate, no-transform, max-age=86400"

// DiscoveryURL returns the address of the discovery document. A trailing slash
// of the issuer is not doubled (OpenID Connect Discovery 1.0, section 4.1).
func (i *Issuer) DiscoveryURL() string { return i.base + "/.well-known/openid-configuration" }

// KeysURL returns the address of the key set: where GitLab and CircleCI have
// it, below the issuer URL.
func (i *Issuer) KeysURL() string { return i.base + i.keysPath() }

func (i *Issuer) keysPath() string {
	if i.platform == CircleCIPlatform {
		return "/.well-known/jwks-pub.json"
	}
	return "/oauth/discovery/keys"
}

// ServeHTTP serves the discovery document and the keys, below the path of the
// issuer URL, to any host. Everything else is not found.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, below := strings.CutPrefix(r.URL.Path, strings.TrimSuffix(i.url.Path, "/"))
	i.requests.Add(1)
	if below && path == i.keysPath() {
		i.fetches.Add(1)
	}

	i.mu.Lock()
	misbehave, status := i.misbehave, i.status
	i.mu.Unlock()
	if misbehave != nil && misbehave(w, r) {
		return
	}
	if status != 0 {
		http.Error(w, http.StatusText(status), status)
		return
	}

	var body []byte
	var err error
	switch {
	case below && path == "/.well-known/openid-configuration":
		body, err = i.Discovery()
	case below && path == i.keysPath():
		body, err = i.JWKS()
		if i.platform == GitLabPlatform {
			setDefault(w.Header(), "Cache-Control", gitLabKeysCache)
		}
	default:
		http.NotFound(w, r)
		return
	}
	if err != nil { // closed, or the system has no randomness
		w.Header().Del("Cache-Control")
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	setDefault(w.Header(), "Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(body) // a client that went away is its own affair
}

func setDefault(h http.Header, name, value string) {
	if h.Get(name) == "" {
		h.Set(name, value)
	}
}

// JWKS returns the key set that is served now. Its error is [ErrClosed], or
// one of making a key.
func (i *Issuer) JWKS() ([]byte, error) {
	keys, err := i.published()
	if err != nil {
		return nil, err
	}
	set := struct {
		Keys []any `json:"keys"`
	}{Keys: make([]any, 0, len(keys))}
	for _, k := range keys {
		j := k.jwk
		if i.x5c {
			der, err := k.cert()
			if err != nil {
				return nil, err
			}
			// Not base64url: RFC 7517, section 4.7.
			j.X5C = []string{base64.StdEncoding.EncodeToString(der)}
		}
		set.Keys = append(set.Keys, j)
	}
	i.mu.Lock()
	for _, j := range i.extra {
		set.Keys = append(set.Keys, j)
	}
	i.mu.Unlock()
	return marshal(set)
}

// Discovery returns the discovery document. GitLab's describes logins: it
// names no claim of a job token.
func (i *Issuer) Discovery() ([]byte, error) {
	if i.platform == CircleCIPlatform {
		return marshal(circleCIDiscovery{
			Claims:        []string{"sub", "aud", "exp", "iat", "iss", "jti", circleCIPrefix + "project-id", circleCIPrefix + "context-ids"},
			Algorithms:    []string{i.algorithm},
			Issuer:        i.raw,
			KeysURL:       i.KeysURL(),
			ResponseTypes: []string{"id_token"},
			Scopes:        []string{"openid"},
			SubjectTypes:  []string{"public", "pairwise"},
		})
	}
	return marshal(gitLabDiscovery{
		Issuer:        i.raw,
		Authorization: i.base + "/oauth/authorize",
		Token:         i.base + "/oauth/token",
		Revocation:    i.base + "/oauth/revoke",
		Introspection: i.base + "/oauth/introspect",
		UserInfo:      i.base + "/oauth/userinfo",
		KeysURL:       i.KeysURL(),
		Scopes:        []string{"api", "read_api", "read_user", "read_repository", "openid", "profile", "email"},
		ResponseTypes: []string{"code"},
		ResponseModes: []string{"query", "fragment", "form_post"},
		GrantTypes:    []string{"authorization_code", "password", "client_credentials", "device_code", "refresh_token"},
		TokenAuth:     []string{"client_secret_basic", "client_secret_post"},
		SubjectTypes:  []string{"public"},
		Algorithms:    []string{i.algorithm},
		ClaimTypes:    []string{"normal"},
		Claims:        loginOrder,
		CodeChallenge: []string{"plain", "S256"},
	})
}

type gitLabDiscovery struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Revocation    string   `json:"revocation_endpoint"`
	Introspection string   `json:"introspection_endpoint"`
	UserInfo      string   `json:"userinfo_endpoint"`
	KeysURL       string   `json:"jwks_uri"`
	Scopes        []string `json:"scopes_supported"`
	ResponseTypes []string `json:"response_types_supported"`
	ResponseModes []string `json:"response_modes_supported"`
	GrantTypes    []string `json:"grant_types_supported"`
	TokenAuth     []string `json:"token_endpoint_auth_methods_supported"`
	SubjectTypes  []string `json:"subject_types_supported"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
	ClaimTypes    []string `json:"claim_types_supported"`
	Claims        []string `json:"claims_supported"`
	CodeChallenge []string `json:"code_challenge_methods_supported"`
}

type circleCIDiscovery struct {
	Claims        []string `json:"claims_supported"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
	Issuer        string   `json:"issuer"`
	KeysURL       string   `json:"jwks_uri"`
	ResponseTypes []string `json:"response_types_supported"`
	Scopes        []string `json:"scopes_supported"`
	SubjectTypes  []string `json:"subject_types_supported"`
}

// marshal is [json.Marshal] without the escapes that are for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
