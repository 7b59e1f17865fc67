package oauth

import (
	"errors"
	"mime"
	"net/http"
	"regexp"
	"strings"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/reply"
	"github.com/cioidc/cioidc/internal/safetext"
)

const (
	// maxCode and maxKind are the lengths, in bytes, at which a code and a media
	// type are cut.
	maxCode = 64
	maxKind = 64
	// maxDescription is the length at which a description is cut for finding
	// the cause; what goes into an error is cut again.
	maxDescription = 1024
)

// places are where endpoints put a refusal's code and text, in the order in
// which they are tried.
var places = struct{ code, text []string }{
	code: []string{
		"error",                         // RFC 6749 section 5.2
		"errors.0.code", "errors.0.key", // PyPI
		"error_code", "error.code", "error.status", // Databricks; Google-like APIs
		"code",
	},
	text: []string{
		"error_description",                                                       // RFC 6749 section 5.2
		"errors.0.description", "errors.0.message", "errors.0.detail", "errors.0", // PyPI; JFrog; Vault
		"message", // npm, Databricks
		"error.message", "detail", "errorSummary",
	},
}

// azureCode begins the description of each of Entra's errors, whose own code is
// one and the same for most of them.
var azureCode = regexp.MustCompile(`^AADSTS[0-9]{4,8}\b`)

// invalidGrant is what RFC 6749, section 5.2, says of the code invalid_grant.
// Servers on ory/fosite send it whole before they say what is wrong, which it
// would push out of what an error shows.
const invalidGrant = "The provided authorization grant (e.g., authorization code, resource owner credentials) or refresh token is invalid, expired, revoked, " +
	"does not match the redirection URI used in the authorization request, or was issued to another client."

// refusal returns the error for an answer that is not a success.
func (x *exchanger) refusal(body []byte, header http.Header, status int, secrets []string, said *peek.Token) error {
	e := &exchange.Error{Service: x.service, Stage: exchange.StageExchange, StatusCode: status}
	var members map[string]any
	if reply.Object(body, &members) == nil {
		e.Code = reply.Text(first(members, x.Response.ErrorPath, places.code), maxCode, secrets...)
		e.Description = reply.Text(first(members, x.Response.MessagePath, places.text), maxDescription, secrets...)
		e.RequestID = reply.Text(lookupText(members, "trace_id"), maxCode, secrets...) // Entra
	}
	if e.RequestID == "" {
		e.RequestID = reply.Text(header.Get("X-Request-Id"), maxCode, secrets...)
	}
	if code := azureCode.FindString(e.Description); code != "" {
		e.Code = code
		// What follows is for the support, and RequestID has it.
		e.Description, _, _ = strings.Cut(e.Description, " Trace ID:")
	}
	if hint := strings.TrimSpace(strings.TrimPrefix(e.Description, invalidGrant)); hint != "" {
		e.Description = hint
	}
	e.Causes = x.causes(e, said, header)
	x.explainOkta(e, header, secrets)
	e.Description = safetext.Cut(e.Description)
	switch {
	case status >= 300 && status <= 399:
		e.Err = errors.New("the token endpoint redirects elsewhere: set TokenURL to where the token may go")
	case e.Code == "" && e.Description == "":
		e.Err = unknown(body, header, secrets)
	}
	return e
}

// first returns what is at path, or at the first of places if path is empty.
func first(members map[string]any, path string, places []string) string {
	if path != "" {
		return lookupText(members, path)
	}
	for _, p := range places {
		if text := lookupText(members, p); text != "" {
			return text
		}
	}
	return ""
}

// unknown describes an answer that is no error of a known shape, and does not
// repeat it.
func unknown(body []byte, header http.Header, secrets []string) error {
	const advice = ": check TokenURL, and any proxy on the way"
	if len(body) == 0 {
		return errors.New("the answer is empty" + advice)
	}
	// Scrubbed first: parsing makes it lower case, in which a secret is not found.
	kind, _, err := mime.ParseMediaType(reply.Text(header.Get("Content-Type"), maxDescription, secrets...))
	if err != nil {
		kind = "of no known type"
	}
	return errors.New("the answer (" + reply.Text(kind, maxKind) + ") is not an error of a known shape" + advice)
}
