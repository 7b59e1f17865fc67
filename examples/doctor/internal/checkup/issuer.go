package checkup

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cioidc/cioidc/internal/httpx"
	"github.com/cioidc/cioidc/internal/jose"
	"github.com/cioidc/cioidc/internal/safetext"
)

const (
	// smallSkew is what verifiers let pass, largeSkew what AWS does.
	smallSkew = 30 * time.Second
	largeSkew = 5 * time.Minute
)

// answer is what the issuer sent.
type answer struct {
	body []byte
	date string
	tls  *tls.ConnectionState
}

// issuer asks the issuer for its discovery document and its keys, as the clouds
// will, and for nothing else.
func (e *examination) issuer(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, issuerTime)
	defer cancel()
	at, err := httpx.CheckURL(e.token.Issuer)
	if err != nil {
		e.add(Check{
			Name: "issuer", State: Fail, Words: "the token's issuer is no https URL, and no cloud takes such an issuer",
			Evidence: []Evidence{{Name: "iss", Value: e.token.Issuer}}, Action: "give the CI server an https URL",
		})
		return
	}
	discovery := strings.TrimSuffix(e.token.Issuer, "/") + "/.well-known/openid-configuration"
	doc, err := e.get(ctx, discovery)
	if err != nil {
		e.unreachable("discovery", "the issuer's discovery document", discovery, err)
		return
	}
	e.skew(doc.date)
	keysURL := e.discovery(doc.body, at)
	if keysURL == "" {
		e.chain(doc.tls)
		return
	}
	keys, err := e.get(ctx, keysURL)
	if err != nil {
		e.unreachable("issuer-keys", "the issuer's keys", keysURL, err)
		return
	}
	e.keys(keys.body, keysURL)
	e.chain(keys.tls) // AWS looks at the host of the keys
}

// get makes one request, and follows no redirect: that would be another one.
func (e *examination) get(ctx context.Context, address string) (*answer, error) {
	client := httpx.Client(e.cfg.Issuers, issuerTime)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, httpx.ErrURL
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New("it answers with HTTP status " + strconv.Itoa(resp.StatusCode))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, httpx.DefaultLimit))
	if err != nil {
		return nil, err
	}
	return &answer{body: body, date: resp.Header.Get("Date"), tls: resp.TLS}, nil
}

func (e *examination) unreachable(name, what, address string, err error) {
	var wrap *url.Error
	if errors.As(err, &wrap) {
		err = wrap.Err // the URL is in the evidence
	}
	why := err.Error()
	if errors.Is(err, context.DeadlineExceeded) {
		why = "no answer within " + issuerTime.String()
	}
	e.report.raise(Unreachable)
	e.add(Check{
		Name: name, State: Fail, Words: what + " cannot be had: " + safetext.Cut(safetext.Redact(why)),
		Evidence: []Evidence{{Name: "URL", Value: address}},
		Action:   "check that this address answers here, and from the internet: AWS and Google fetch it from there (for Google, keys can be uploaded instead)",
	})
	var cert *tls.CertificateVerificationError
	if errors.As(err, &cert) {
		e.chainOf(cert.UnverifiedCertificates, nil)
	}
}

