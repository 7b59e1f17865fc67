package elsewhere

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/auth"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/exchange/googlests/impersonate"
	"github.com/cioidc/cioidc/exchange/oauth"
	"github.com/cioidc/cioidc/internal/fakecloud/fakeaws"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// wire is all of the network: it notes every request, and answers as it is told.
type wire struct {
	answer func(*http.Request) (*http.Response, error)

	mu   sync.Mutex
	sent []string
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.sent = append(w.sent, r.Method+" "+r.URL.Scheme+"://"+r.URL.Host)
	w.mu.Unlock()
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	return w.answer(r)
}

func (w *wire) requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.sent...)
}

// only has a transport reach w alone, also one that nobody configured.
func only(t *testing.T, w *wire) {
	t.Helper()
	before := http.DefaultTransport
	http.DefaultTransport = w
	t.Cleanup(func() { http.DefaultTransport = before })
}

// refusal is an answer that has no good news.
type refusal struct {
	status     int
	code, text string
	location   string
	err        error // in place of an answer
	hang       bool  // in place of an answer, until the request ends
}

// asker makes one exchange, which is refused.
type asker struct {
	endpoint string // scheme and host, the only ones that may be asked
	// ask presents a token, and is told as much of the other side as an owner
	// can know if known.
	ask func(ctx context.Context, client *http.Client, token string, known bool) error
	// write writes the refusal as the service does.
	write func(http.ResponseWriter, refusal)
}

func source(token string) exchange.TokenSource {
	return exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return token, nil })
}

