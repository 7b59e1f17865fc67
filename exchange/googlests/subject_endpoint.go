package googlests

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/tokencache"
)

// subjectField is the member of the answer that holds the token.
const subjectField = "id_token"

// SubjectEndpoint is an [http.Handler] that gives Google's clients the CI token,
// for [CredentialFile.Endpoint]: the clients ask it for every exchange, so that
// they always get a token that is valid, and none is on disk. Serve it on
// loopback; any path will do. It is safe for concurrent use.
//
// A request must bear the endpoint's secret, which is random, made anew by
// [NewSubjectEndpoint] and part of the credential file that refers to the
// endpoint. Whoever can read that file, or the memory of this process, gets
// tokens for as long as the endpoint is served, and nothing afterwards.
//
// The answers are a JSON object with the token in id_token, or a text that says
// what is wrong, which Google's clients show: status 401 without the secret,
// 503 if the source may succeed later, else 403.
type SubjectEndpoint struct {
	provider *provider
	secret   string
}

var (
	_ http.Handler   = (*SubjectEndpoint)(nil)
	_ slog.LogValuer = (*SubjectEndpoint)(nil)
)

// NewSubjectEndpoint returns an endpoint for the tokens of cfg's source, for
// cfg's audience. It keeps a token until a minute before its end, and callers
// that come together share one call of the source. Its error is an
// *[exchange.ConfigError].
func NewSubjectEndpoint(cfg Config) (*SubjectEndpoint, error) {
	p, err := cfg.provider()
	if err != nil {
		return nil, err
	}
	cache, source := new(tokencache.Cache), p.source
	p.source = exchange.TokenSourceFunc(func(ctx context.Context, audience string) (string, error) {
		return cache.Token(ctx, source, audience, nil)
	})
	return &SubjectEndpoint{provider: p, secret: rand.Text()}, nil
}

// authorization is the header's value that a request must have.
func (e *SubjectEndpoint) authorization() string { return "Bearer " + e.secret }

// ServeHTTP implements [http.Handler].
func (e *SubjectEndpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	got := r.Header.Values("Authorization")
	switch {
	case e == nil || e.provider == nil:
		http.Error(w, "the endpoint was not made by NewSubjectEndpoint", http.StatusInternalServerError)
		return
	case len(got) != 1 || subtle.ConstantTimeCompare([]byte(got[0]), []byte(e.authorization())) != 1:
		header.Set("WWW-Authenticate", "Bearer")
		http.Error(w, "not authorized: use the header in the credential file that was written for this endpoint", http.StatusUnauthorized)
		return
	case r.Method != http.MethodGet:
		header.Set("Allow", http.MethodGet)
		http.Error(w, "only GET is allowed", http.StatusMethodNotAllowed)
		return
	}
	raw, _, err := e.provider.freshSubject(r.Context())
	if err != nil {
		status := http.StatusForbidden
		if again(err) {
			status = http.StatusServiceUnavailable
		}
		http.Error(w, diagnosis(err), status)
		return
	}
	body, err := json.Marshal(map[string]string{subjectField: raw})
	if err != nil {
		http.Error(w, "the token cannot be encoded", http.StatusInternalServerError)
		return
	}
	header.Set("Content-Type", "application/json")
	_, _ = w.Write(body) // the client is gone then
}

const redactedEndpoint = "googlests.SubjectEndpoint{redacted}"

// Format prints a fixed text for every verb: an endpoint holds its secret.
func (e SubjectEndpoint) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redactedEndpoint) }

// LogValue implements [slog.LogValuer] with the same text.
func (e SubjectEndpoint) LogValue() slog.Value { return slog.StringValue(redactedEndpoint) }