// discovery judges the document, and returns the address of the keys if it may
// be asked.
func (e *examination) discovery(body []byte, issuer *url.URL) string {
	var doc struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		e.report.raise(Unreachable)
		e.add(Check{Name: "discovery", State: Fail, Words: "what the issuer answers is no discovery document",
			Action: "check that its URL leads to the CI server and not to a login page"})
		return ""
	}
	if doc.Issuer != e.token.Issuer {
		c := Check{
			Name: "discovery", State: Fail, Words: "the discovery document names another issuer than the token",
			Evidence: []Evidence{{Name: "iss", Token: e.token.Issuer}, {Name: "issuer in the document", Value: doc.Issuer}},
			Action:   "give the CI server one URL: clouds compare both byte for byte",
		}
		if strings.TrimSuffix(doc.Issuer, "/") == strings.TrimSuffix(e.token.Issuer, "/") {
			c.Words += ": they differ by a final slash"
		}
		e.add(c)
	} else {
		e.add(Check{Name: "discovery", State: OK, Words: "the issuer's discovery document can be had, and names the token's issuer"})
	}
	at, err := httpx.CheckURL(doc.JWKSURI)
	switch {
	case err != nil:
		e.add(Check{Name: "issuer-keys", State: Fail, Words: "the discovery document's jwks_uri is no https URL",
			Evidence: []Evidence{{Name: "jwks_uri", Value: doc.JWKSURI}}, Action: "set up the CI server's external URL"})
	case !strings.EqualFold(at.Host, issuer.Host):
		e.add(Check{Name: "issuer-keys", State: Warn, Words: "the issuer's keys are at another host, which doctor does not ask",
			Evidence: []Evidence{{Name: "jwks_uri", Value: doc.JWKSURI}}, Action: "check that the token's key is there"})
	default:
		return doc.JWKSURI
	}
	return ""
}

// keys looks for the token's key.
func (e *examination) keys(body []byte, address string) {
	set, _, err := jose.ParseKeySet(body)
	if err != nil {
		e.report.raise(Unreachable)
		e.add(Check{Name: "issuer-keys", State: Fail, Words: "what is at the issuer's jwks_uri is no key set",
			Evidence: []Evidence{{Name: "jwks_uri", Value: address}}})
		return
	}
	ids := []string{}
	for _, k := range set {
		if k.ID == e.token.KeyID && k.ID != "" {
			e.add(Check{Name: "issuer-keys", State: OK, Words: "the issuer's keys can be had, and the token's is among them"})
			return
		}
		ids = append(ids, k.ID)
	}
	c := Check{
		Name: "issuer-keys", State: Fail, Words: "the token's key is not among the issuer's",
		Evidence: []Evidence{{Name: "kid", Token: e.token.KeyID}, {Name: "kids in the set", Value: list(ids)}},
		Action:   "check that the token is of this very instance, and that a cache in front of its keys is not older than they are",
	}
	if len(ids) == 0 {
		c.Words = "the issuer publishes no key that can be used"
	}
	e.add(c)
}

// skew compares the clock here with the issuer's.
func (e *examination) skew(date string) {
	at, err := http.ParseTime(date)
	if err != nil {
		e.add(Check{Name: "clock", State: Info, Words: "cannot tell the clock's error: the issuer's answer has no date"})
		return
	}
	now := e.cfg.Now()
	ahead := now.Sub(at).Round(time.Second)
	c := Check{
		Name: "clock", State: OK, Words: "the clock here and the issuer's agree within " + smallSkew.String(),
		Evidence: []Evidence{{Name: "now, by the issuer", Value: stamp(at)}, {Name: "now, here", Value: stamp(now)}},
	}
	switch {
	case ahead.Abs() <= smallSkew:
		c.Evidence = nil
	case ahead > 0:
		c.Words = "the clock here is " + ahead.String() + " ahead of the issuer's"
	default:
		c.Words = "the clock here is " + (-ahead).String() + " behind the issuer's"
	}
	if ahead.Abs() > smallSkew {
		c.State, c.Action = Warn, "set this machine's clock; if it is right, the issuer's"
	}
	if ahead.Abs() > largeSkew {
		c.State = Fail
	}
	e.add(c)
}

func (e *examination) chain(state *tls.ConnectionState) {
	if state == nil {
		e.add(Check{Name: "tls", State: Info, Words: "the issuer was reached without TLS, so there is no thumbprint"})
		return
	}
	var root *x509.Certificate
	if len(state.VerifiedChains) > 0 {
		verified := state.VerifiedChains[0]
		root = verified[len(verified)-1]
	}
	e.chainOf(state.PeerCertificates, root)
}
