package cause_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/auth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/exchange/googlests/impersonate"
	"github.com/cioidc/cioidc/exchange/oauth"
	"github.com/cioidc/cioidc/internal/cause"
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

// sentences are whole ones of those of which the table has a part.
var sentences = map[string]string{
	`claim "`:            `error validating claims: claim "project_id" is missing`,
	"could not be found": `role "deploy" could not be found`,
	"does not match any associated bound claim values": `error validating claims: claim "project_id" does not match any associated bound claim values`,
}

// answers returns who gives the answers of a row, and with which status.
func answers(r cause.Row, a cause.Answer) (who string, status int) {
	status = http.StatusBadRequest
	if r.ID == "N1" {
		status = http.StatusNotFound
	}
	if a.Text == "permission denied" || a.Code == "AccessDenied" || a.Code == "PERMISSION_DENIED" {
		status = http.StatusForbidden
	}
	if a.Code == "InternalFailure" {
		status = http.StatusInternalServerError
	}
	switch {
	case r.Service == cause.AWS:
		return "STS", status
	case a.Code == "PERMISSION_DENIED" || a.Code == "INVALID_ARGUMENT":
		return "Google's IAM", status
	case r.Service == cause.Google:
		return "Google's STS", status
	case r.Service == cause.Vault:
		return "Vault", status
	case r.Service == cause.Okta:
		return "Okta", status
	case r.Service == cause.Registry:
		return "a registry", status
	}
	return "a token endpoint", status
}

// Finding out why an exchange was refused costs no request at all, whatever the
// answer and whatever is known: all there are is the exchange's own, to the
// endpoint that is configured. Neither does printing the error.
func TestNoDiagnosisCallsElsewhere(t *testing.T) {
	// A little less than what one request may take, so that it is this that ends it.
	const limit = 10*time.Second - time.Second
	type meeting struct {
		who string
		refusal
	}
	cases, explained := map[string]meeting{}, map[string]bool{}
	for _, r := range cause.Rows() {
		for i, a := range r.Answers {
			if !a.Elsewhere {
				who, status := answers(r, a)
				text := cmp.Or(sentences[a.Text], a.Text)
				if r.Service == cause.Google {
					a.Code = cmp.Or(a.Code, "invalid_request")
				}
				cases[fmt.Sprintf("%s.%d", r.ID, i+1)] = meeting{who, refusal{status: status, code: a.Code, text: text}}
			}
		}
	}
	require.Greater(t, len(cases), 50)
	for who := range askers {
		cases[who+", bare"] = meeting{who, refusal{status: 403}}
		cases[who+", redirect"] = meeting{who, refusal{status: 307, location: "https://elsewhere.example/"}}
		cases[who+", overloaded"] = meeting{who, refusal{status: 503}}
		cases[who+", cut off"] = meeting{who, refusal{err: errors.New("cut off")}}
		cases[who+", black hole"] = meeting{who, refusal{hang: true}}
	}
	for name, m := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for job, token := range tokens(t) {
					for _, known := range []bool{false, true} {
						w := &wire{answer: m.answer(askers[m.who])}
						only(t, w)
						begun := time.Now()
						ctx, cancel := context.WithTimeout(t.Context(), limit)
						err := askers[m.who].ask(ctx, &http.Client{Transport: w}, token, known)
						took := time.Since(begun)
						cancel()
						var failed *exchange.Error
						require.ErrorAs(t, err, &failed, "%s, known %t", job, known)
						if len(failed.Causes) > 0 {
							explained[name] = true
						}
						before := w.requests()
						for _, print := range []string{fmt.Sprintf("%v %+v %q", failed, failed, failed), failed.LogValue().String()} {
							assert.NotEmpty(t, print)
						}
						want := 1
						if failed.Retryable() && !m.hang {
							want = 3
						}
						for _, sent := range before {
							assert.Equal(t, "POST "+askers[m.who].endpoint, sent)
						}
						assert.Len(t, before, want, "%s, known %t: %v", job, known, failed)
						assert.Equal(t, before, w.requests(), "printing is no request")
						switch {
						case m.hang:
							assert.Equal(t, limit, took, "nothing is done after the deadline")
						case want == 1:
							assert.Zero(t, took, "an answer is explained at once")
						default:
							assert.Less(t, took, limit)
						}
					}
				}
			})
		})
	}
	for _, r := range cause.Rows() {
		for i, a := range r.Answers {
			if !a.Elsewhere {
				assert.True(t, explained[fmt.Sprintf("%s.%d", r.ID, i+1)], "%s: nothing was diagnosed for %q", r.ID, a)
			}
		}
	}
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
