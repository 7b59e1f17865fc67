package fakegoogle

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// ServiceAccount is an account that others can act as. Email is required.
type ServiceAccount struct {
	// Email names the account.
	Email string
	// Users are the members with roles/iam.workloadIdentityUser: they get
	// access tokens and ID tokens. See [Provider.Principal]; another account
	// is "serviceAccount:" and its email. Nil means nobody.
	Users []string
	// TokenCreators are the members with roles/iam.serviceAccountTokenCreator,
	// which also lets them sign. Nil means nobody.
	TokenCreators []string
	// ExtendedLifetime allows access tokens of up to 12 hours, as the
	// organization policy allowServiceAccountCredentialLifetimeExtension does.
	// False means one hour.
	ExtendedLifetime bool
}

const (
	accountLifetime         = time.Hour
	extendedAccountLifetime = 12 * time.Hour
	idTokenLifetime         = time.Hour
	accountPrefix           = "projects/-/serviceAccounts/"
	iamScope                = "https://www.googleapis.com/auth/iam"

	getAccessToken = "iam.serviceAccounts.getAccessToken"
	getOpenIDToken = "iam.serviceAccounts.getOpenIdToken"
	signBlob       = "iam.serviceAccounts.signBlob"
	signJWT        = "iam.serviceAccounts.signJwt"
)

// permits reports whether one of members has the permission on a.
func (a *ServiceAccount) permits(members []string, permission string) bool {
	if overlap(a.TokenCreators, members) {
		return true
	}
	return (permission == getAccessToken || permission == getOpenIDToken) && overlap(a.Users, members)
}

// accountRequest is the union of the four methods' request bodies.
type accountRequest struct {
	Delegates    []string `json:"delegates"`
	Scope        []string `json:"scope"`
	Lifetime     string   `json:"lifetime"`
	Audience     string   `json:"audience"`
	IncludeEmail bool     `json:"includeEmail"`
	Payload      string   `json:"payload"`
}

// serviceAccount is POST /v1/projects/-/serviceAccounts/{email}:{method}
// (iamcredentials/v1).
func (s *Server) serviceAccount(w http.ResponseWriter, r *http.Request) {
	call := unescape(r.PathValue("call"))
	email, method, _ := strings.Cut(call, ":")
	var (
		endpoint   Endpoint
		permission string
		answer     func(http.ResponseWriter, *ServiceAccount, *accountRequest)
	)
	switch method {
	case "generateAccessToken":
		endpoint, permission, answer = GenerateAccessToken, getAccessToken, s.generateAccessToken
	case "generateIdToken":
		endpoint, permission, answer = GenerateIDToken, getOpenIDToken, s.generateIDToken
	case "signBlob":
		endpoint, permission, answer = SignBlob, signBlob, s.signBlob
	case "signJwt":
		endpoint, permission, answer = SignJWT, signJWT, s.signJWT
	default:
		refuse(w, http.StatusNotFound, "NOT_FOUND", "Method not found.")
		return
	}
	s.counted(endpoint, func(w http.ResponseWriter, r *http.Request) {
		account, req, ok := s.authorize(w, r, email, permission)
		if ok {
			answer(w, account, req)
		}
	})(w, r)
}

// authorize checks the bearer, then every link from it over the delegates to
// the account.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request, email, permission string) (*ServiceAccount, *accountRequest, bool) {
	g, present := s.bearer(r)
	switch {
	case !present:
		refuse(w, http.StatusUnauthorized, "UNAUTHENTICATED", noCredential)
		return nil, nil, false
	case g == nil:
		refuse(w, http.StatusUnauthorized, "UNAUTHENTICATED", badCredential)
		return nil, nil, false
	case !g.scoped(iamScope):
		refuse(w, http.StatusForbidden, "PERMISSION_DENIED", insufficientScope, errorInfo("ACCESS_TOKEN_SCOPE_INSUFFICIENT", permission))
		return nil, nil, false
	}
	var req accountRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxForm)).Decode(&req); err != nil {
		refuse(w, http.StatusBadRequest, "INVALID_ARGUMENT", "Invalid JSON payload received.")
		return nil, nil, false
	}
	if r.PathValue("project") != "-" {
		refuse(w, http.StatusBadRequest, "INVALID_ARGUMENT", "The project in the resource name must be the wildcard \"-\".")
		return nil, nil, false
	}
	members := g.members
	var account *ServiceAccount
	for _, name := range append(slices.Clone(req.Delegates), accountPrefix+email) {
		short, ok := strings.CutPrefix(name, accountPrefix)
		if !ok {
			refuse(w, http.StatusBadRequest, "INVALID_ARGUMENT", "Invalid delegate: "+name)
			return nil, nil, false
		}
		account = s.accounts[short]
		need := permission
		if short != email {
			need = getAccessToken
		}
		if account == nil || !account.permits(members, need) {
			refuse(w, http.StatusForbidden, "PERMISSION_DENIED",
				fmt.Sprintf("Permission '%s' denied on resource (or it may not exist).", need),
				errorInfo("IAM_PERMISSION_DENIED", need))
			return nil, nil, false
		}
		members = []string{"serviceAccount:" + short}
	}
	return account, &req, true
}

