package awssts

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/cioidc/cioidc/exchange"
)

// failurePause is how long an [Endpoint] repeats a failure. Clients ask again a
// second later, each of them three times, and would not hear anything new.
const failurePause = 5 * time.Second

// Endpoint serves credentials to child processes, as the container credentials
// provider of AWS's SDKs, command line and terraform asks for them (AWS SDKs
// and Tools Reference Guide, "Container credential provider"). They ask again
// before the credentials expire, so theirs last for as long as the endpoint is
// served. It is safe for concurrent use.
//
// It is an [http.Handler] at whatever path; listen on a loopback address, and
// give the child the variables of [Endpoint.Environ]:
//
//	l, err := net.Listen("tcp", "127.0.0.1:0")
//	...
//	go http.Serve(l, endpoint)
//	cmd.Env = append(os.Environ(), endpoint.Environ("http://"+l.Addr().String())...)
//
// Whoever reads the child's environment can ask for the credentials, as could
// whoever reads keys there; unlike keys the token is worth nothing once the
// endpoint is gone.
type Endpoint struct {
	provider aws.CredentialsProvider
	token    string

	mu     sync.Mutex
	failed error     // the last failure
	until  time.Time // when the next request asks the provider again
}

var (
	_ http.Handler   = (*Endpoint)(nil)
	_ fmt.Formatter  = (*Endpoint)(nil)
	_ slog.LogValuer = (*Endpoint)(nil)
)

// NewEndpoint returns an endpoint for the credentials of p, with a random
// authorization token of its own. A *[Provider] is asked through the cache that
// its [Provider.AWSConfig] uses; any other provider, such as one that assumes a
// second role, is put into a cache that renews likewise, so that all children
// share one exchange. An [aws.CredentialsCache] is used as it is: give it an
// ExpiryWindow, or it hands out credentials in their last second. It does no I/O.
// Its error is an *[exchange.ConfigError].
func NewEndpoint(p aws.CredentialsProvider) (*Endpoint, error) {
	switch given := p.(type) {
	case *Provider:
		if given != nil {
			p = untilTheirEnd{given.cache, given.renewer}
			break
		}
		p = nil
	case *FileCache:
		if given == nil {
			p = nil
			break
		}
		p = inCache(given)
	case *aws.CredentialsCache:
		if given == nil {
			p = nil
		}
	case nil:
	default:
		p = inCache(given)
	}
	if p == nil {
		return nil, &exchange.ConfigError{Package: "awssts", Field: "NewEndpoint", Problem: "required: the provider of the credentials, such as the result of New"}
	}
	// 26 characters of base32, 130 bits.
	return &Endpoint{provider: p, token: rand.Text()}, nil
}

// Environ returns the variables, each as "NAME=value", that lead SDKs to the
// endpoint, which is served at baseURL, such as "http://127.0.0.1:38741". One
// of them is the authorization token: put them into the environment of the
// processes that may use the credentials, and nowhere else.
//
// SDKs prefer other variables to these; see [ShadowingVariables].
func (e *Endpoint) Environ(baseURL string) []string {
	return []string{
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + strings.TrimSuffix(baseURL, "/") + "/credentials",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN=" + e.token,
	}
}

// ServeHTTP answers GET with AccessKeyId, SecretAccessKey, Token, Expiration
// (RFC 3339, left out if there is none) and AccountId (left out if not known)
// in JSON, to requests whose Authorization header is the token and whose Host
// is a loopback address or "localhost": a browser that a web page has led here
// sends another one.
//
// Anything else is answered with code and message in JSON. If the credentials
// could not be had, the message is the one line of the *[exchange.Error], and
// the status 503 if it is retryable, else 400, which SDKs do not repeat. Such
// an answer stands for five seconds.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case !loopbackHost(r.Host):
		refuse(w, http.StatusForbidden, "HostNotLoopback", "this endpoint serves its own machine: ask it by a loopback address")
		return
	case e.token == "":
		refuse(w, http.StatusInternalServerError, "NotMade", "this endpoint was not made by NewEndpoint")
		return
	case subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(e.token)) != 1:
		refuse(w, http.StatusUnauthorized, "Unauthorized", "the Authorization header is not the endpoint's token: check that AWS_CONTAINER_AUTHORIZATION_TOKEN has reached this process unchanged")
		return
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "this endpoint answers GET only")
		return
	}
	creds, err := e.retrieve(r.Context())
	if err != nil {
		status, code := http.StatusBadRequest, "CredentialsUnavailable"
		var failed *exchange.Error
		if errors.As(err, &failed) {
			if failed.Code != "" {
				code = failed.Code
			}
			if failed.Retryable() {
				status = http.StatusServiceUnavailable
			}
			err = failed // without what the SDK wraps around it
		}
		refuse(w, status, code, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		Token           string
		Expiration      *time.Time `json:",omitempty"`
		AccountID       string     `json:"AccountId,omitempty"`
	}{creds.AccessKeyID, creds.SecretAccessKey, creds.SessionToken, expiration(creds), creds.AccountID})
}

// retrieve asks the provider, unless it has failed just now.
func (e *Endpoint) retrieve(ctx context.Context) (aws.Credentials, error) {
	e.mu.Lock()
	failed, until := e.failed, e.until
	e.mu.Unlock()
	if failed != nil && time.Now().Before(until) {
		return aws.Credentials{}, failed
	}
	creds, err := e.provider.Retrieve(ctx)
	if ctx.Err() == nil { // a client that went away says nothing of the credentials
		e.mu.Lock()
		e.failed, e.until = err, time.Now().Add(failurePause)
		e.mu.Unlock()
	}
	return creds, err
}

// expiration returns when credentials expire, in whole seconds, which every
// client can read, and nil if they do not.
func expiration(c aws.Credentials) *time.Time {
	if !c.CanExpire {
		return nil
	}
	at := c.Expires.UTC().Truncate(time.Second)
	return &at
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}{code, message})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // a year beyond 9999
		status, body = http.StatusInternalServerError, []byte(`{"code":"InternalError","message":"the credentials cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // nobody is left to tell if it fails
}

// loopbackHost reports whether a Host header names this machine alone.
func loopbackHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	} else {
		name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	}
	if strings.EqualFold(name, "localhost") {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}

const redactedEndpoint = "awssts.Endpoint{redacted}"

// Format prints a fixed text for every verb: an endpoint holds its token.
func (e *Endpoint) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redactedEndpoint) }

// LogValue implements [slog.LogValuer] with the same text.
func (e *Endpoint) LogValue() slog.Value { return slog.StringValue(redactedEndpoint) }
