package oidc

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cioidc/cioidc/claims"
)

// Why [BearerToken] found no token in a request. Match with [errors.Is].
var (
	// ErrNoToken: the request has no bearer token at all: HTTP status 401.
	ErrNoToken = errors.New("oidc: no bearer token in the request")
	// ErrRequest: the Authorization header is there twice, or is not of the
	// form of RFC 6750 section 2.1: HTTP status 400.
	ErrRequest = errors.New("oidc: malformed Authorization header")
)

// MiddlewareOptions configures [Middleware]. A nil pointer means defaults.
type MiddlewareOptions struct {
	// Error writes the response to a request that was refused. It has to write
	// a status: net/http answers 200 for whoever writes nothing. Nil means
	// [WriteError].
	Error func(w http.ResponseWriter, r *http.Request, err error)
	// Token finds the token in a request. Its errors go to Error; of those,
	// [WriteError] knows [ErrNoToken] and [ErrRequest]. Nil means [BearerToken].
	Token func(r *http.Request) (string, error)
}

// Middleware requires of every request a token that v accepts, and passes the
// token on in the request's context, for [FromContext] and
// [ClaimsFromContext]: its claims, and in [Token.Decision] what
// [Config.Authorize] decided. Nil opts mean defaults.
func Middleware(v *Verifier, opts *MiddlewareOptions) func(http.Handler) http.Handler {
	refuse, find := WriteError, BearerToken
	if opts != nil && opts.Error != nil {
		refuse = opts.Error
	}
	if opts != nil && opts.Token != nil {
		find = opts.Token
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			raw, err := find(r)
			if err == nil && raw == "" {
				err = ErrNoToken
			}
			if err != nil {
				refuse(w, r, err)
				return
			}
			t, err := v.Verify(r.Context(), raw)
			if err != nil {
				refuse(w, r, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), t)))
		})
	}
}

// BearerToken returns the token of r's Authorization header (RFC 6750 section
// 2.1), and nothing from its URL or body, where tokens end up in logs. The
// error is [ErrNoToken] or [ErrRequest].
func BearerToken(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	switch len(values) {
	case 0:
		return "", ErrNoToken
	case 1:
	default:
		return "", ErrRequest
	}
	scheme, token, found := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", ErrNoToken
	}
	token = strings.TrimLeft(token, " ")
	if !found || token == "" {
		return "", ErrRequest
	}
	// One by one: strings.ContainsAny would take a microsecond for a token.
	for _, c := range [...]byte{' ', '\t', ',', '"'} {
		if strings.IndexByte(token, c) >= 0 {
			return "", ErrRequest
		}
	}
	return token, nil
}

// WriteError writes the response to err that RFC 6750 section 3.1 asks for:
// 400 for [ErrRequest], 401 for [ErrNoToken], a *[TokenError] and
// [ErrReplayed], 403 for any other *[DeniedError], 503 for an *[UnavailableError], with Retry-After where that is
// known, 500 for any other. It says no more than that: what is wrong with a token
// helps whoever is trying them, and belongs in the log of the service.
func WriteError(w http.ResponseWriter, _ *http.Request, err error) {
	var (
		token       *TokenError
		denied      *DeniedError
		unavailable *UnavailableError
	)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	status := http.StatusInternalServerError
	switch {
	case errors.As(err, &unavailable):
		status = http.StatusServiceUnavailable
		if unavailable.RetryAfter > 0 {
			// Rounded up: a try before that time is lost.
			h.Set("Retry-After", strconv.FormatInt(int64((unavailable.RetryAfter-1)/time.Second)+1, 10))
		}
	case errors.As(err, &denied) && !errors.Is(denied, ErrReplayed):
		status = http.StatusForbidden
		h.Set("WWW-Authenticate", `Bearer error="insufficient_scope"`)
	case denied != nil, errors.As(err, &token):
		// A used token gets the answer of one that is not valid, so that nobody
		// learns from it that a token they hold was good.
		status = http.StatusUnauthorized
		h.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	case errors.Is(err, ErrNoToken):
		// Section 3.1: without credentials, no error code. Section 3: but at least
		// one parameter.
		status = http.StatusUnauthorized
		h.Set("WWW-Authenticate", `Bearer realm="ci"`)
	case errors.Is(err, ErrRequest):
		status = http.StatusBadRequest
		h.Set("WWW-Authenticate", `Bearer error="invalid_request"`)
	}
	http.Error(w, http.StatusText(status), status)
}

type contextKey struct{}

// NewContext returns a context that carries t.
func NewContext(ctx context.Context, t *Token) context.Context {
	return context.WithValue(ctx, contextKey{}, t)
}

// FromContext returns the token that [Middleware] verified, with what
// [Config.Authorize] decided on it in [Token.Decision], and whether there is one.
func FromContext(ctx context.Context) (*Token, bool) {
	t, ok := ctx.Value(contextKey{}).(*Token)
	return t, ok && t != nil
}

// ClaimsFromContext returns the claims of the token that [Middleware] verified
// as a T, and whether there is one and its claims are a T.
func ClaimsFromContext[T any, P claims.ModelOf[T]](ctx context.Context) (*T, bool) {
	t, ok := FromContext(ctx)
	if !ok {
		return nil, false
	}
	c, err := As[T, P](t)
	return c, err == nil
}
