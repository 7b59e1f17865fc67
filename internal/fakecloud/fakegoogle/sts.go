package fakegoogle

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cioidc/cioidc/internal/fakecloud/relyingparty"
)

const (
	grantExchange   = "urn:ietf:params:oauth:grant-type:token-exchange"
	typeAccessToken = "urn:ietf:params:oauth:token-type:access_token"
	typeJWT         = "urn:ietf:params:oauth:token-type:jwt"
	typeIDToken     = "urn:ietf:params:oauth:token-type:id_token"

	federatedLifetime = time.Hour
	maxTokenLifetime  = 24 * time.Hour
	maxForm           = 1 << 20
)

// token is POST /v1/token (sts/v1, RFC 8693).
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if !parseForm(w, r) {
		return
	}
	g, refusal := s.exchange(r)
	if refusal != nil {
		refusal.write(w)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token":      s.grants.issue("ya29.d.", g),
		"issued_token_type": typeAccessToken,
		"token_type":        "Bearer",
		"expires_in":        int(federatedLifetime / time.Second),
	})
}

func (s *Server) exchange(r *http.Request) (*grant, *oauthError) {
	form := r.PostForm
	if got := form.Get("grant_type"); got != grantExchange {
		return nil, &oauthError{"unsupported_grant_type", "Invalid value for \"grant_type\"."}
	}
	if got := form.Get("requested_token_type"); got != typeAccessToken {
		return nil, &oauthError{"invalid_request", "Invalid value for \"requested_token_type\"."}
	}
	if got := form.Get("subject_token_type"); got != typeJWT && got != typeIDToken {
		return nil, &oauthError{"invalid_request", "Invalid value for \"subject_token_type\"."}
	}
	audience := form.Get("audience")
	if !looseName.MatchString(audience) {
		return nil, &oauthError{"invalid_request", "Invalid value for \"audience\". This value should be the full resource name of the Identity Provider. See https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token for the list of possible formats."}
	}
	// A project ID in the number's place is well formed and names nothing.
	p := s.providers[audience]
	if p == nil || p.Disabled {
		return nil, &oauthError{"invalid_target", "The target service indicated by the \"audience\" parameters is invalid. This might either be because the pool or provider is disabled or deleted or because it doesn't exist."}
	}
	scopes := strings.Fields(form.Get("scope"))
	if len(scopes) == 0 {
		return nil, &oauthError{"invalid_scope", "Invalid value for \"scope\"."}
	}
	claims, refusal := s.verify(r, p, form.Get("subject_token"))
	if refusal != nil {
		return nil, refusal
	}
	g, refusal := p.identity(claims)
	if refusal != nil {
		return nil, refusal
	}
	g.scopes = scopes
	g.issued = s.now()
	g.expires = g.issued.Add(federatedLifetime)
	return g, nil
}

// verify checks the CI token: issuer first, so that only an expected issuer is
// ever connected to.
func (s *Server) verify(r *http.Request, p *Provider, raw string) (map[string]any, *oauthError) {
	unverified, err := relyingparty.Unverified(raw)
	if err != nil || keyID(raw) == "" {
		return nil, &oauthError{"invalid_grant", "Unable to parse the provided JWT."}
	}
	if iss, _ := unverified["iss"].(string); iss != p.IssuerURI {
		return nil, &oauthError{"invalid_grant", fmt.Sprintf("The issuer in ID Token %s does not match the expected ones: %s", iss, p.IssuerURI)}
	}
	issued, hasIssued := unixTime(unverified, "iat")
	claims, err := s.party.Verify(r.Context(), raw)
	var refused *relyingparty.Error
	if errors.As(err, &refused) {
		switch refused.Kind {
		case relyingparty.KindKeys:
			return nil, &oauthError{"invalid_grant", "Error connecting to the given credential's issuer."}
		case relyingparty.KindExpired:
			return nil, stale(issued)
		case relyingparty.KindNotYet:
			return nil, &oauthError{"invalid_grant", fmt.Sprintf("ID Token issued at %d is not valid yet.", issued.Unix())}
		case relyingparty.KindSignature:
			return nil, &oauthError{"invalid_grant", "The signature of the ID Token is not valid."}
		case relyingparty.KindClaim:
			return nil, &oauthError{"invalid_grant", "The ID Token has no valid " + refused.Claim + " claim."}
		}
	}
	if err != nil {
		return nil, &oauthError{"invalid_grant", "Unable to parse the provided JWT."}
	}
	expires, _ := unixTime(claims, "exp")
	if !hasIssued {
		return nil, &oauthError{"invalid_grant", "The ID Token has no valid iat claim."}
	}
	if expires.Sub(issued) > maxTokenLifetime {
		return nil, &oauthError{"invalid_grant", "The ID Token is valid for more than 24 hours."}
	}
	aud := audienceOf(claims)
	if !overlap(aud, p.audiences()) {
		text := fmt.Sprintf("The audience in ID Token [%s] does not match the expected audience", strings.Join(aud, ", "))
		if len(p.AllowedAudiences) == 1 {
			text += " " + p.AllowedAudiences[0]
		}
		return nil, &oauthError{"invalid_grant", text + "."}
	}
	return claims, nil
}

func stale(issued time.Time) *oauthError {
	return &oauthError{"invalid_grant", fmt.Sprintf("ID Token issued at %d is stale to sign-in.", issued.Unix())}
}

func unixTime(claims map[string]any, name string) (time.Time, bool) {
	var text string
	switch v := claims[name].(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return time.Unix(n, 0), err == nil
}

// keyID returns the kid of a JWT, which Google demands.
func keyID(raw string) string {
	head, _, _ := strings.Cut(raw, ".")
	var header struct {
		KeyID string `json:"kid"`
	}
	if data, err := base64.RawURLEncoding.DecodeString(head); err == nil {
		_ = json.Unmarshal(data, &header) // empty if it is no header
	}
	return header.KeyID
}

// introspect is POST /v1/introspect (RFC 7662), with which gcloud learns whom
// it acts for.
func (s *Server) introspect(w http.ResponseWriter, r *http.Request) {
	if !parseForm(w, r) {
		return
	}
	g := s.grants.find(r.PostForm.Get("token"), s.now())
	if g == nil {
		writeJSON(w, http.StatusOK, map[string]any{"active": false})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"active":   true,
		"scope":    strings.Join(g.scopes, " "),
		"username": g.principal,
		"sub":      g.principal,
		"iss":      "https://sts.googleapis.com/",
		"iat":      g.issued.Unix(),
		"exp":      g.expires.Unix(),
	})
}

// parseForm reads a form body. Parameters in the URL do not count: a token
// must not travel there.
func parseForm(w http.ResponseWriter, r *http.Request) bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if kind != "application/x-www-form-urlencoded" || r.ParseForm() != nil {
		(&oauthError{"invalid_request", "The request body is not a form."}).write(w)
		return false
	}
	return true
}