func (s *Server) generateAccessToken(w http.ResponseWriter, a *ServiceAccount, req *accountRequest) {
	if len(req.Scope) == 0 {
		refuse(w, http.StatusBadRequest, "INVALID_ARGUMENT", "The request has no scope.")
		return
	}
	lifetime := accountLifetime
	if req.Lifetime != "" {
		var err error
		if lifetime, err = time.ParseDuration(req.Lifetime); err != nil || lifetime <= 0 || !strings.HasSuffix(req.Lifetime, "s") {
			refuse(w, http.StatusBadRequest, "INVALID_ARGUMENT", "Invalid value at 'lifetime'.")
			return
		}
	}
	limit := accountLifetime
	if a.ExtendedLifetime {
		limit = extendedAccountLifetime
	}
	if lifetime > limit {
		refuse(w, http.StatusBadRequest, "INVALID_ARGUMENT", fmt.Sprintf("The access token lifetime cannot exceed %d seconds.", limit/time.Second))
		return
	}
	now := s.now()
	g := &grant{
		principal: a.Email,
		members:   []string{"serviceAccount:" + a.Email},
		scopes:    req.Scope,
		issued:    now,
		expires:   now.Add(lifetime),
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"accessToken": s.grants.issue("ya29.c.", g),
		"expireTime":  g.expires.UTC().Format(time.RFC3339),
	})
}

func (s *Server) generateIDToken(w http.ResponseWriter, a *ServiceAccount, req *accountRequest) {
	if req.Audience == "" {
		refuse(w, http.StatusBadRequest, "INVALID_ARGUMENT", "The request has no audience.")
		return
	}
	now := s.now()
	claims := map[string]any{
		"iss": s.issuer,
		"aud": req.Audience,
		"azp": uniqueID(a.Email),
		"sub": uniqueID(a.Email),
		"iat": now.Unix(),
		"exp": now.Add(idTokenLifetime).Unix(),
	}
	if req.IncludeEmail {
		claims["email"], claims["email_verified"] = a.Email, true
	}
	payload, err := json.Marshal(claims)
	s.signed(w, googleKey, payload, err, func(_, jwt string) any { return map[string]string{"token": jwt} })
}

func (s *Server) signJWT(w http.ResponseWriter, a *ServiceAccount, req *accountRequest) {
	var claims struct {
		Expires *json.Number `json:"exp"`
	}
	if err := json.Unmarshal([]byte(req.Payload), &claims); err != nil {
		refuse(w, http.StatusBadRequest, "INVALID_ARGUMENT", "The payload is not a JSON object.")
		return
	}
	if claims.Expires != nil {
		exp, err := claims.Expires.Int64()
		if err != nil || exp > s.now().Add(12*time.Hour).Unix() {
			refuse(w, http.StatusBadRequest, "INVALID_ARGUMENT", "The exp claim must not be more than 12 hours ahead.")
			return
		}
	}
	s.signed(w, a.Email, []byte(req.Payload), nil, func(kid, jwt string) any {
		return map[string]string{"keyId": kid, "signedJwt": jwt}
	})
}

func (s *Server) signBlob(w http.ResponseWriter, a *ServiceAccount, req *accountRequest) {
	blob, err := base64.StdEncoding.DecodeString(req.Payload)
	if err != nil {
		refuse(w, http.StatusBadRequest, "INVALID_ARGUMENT", "The payload is not base64.")
		return
	}
	key, err := s.keys.key(a.Email)
	if err == nil {
		var signature []byte
		if signature, err = key.sign(blob); err == nil {
			writeJSON(w, http.StatusOK, map[string]string{
				"keyId":      key.id,
				"signedBlob": base64.StdEncoding.EncodeToString(signature),
			})
			return
		}
	}
	refuse(w, http.StatusInternalServerError, "INTERNAL", err.Error())
}

// signed answers with a JWT that the owner's key signs.
func (s *Server) signed(w http.ResponseWriter, owner string, payload []byte, err error, body func(kid, jwt string) any) {
	var jwt string
	key, keyErr := s.keys.key(owner)
	if err == nil {
		err = keyErr
	}
	if err == nil {
		jwt, err = key.jwt(payload)
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, "INTERNAL", err.Error())
		return
	}
	writeJSON(w, http.StatusOK, body(key.id, jwt))
}