// writeOAuth writes a refusal in the form of RFC 6749.
func writeOAuth(rw http.ResponseWriter, r refusal) {
	if strings.HasPrefix(r.code, "AADSTS") {
		r.code, r.text = "invalid_request", r.code+": "+r.text
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(r.status)
	_ = json.NewEncoder(rw).Encode(map[string]string{"error": r.code, "error_description": r.text})
}

const (
	provider = "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci/providers/ci"
	policy   = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",
		"Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/issuer.example"},"Condition":{"StringLike":{"issuer.example:sub":"x*"}}}}`
)

func askAWS(ctx context.Context, client *http.Client, token string, known bool) error {
	cfg := awssts.Config{RoleARN: "arn:aws:iam::123456789012:role/deploy", Region: "eu-west-1", Source: source(token), HTTPClient: client}
	if known {
		cfg.Known = &awssts.Known{
			Providers:   []awssts.KnownProvider{{URL: "https://issuer.example", ClientIDs: []string{"audience"}}},
			TrustPolicy: []byte(policy),
		}
	}
	p, err := awssts.New(cfg)
	if err != nil {
		return err
	}
	_, err = p.Retrieve(ctx)
	return err
}

func askGoogle(ctx context.Context, client *http.Client, token string, known bool) error {
	cfg := googlests.Config{Provider: provider, Source: source(token), HTTPClient: client}
	if known {
		cfg.Known = &googlests.Known{IssuerURL: "https://issuer.example", AllowedAudiences: []string{"audience"}, Condition: "false",
			Mapping: map[string]string{"google.subject": "assertion.project_id"}}
	}
	creds, err := googlests.Credentials(cfg)
	if err != nil {
		return err
	}
	_, err = creds.Token(ctx)
	return err
}

type federated struct{}

func (federated) Token(context.Context) (*auth.Token, error) {
	return &auth.Token{Value: "federated", Expiry: time.Now().Add(time.Hour)}, nil
}

func askIAM(ctx context.Context, client *http.Client, _ string, _ bool) error {
	creds, err := impersonate.Credentials(impersonate.Config{
		ServiceAccount: "deploy@acme.iam.gserviceaccount.com", HTTPClient: client,
		Base: auth.NewCredentials(&auth.CredentialsOptions{TokenProvider: federated{}}),
	})
	if err != nil {
		return err
	}
	_, err = creds.Token(ctx)
	return err
}

func askVault(ctx context.Context, client *http.Client, token string, _ bool) error {
	cfg := oauth.Vault(oauth.VaultOptions{Address: "https://vault.example", Mount: "jwt", Role: "deploy", Audience: "audience"}, source(token))
	cfg.HTTPClient = client
	_, err := cfg.Token(ctx)
	return err
}

func askOAuth(ctx context.Context, client *http.Client, token string, _ bool) error {
	_, err := oauth.Config{TokenURL: "https://sts.example/token", Source: source(token), SourceAudience: "audience", HTTPClient: client}.Token(ctx)
	return err
}

var askers = map[string]asker{
	"STS": {"https://sts.eu-west-1.amazonaws.com", askAWS, func(rw http.ResponseWriter, r refusal) {
		fakeaws.Refuse(rw, r.status, r.code, r.text)
	}},
	"Google's STS": {"https://sts.googleapis.com", askGoogle, writeOAuth},
	"Google's IAM": {"https://iamcredentials.googleapis.com", askIAM, func(rw http.ResponseWriter, r refusal) {
		rw.WriteHeader(r.status)
		_ = json.NewEncoder(rw).Encode(map[string]any{"error": map[string]any{"code": r.status, "status": r.code, "message": r.text}})
	}},
	"Vault": {"https://vault.example", askVault, func(rw http.ResponseWriter, r refusal) {
		rw.WriteHeader(r.status)
		_ = json.NewEncoder(rw).Encode(map[string][]string{"errors": {r.text}})
	}},
	"a token endpoint": {"https://sts.example", askOAuth, writeOAuth},
	"Okta": {"https://sts.example", askOAuth, func(rw http.ResponseWriter, r refusal) {
		rw.Header().Set("X-Okta-Request-Id", "request")
		writeOAuth(rw, r)
	}},
	"a registry": {"https://sts.example", askOAuth, func(rw http.ResponseWriter, r refusal) {
		rw.WriteHeader(r.status)
		_ = json.NewEncoder(rw).Encode(map[string]any{"message": r.text, "errors": []any{map[string]string{"code": r.code, "description": r.text}}})
	}},
}

func (r refusal) answer(a asker) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		switch {
		case r.hang:
			<-req.Context().Done()
			return nil, req.Context().Err()
		case r.err != nil:
			return nil, r.err
		}
		rec := httptest.NewRecorder()
		switch {
		case r.location != "":
			rec.Header().Set("Location", r.location)
			rec.WriteHeader(r.status)
		case r.code == "" && r.text == "":
			rec.WriteHeader(r.status)
			_, _ = bytes.NewBufferString("<html>no</html>").WriteTo(rec)
		default:
			a.write(rec, r)
		}
		resp := rec.Result()
		resp.Request = req
		return resp, nil
	}
}

// tokens are what a job may present: of an issuer that a diagnosis could ask.
func tokens(t *testing.T) map[string]string {
	t.Helper()
	issuer, err := fakeissuer.New(fakeissuer.Options{URL: "https://issuer.example", Platform: fakeissuer.GitLabPlatform})
	require.NoError(t, err)
	t.Cleanup(issuer.Close)
	circleCI, err := fakeissuer.New(fakeissuer.Options{URL: fakeissuer.CircleCIURL(fakeissuer.CircleCIOrganizationID)})
	require.NoError(t, err)
	t.Cleanup(circleCI.Close)
	return map[string]string{
		"GitLab":         issuer.GitLab("audience"),
		"tags":           issuer.GitLab("audience", func(c fakeissuer.Claims) { c["https://aws.amazon.com/tags"] = map[string]any{} }),
		"other audience": issuer.GitLab("another"),
		"slash":          issuer.GitLab("audience", func(c fakeissuer.Claims) { c["iss"] = "https://issuer.example/" }),
		"CircleCI":       circleCI.CircleCI("audience"),
	}
}
