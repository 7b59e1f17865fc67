package fakegoogle

import (
	"encoding/json"
	"net/http"
)

// oauthError is the error body of the Security Token Service (RFC 6749,
// section 5.2).
type oauthError struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (e *oauthError) write(w http.ResponseWriter) { writeJSON(w, http.StatusBadRequest, e) }

// Texts that more than one endpoint answers with.
const (
	noCredential      = "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
	badCredential     = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
	insufficientScope = "Request had insufficient authentication scopes."
)

// refuse writes the error body of Google's APIs (google.rpc.Status in JSON).
func refuse(w http.ResponseWriter, status int, code, message string, details ...any) {
	body := map[string]any{"code": status, "message": message, "status": code}
	if len(details) > 0 {
		body["details"] = details
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://accounts.google.com/"`)
	}
	writeJSON(w, status, map[string]any{"error": body})
}

// errorInfo is the detail that names the permission that is missing.
func errorInfo(reason, permission string) map[string]any {
	return map[string]any{
		"@type":    "type.googleapis.com/google.rpc.ErrorInfo",
		"reason":   reason,
		"domain":   "iam.googleapis.com",
		"metadata": map[string]string{"permission": permission},
	}
}

// refuseStorage writes the older error body, which Cloud Storage has kept.
func refuseStorage(w http.ResponseWriter, status int, reason, message string) {
	item := map[string]any{"message": message, "domain": "global", "reason": reason}
	if status == http.StatusUnauthorized {
		item["locationType"], item["location"] = "header", "Authorization"
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://accounts.google.com/"`)
	}
	writeJSON(w, status, map[string]any{"error": map[string]any{
		"code": status, "message": message, "errors": []any{item},
	}})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone; nobody to tell
}
