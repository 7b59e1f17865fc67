// Package answer reads what Google's endpoints answer when they refuse.
//
// There are two shapes, and which one arrives depends on the endpoint and on
// what stands before it: the OAuth 2.0 one ({"error": "code"}) and that of
// Google's APIs ({"error": {"code", "message", "status"}}). What is neither,
// such as a proxy's page, is described and not repeated.
package answer

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"

	"github.com/cioidc/cioidc/internal/reply"
)

// MaxDescription is the length, in bytes, at which a description is cut. The
// longest of Google's own, with two audiences in it, is shorter. It is for
// finding the cause; what goes into an error is cut again.
const MaxDescription = 1024

// maxKind is the length, in bytes, at which a media type is cut.
const maxKind = 64

// Refusal is an error body, fit for an error text: bounded, printable, and
// without the secrets that were sent.
type Refusal struct {
	// Code is the OAuth error or the API's status; empty if the body has none.
	Code string
	// Description is the other side's text; empty if the body has none.
	Description string
	// Err says what the body is instead; nil if it is an error of Google's.
	Err error
}

// Parse reads an error body of either shape.
func Parse(body []byte, header http.Header, secrets ...string) Refusal {
	var oauth struct {
		Error       json.RawMessage `json:"error"`
		Description string          `json:"error_description"`
	}
	if err := Object(body, &oauth); err == nil {
		var code string
		if json.Unmarshal(oauth.Error, &code) == nil && code != "" {
			return clean(code, oauth.Description, secrets)
		}
		var api struct {
			Message string `json:"message"`
			Status  string `json:"status"`
		}
		if Object(oauth.Error, &api) == nil && api.Message+api.Status != "" {
			return clean(api.Status, api.Message, secrets)
		}
	}
	// Scrubbed first: parsing makes it lower case, in which a secret is not found.
	kind, _, err := mime.ParseMediaType(Text(header.Get("Content-Type"), MaxDescription, secrets...))
	if err != nil {
		kind = "of no known type"
	}
	const advice = ": check the endpoint, and any proxy on the way"
	if len(body) == 0 {
		return Refusal{Err: errors.New("the answer is empty" + advice)}
	}
	return Refusal{Err: errors.New("the answer (" + Text(kind, maxKind) + ") is not one of Google's errors" + advice)}
}

func clean(code, description string, secrets []string) Refusal {
	return Refusal{
		Code:        Text(code, 64, secrets...),
		Description: Text(description, MaxDescription, secrets...),
	}
}

// Text returns text without secrets and control characters, cut at limit bytes.
func Text(text string, limit int, secrets ...string) string {
	return reply.Text(text, limit, secrets...)
}

// Object decodes data, which must be one JSON object and nothing else.
func Object(data []byte, into any) error { return reply.Object(data, into) }

// Scrub returns err with a text that holds none of secrets. The error is
// unchanged, and errors.Is and errors.As see the same.
func Scrub(err error, secrets ...string) error { return reply.Scrub(err, secrets...) }
