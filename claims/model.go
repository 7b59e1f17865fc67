package claims

import (
	"encoding/json"

	"github.com/cioidc/cioidc/internal/strictjson"
)

// Model is implemented by a pointer to any struct that embeds [Registered].
type Model interface {
	// RegisteredClaims returns the embedded registered claims, never nil.
	RegisteredClaims() *Registered
}

// ModelOf constrains a type parameter: T is a struct that embeds [Registered].
// Callers give T only; the compiler infers the rest.
type ModelOf[T any] interface {
	*T
	Model
}

// Registered holds the claims of RFC 7519 section 4.1, which every platform
// sends in part. Embed it to define a model of your own.
type Registered struct {
	// Issuer is iss: who signed the token. Empty means absent.
	Issuer string `json:"iss"`
	// Subject is sub: whom the token is about, in the platform's own form. See
	// [ParseGitLabSubject] and [ParseCircleCISubject], and prefer the claims
	// that say the same in one piece.
	Subject string `json:"sub"`
	// Audience is aud: whom the token is for. Nil means absent.
	Audience Audience `json:"aud"`
	// ExpiresAt is exp, in seconds. Zero means absent.
	ExpiresAt NumericDate `json:"exp"`
	// NotBefore is nbf, in seconds. Zero means absent; CircleCI sends none.
	NotBefore NumericDate `json:"nbf"`
	// IssuedAt is iat, in seconds. Zero means absent.
	IssuedAt NumericDate `json:"iat"`
	// JWTID is jti. Empty means absent; CircleCI sends none.
	JWTID string `json:"jti"`

	payload string
}

// RegisteredClaims returns r. It makes every struct that embeds r a [Model].
func (r *Registered) RegisteredClaims() *Registered { return r }

// Payload returns a copy of the whole claims set as it was sent, or nil for a
// struct that [Decode] did not make.
func (r *Registered) Payload() json.RawMessage {
	if r == nil || r.payload == "" {
		return nil
	}
	return json.RawMessage(r.payload)
}

// Lookup returns the JSON text of the claim called name as it was sent, and
// whether it was sent at all, be it null. It reads the whole claims set each
// time: use it for claims that the model does not declare and to explain a
// refusal, not on hot paths. On a struct that [Decode] did not make it finds
// nothing.
func (r *Registered) Lookup(name string) (json.RawMessage, bool) {
	if r == nil || r.payload == "" {
		return nil, false
	}
	o, err := strictjson.Parse(r.payload)
	if err != nil { // It was parsed before, so this does not happen.
		return nil, false
	}
	return lookup(o, name)
}

func lookup(o *strictjson.Object, name string) (json.RawMessage, bool) {
	v, ok := o.Lookup(name)
	if !ok {
		return nil, false
	}
	return json.RawMessage(v), true
}
