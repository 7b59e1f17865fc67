package oidc_test

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// The tests of this file stand for classes of mistakes that verifiers are known
// for, by the number of the class (CWE). Those classes that other files have
// tests for are not here again.

// CWE-409, CWE-407: what is encrypted or compressed is neither decrypted nor
// unpacked, and no count of iterations is followed.
func TestEncryptedTokensAreRefused(t *testing.T) {
	d := newDesk(t, oidc.RS256)
	part := b64(strings.Repeat("x", 256))
	five := func(header string) string { return strings.Join([]string{b64(header), part, part, part, part}, ".") }
	for name, c := range map[string]struct {
		raw  string
		want error
	}{
		"RSA-OAEP":             {five(`{"alg":"RSA-OAEP","enc":"A256GCM"}`), oidc.ErrUnsupported},
		"RSA1_5":               {five(`{"alg":"RSA1_5","enc":"A128CBC-HS256","kid":"` + d.issuer.KeyID() + `"}`), oidc.ErrUnsupported},
		"dir":                  {five(`{"alg":"dir","enc":"A256GCM"}`), oidc.ErrUnsupported},
		"password":             {five(`{"alg":"PBES2-HS512+A256KW","enc":"A256GCM","p2s":"c2FsdA","p2c":2147483647}`), oidc.ErrUnsupported},
		"compressed":           {five(`{"alg":"dir","enc":"A256GCM","zip":"DEF"}`), oidc.ErrUnsupported},
		"alg none":             {five(`{"alg":"none","enc":"A256GCM"}`), oidc.ErrUnsupported},
		"no enc":               {five(`{"alg":"RSA-OAEP"}`), oidc.ErrMalformed},
		"no key":               {strings.Replace(five(`{"alg":"RSA-OAEP","enc":"A256GCM"}`), part, "", 4), oidc.ErrUnsupported},
		"JSON":                 {`{"protected":"` + b64(`{"enc":"A256GCM"}`) + `","encrypted_key":"AA","iv":"AA","ciphertext":"AA","tag":"AA"}`, oidc.ErrMalformed},
		"JSON, recipients":     {`{"recipients":[{"header":{"alg":"PBES2-HS256+A128KW","p2c":2147483647}}],"ciphertext":"AA"}`, oidc.ErrMalformed},
		"signed, with enc":     {d.header(set("enc", "A256GCM")), oidc.ErrUnsupported},
		"signed, with p2c":     {d.header(set("p2c", 2147483647)), oidc.ErrUnsupported},
		"signed, with zip":     {d.header(set("zip", "GZ")), oidc.ErrUnsupported},
		"signed, alg RSA-OAEP": {d.header(set("alg", "RSA-OAEP")), oidc.ErrUnsupported},
	} {
		tok, err := d.v.Verify(t.Context(), c.raw)
		assert.Nil(t, tok, name)
		require.Error(t, err, name)
		assert.Same(t, c.want, requireToken(t, err, c.want).Reason, name)
	}
	assert.Zero(t, d.issuer.Requests())
}

// CWE-476, CWE-347: a token in JSON has parts that are missing, or signatures of
// which one is good. None is looked at.
func TestTokensInJSONAreRefused(t *testing.T) {
	d := newDesk(t, oidc.RS256)
	p := strings.Split(d.issuer.Sign(d.claims(nil)), ".")
	good := fmt.Sprintf(`{"protected":%q,"signature":%q}`, p[0], p[2])
	for _, raw := range []string{
		`{}`, `{`, `{"payload":null}`, `{"payload":"` + p[1] + `"}`, `{"signatures":[]}`, `{"signatures":[{}]}`, `{"payload":"","signatures":[null]}`,
		fmt.Sprintf(`{"payload":%q,"signature":%q}`, p[1], p[2]),
		fmt.Sprintf(`{"payload":%q,"header":{"alg":"RS256","kid":%q},"signature":%q}`, p[1], d.issuer.KeyID(), p[2]),
		fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, p[1], p[0], p[2]),
		fmt.Sprintf(`{"payload":%q,"signatures":[%s]}`, p[1], good),
		fmt.Sprintf(`{"payload":%q,"signatures":[%s,%s]}`, p[1], good, good),
		fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":""},%s]}`, p[1], b64(`{"alg":"none"}`), good),
		fmt.Sprintf(`{"payload":%q,"signatures":[%s,{"protected":"AA","signature":"AA"}]}`, b64(`{"sub":"other"}`), good),
		fmt.Sprintf(` {"payload":%q,"protected":%q,"signature":%q}`, p[1], p[0], p[2]),
		fmt.Sprintf(`[%s]`, good), `"` + strings.Join(p, ".") + `"`,
	} {
		tok, err := d.v.Verify(t.Context(), raw)
		assert.Nil(t, tok)
		assert.Same(t, oidc.ErrMalformed, requireToken(t, err, oidc.ErrMalformed).Reason)
	}
	assert.Zero(t, d.issuer.Requests())
}

// CWE-405, CWE-789: what a token costs does not grow with what is sent, not even
// where each verification is recorded by the hash of its token.
func TestSizeIsBounded(t *testing.T) {
	var hashes []string
	v := must(t, oidc.Config{
		Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, CachedTokens: 10,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Audit:  func(_ context.Context, e oidc.Event) { hashes = append(hashes[:0], e.TokenHash) },
	})
	cost := func(raw string) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := v.Verify(t.Context(), raw)
		runtime.ReadMemStats(&after)
		requireToken(t, err, oidc.ErrMalformed)
		return after.TotalAlloc - before.TotalAlloc
	}
	for range 2 { // Fills what is kept between calls.
		cost(strings.Repeat(".", 17<<10))
	}
	const room = 64 << 10
	small := cost(strings.Repeat(".", 17<<10))
	for name, raw := range map[string]string{
		"a mebibyte of dots":       strings.Repeat(".", 1<<20),
		"100 mebibytes":            strings.Repeat("A", 100<<20),
		"100 mebibytes with parts": strings.Repeat("A", 50<<20) + "." + strings.Repeat("A", 25<<20) + "." + strings.Repeat("A", 25<<20),
		"dots that just fit":       strings.Repeat(".", 16<<10),
		"open brackets":            "e30." + b64(strings.Repeat("[", 12000)) + ".AA",
		"many small members":       "e30." + b64("{"+strings.Repeat(`"":0,`, 2000)) + ".AA",
	} {
		assert.Less(t, cost(raw), small+room, name)
	}
	for _, size := range []int{16 << 10, 16<<10 + 1, 100_000} { // Hashed whole, or in pieces.
		raw := strings.Repeat("x", size)
		_, err := v.Verify(t.Context(), raw)
		requireToken(t, err, oidc.ErrMalformed)
		assert.Equal(t, []string{fmt.Sprintf("%x", sha256.Sum256([]byte(raw)))}, hashes)
	}
}

// CWE-843, CWE-1284: an audience of a type that none can have is not taken for
// one that is absent, nor searched for something that would do.
func TestAudiencesOfOddTypes(t *testing.T) {
	d := newDesk(t, oidc.RS256)
	for _, aud := range []any{
		0, 1.5, true, false, map[string]any{audience: audience}, []any{[]any{audience}}, []any{audience, nil}, []any{nil},
		[]any{audience, map[string]any{}}, []any{audience, true}, []any{1, audience},
	} {
		tok, err := d.v.Verify(t.Context(), d.with("aud", aud))
		assert.Nil(t, tok)
		require.Error(t, err, "%v", aud)
		assert.Equal(t, "aud", requireToken(t, err, oidc.ErrClaim).Claim, "%v", aud)
	}
	for _, aud := range []any{"", " ", audience + " ", "\t" + audience, []string{"", "other"}, audience + "\x00", strings.ReplaceAll(audience, "e", "е")} {
		tok, err := d.v.Verify(t.Context(), d.with("aud", aud))
		assert.Nil(t, tok)
		require.Error(t, err, "%q", aud)
		assert.Equal(t, "aud", requireToken(t, err, oidc.ErrAudience).Claim, "%q", aud)
	}
}

// CWE-918: an issuer's server does not send the verifier to another one, be it
// for the discovery document or for the keys.
func TestRedirectsToElsewhereAreNotFollowed(t *testing.T) {
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	document := fmt.Sprintf(`{"issuer":"https://gitlab.com","jwks_uri":%q}`, issuer.KeysURL())
	for _, from := range []string{issuer.DiscoveryURL(), issuer.KeysURL()} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			for _, to := range []string{
				"https://evil.example/", "http://gitlab.com/", "https://gitlab.com:8443/", "https://keys.gitlab.com/", "https://gitlab.com.evil.example/",
				"http://127.0.0.1/", "https://127.0.0.1/", "http://localhost/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/",
				"//evil.example/", "https://gitlab.com@evil.example/", "file:///etc/passwd", "gopher://gitlab.com/", "/\\evil.example/",
			} {
				r := &recorder{answer: func(req *http.Request) (int, http.Header, string, error) {
					switch {
					case req.URL.String() == from:
						return status, http.Header{"Location": {to}}, "", nil
					case req.URL.String() == issuer.DiscoveryURL():
						return 200, nil, document, nil
					case req.URL.String() == issuer.KeysURL():
						return 200, nil, string(issuer.JWKS()), nil
					}
					return 404, nil, "", nil
				}}
				v := must(t, oidc.Config{Issuers: []oidc.Issuer{oidc.GitLab(issuer.URL())}, Audiences: []string{audience}, HTTPClient: &http.Client{Transport: r}})
				_, err := v.Verify(t.Context(), issuer.GitLab(audience))
				op := oidc.OpKeys
				if from == issuer.DiscoveryURL() {
					op = oidc.OpDiscovery
				}
				requireUnavailable(t, err, op)
				for _, asked := range r.requests() {
					u, err := url.Parse(asked)
					require.NoError(t, err)
					assert.Equal(t, "https://gitlab.com", u.Scheme+"://"+u.Host, "from %s, by %d to %s", from, status, to)
				}
			}
		}
	}
}

// CWE-347, CWE-1188: nothing exported switches a check off, and nothing but the
// verifier hands out claims.
func TestNothingExportedSkipsTheVerification(t *testing.T) {
	off := regexp.MustCompile(`(?i)skip|insecure|unsafe|disable|ignore|bypass|without|unverified|noverify|nocheck|trustall`)
	for _, options := range []any{oidc.Config{}, oidc.Issuer{}, oidc.RemoteKeySetOptions{}, oidc.MiddlewareOptions{}, oidc.Key{}} {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(options)) {
			assert.NotRegexp(t, off, f.Name)
		}
	}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var givers []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() || f.Type.Results == nil {
				continue
			}
			assert.NotRegexp(t, off, f.Name.Name)
			for _, result := range f.Type.Results.List {
				if givesClaims(result.Type, f.Type.TypeParams) {
					givers = append(givers, receiver(f)+f.Name.Name)
				}
			}
		}
	}
	slices.Sort(givers)
	// Verify makes a token; the others take one, or a context it was put into.
	assert.Equal(t, []string{"As", "ClaimsFromContext", "FromContext", "Token.Claims", "Verifier.Verify", "Verify"}, givers)
}

// givesClaims reports whether a result type is a token, a claims model or a type
// parameter, which stands for one.
func givesClaims(result ast.Expr, params *ast.FieldList) bool {
	switch e := result.(type) {
	case *ast.StarExpr:
		return givesClaims(e.X, params)
	case *ast.SelectorExpr:
		return fmt.Sprint(e.X) == "claims" && e.Sel.Name != "Identity"
	case *ast.Ident:
		if e.Name == "Token" {
			return true
		}
		if params != nil {
			for _, p := range params.List {
				for _, name := range p.Names {
					if name.Name == e.Name {
						return true
					}
				}
			}
		}
	}
	return false
}

func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	t := f.Recv.List[0].Type
	if s, ok := t.(*ast.StarExpr); ok {
		t = s.X
	}
	return fmt.Sprint(t) + "."
}

// CWE-295: a server that cannot show whose it is serves no keys. Trust in a
// private authority is for the given client to say.
func TestKeysOverTLS(t *testing.T) {
	var issuer *oidctest.Issuer
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { issuer.ServeHTTP(w, r) }))
	server.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(io.Discard, nil), slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	issuer = oidctest.NewIssuer(t, &oidctest.Options{URL: server.URL})
	cfg := oidc.Config{Issuers: []oidc.Issuer{oidc.GitLab(issuer.URL())}, Audiences: []string{audience}}
	raw := issuer.GitLab(audience)
	for name, client := range map[string]*http.Client{"no client": nil, "a plain client": {}, "a client that trusts nobody": {Transport: transportWith(x509.NewCertPool())}} {
		cfg.HTTPClient = client
		_, err := must(t, cfg).Verify(t.Context(), raw)
		u := requireUnavailable(t, err, oidc.OpDiscovery)
		var unknown x509.UnknownAuthorityError
		assert.ErrorAs(t, u.Err, &unknown, name)
		assert.Zero(t, issuer.Requests(), name)
	}
	cfg.HTTPClient = server.Client()
	_, err := must(t, cfg).Verify(t.Context(), raw)
	assert.NoError(t, err)
	// The name counts too: the certificate is for the server's address.
	elsewhere := oidctest.NewIssuer(t, &oidctest.Options{URL: strings.Replace(server.URL, "127.0.0.1", "localhost", 1)})
	cfg.Issuers = []oidc.Issuer{oidc.GitLab(elsewhere.URL())}
	_, err = must(t, cfg).Verify(t.Context(), elsewhere.GitLab(audience))
	var wrong x509.HostnameError
	assert.ErrorAs(t, requireUnavailable(t, err, oidc.OpDiscovery).Err, &wrong)
}

func transportWith(roots *x509.CertPool) http.RoundTripper {
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
}

// CWE-287, CWE-843: what tells a job from another must be there, filled in, and
// of its type; nothing is converted into something that would do.
func TestIdentityClaimsOfOddValues(t *testing.T) {
	gitlab := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	circle := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIURL(otherOrg)})
	root := oidctest.NewIssuer(t, &oidctest.Options{URL: oidctest.CircleCIRootURL})
	v := must(t, oidc.Config{
		Issuers:   []oidc.Issuer{oidc.GitLab(gitlab.URL()), oidc.CircleCI(otherOrg), oidc.CircleCIRoot(otherOrg)},
		Audiences: []string{audience}, HTTPClient: oidctest.Client(gitlab, circle, root), AllowForks: true, AllowSSHRerun: true,
	})
	refuse := func(raw func(...func(oidctest.Claims)) string, claim string, values ...any) {
		t.Helper()
		for _, value := range values {
			tok, err := v.Verify(t.Context(), raw(withClaim(claim, value)))
			assert.Nil(t, tok)
			if assert.Error(t, err, "%s: %v", claim, value) {
				assert.Equal(t, claim, requireToken(t, err, oidc.ErrClaim).Claim, "%v", value)
			}
		}
	}
	ofGitLab := func(edit ...func(oidctest.Claims)) string { return gitlab.GitLab(audience, edit...) }
	ofCircleCI := func(edit ...func(oidctest.Claims)) string { return circle.CircleCI(audience, edit...) }
	ofRoot := func(edit ...func(oidctest.Claims)) string {
		return root.CircleCI(audience, append([]func(oidctest.Claims){withClaim("oidc.circleci.com/org-id", otherOrg)}, edit...)...)
	}
	for _, raw := range []string{ofGitLab(), ofCircleCI(), ofRoot()} {
		_, err := v.Verify(t.Context(), raw)
		require.NoError(t, err)
	}
	for _, claim := range []string{"project_id", "pipeline_id", "job_id"} {
		refuse(ofGitLab, claim, "", nil, true, -1, 1.5, []any{"1"}, map[string]any{"id": 1})
	}
	refuse(ofGitLab, "sub", "", nil, 1, []string{"s"})
	refuse(ofGitLab, "project_path", 5, true, []string{"a/b"}, map[string]any{})
	for _, claim := range []string{"ref_protected", "environment_protected"} {
		refuse(ofGitLab, claim, "TRUE", "True", "1", "yes", " true", 1, 0, []bool{true}, map[string]any{"true": true})
	}
	refuse(ofGitLab, "groups_direct", "a", []any{1}, []any{nil}, map[string]any{"a": "b"})
	refuse(ofCircleCI, "oidc.circleci.com/project-id", "", nil, 1, true, []string{otherOrg})
	refuse(ofCircleCI, "oidc.circleci.com/ssh-rerun", "no", "FALSE", 0, []any{}, map[string]any{})
	refuse(ofCircleCI, "oidc.circleci.com/context-ids", otherOrg, []any{1}, map[string]any{})
	refuse(ofRoot, "oidc.circleci.com/org-id", "", nil, 1, []string{otherOrg})
}

// CWE-117: what a token says of itself begins no line of a log and ends no
// quotation in it.
func TestClaimsInErrorsAreQuoted(t *testing.T) {
	d := newDesk(t, oidc.RS256)
	const fake = "\"\r\nlevel=INFO msg=\"accepted\u2028\u202e\x1b[2J\x00"
	for name, raw := range map[string]string{
		"iss": d.with("iss", "https://evil.example"+fake), "aud": d.with("aud", fake), "auds": d.with("aud", []string{fake, fake}),
		"kid": d.header(set("kid", fake)), "alg": d.header(set("alg", fake)), "typ": d.header(set("typ", fake)),
		"name": d.payloadWith(`,"a\r\nb":1,"a\r\nb":2`), "exp": d.with("exp", fake), "sub": d.with("sub", []string{fake}),
		"long": d.with("iss", strings.Repeat("x\n", 4000)), "header": d.header(set(fake, fake)),
	} {
		_, err := d.v.Verify(t.Context(), raw)
		if name == "header" {
			assert.NoError(t, err)
			continue
		}
		require.Error(t, err, name)
		var e *oidc.TokenError
		require.ErrorAs(t, err, &e, name)
		assert.Less(t, len(err.Error()), 2048, name)
		for _, r := range err.Error() {
			assert.True(t, unicode.IsPrint(r) && r < unicode.MaxASCII, "%s: %q", name, err)
		}
		assert.NotContains(t, err.Error(), `evil.example"`, "%s: the quotation ends where the text does", name)
	}
}

// CWE-347: a header that says what must be understood says it to nobody here,
// whatever form it has.
func TestCriticalHeadersOfOddForms(t *testing.T) {
	d := newDesk(t, oidc.RS256)
	for _, crit := range []any{nil, "", "alg", 1, true, map[string]any{}, []any{}, []any{nil}, []any{1}, []string{"kid"}, []string{"b64"}, []any{[]string{"x"}}, []string{"x", "x"}} {
		for _, edit := range []func(oidctest.Header){
			set("crit", crit),
			func(h oidctest.Header) { h["crit"], h["x"] = crit, 1 },
			func(h oidctest.Header) { h["crit"], h["b64"] = crit, true },
		} {
			tok, err := d.v.Verify(t.Context(), d.header(edit))
			assert.Nil(t, tok)
			require.Error(t, err, "%v", crit)
			requireToken(t, err, oidc.ErrUnsupported)
		}
	}
}

// CWE-625, CWE-918: an issuer is the configured text and nothing that a URL
// parser, a pattern or a person could take for it.
func TestIssuersThatLookAlike(t *testing.T) {
	r := &recorder{answer: func(*http.Request) (int, http.Header, string, error) { return 404, nil, "", nil }}
	v := must(t, oidc.Config{
		Issuers: []oidc.Issuer{
			oidc.GitLab("https://gitlab.com"), oidc.CircleCI(otherOrg), oidc.CircleCIRoot(otherOrg),
			oidc.CircleCIOrganizations(func(_ context.Context, id string) (bool, error) {
				t.Errorf("asked about %q", id)
				return true, nil
			}),
		},
		Audiences: []string{audience}, HTTPClient: &http.Client{Transport: r},
	})
	forger := oidctest.NewIssuer(t, nil)
	org := "/org/" + otherOrg
	for _, iss := range []string{
		"https://gitlab.com/", "https://gitlab.com.", "https://gitlab.com:443", "https://gitlab.com?", "https://gitlab.com#", "https://gitlab.com/..",
		"https://GitLab.com", "HTTPS://gitlab.com", "http://gitlab.com", "//gitlab.com", "gitlab.com", "https:gitlab.com", "https:///gitlab.com",
		"https://gitlab.com\x00", "https://gitlab.com\n", " https://gitlab.com", "https://gitlab。com", "https://gitlab．com", "https://ɡitlab.com",
		"https://gitlab.com%2f", "https://gitlab.com%00.evil.example", "https://gitlab.com\\.evil.example", "https://gitlab.com@evil.example",
		"https://evil.example/https://gitlab.com", "https://evil.example#https://gitlab.com", "https://evil.gitlab.com", "https://gitlab.com.evil.example",
		"https://xgitlab.com", "https://gitlab\u200b.com", "https://gitlabXcom",
		"https://oidc。circleci.com" + org, "https://oidc．circleci．com" + org, "https://oidc.circleci.com\\" + org, "https://oidc.circleci.com/\\org/" + otherOrg,
		"https://oidc.circleci.com/org\\" + otherOrg, "https://oidc.circleci.com/ORG/" + otherOrg, "https://oidc.circleci.com/org%2f" + otherOrg,
		"https://oidc.circleci.com" + org + "\n", "https://oidc.circleci.com" + org + "\x00", "https://oidc.circleci.com" + org + org,
		"https://oidc.circleci.com" + org + ".", "https://oidc.circleci.com./org/" + otherOrg, "https://oidcXcircleci.com" + org,
		"https://evil.example/oidc.circleci.com" + org, "https://evil.example" + org, "https://oidc.circleci.com:x@evil.example" + org,
		"https://oidc.circleci.com/org/{" + otherOrg + "}", "https://oidc.circleci.com/org/*", "https://oidc.circleci.com/org/..", "https://oidc.circleci.com/",
		"https://oidc.circleci.com/org/" + strings.ReplaceAll(otherOrg, "-", ""), "https://oidc.circleci.com/org/urn:uuid:" + otherOrg,
	} {
		_, err := v.Verify(t.Context(), forger.Sign(oidctest.Claims{"iss": iss, "sub": "s", "aud": audience, "iat": time.Now().Unix(), "exp": time.Now().Unix() + 60}))
		require.Error(t, err, "%q", iss)
		assert.Equal(t, iss, requireToken(t, err, oidc.ErrIssuer).Issuer)
	}
	assert.Empty(t, r.requests(), "a request for an issuer that nobody configured")
}

// CWE-1240: a key whose primes can be found out from it verifies nothing, be it
// fetched, parsed or given.
func TestKeysThatCanBeFactored(t *testing.T) {
	product := big.NewInt(1)
	for p := int64(3); p <= 167; p += 2 {
		if big.NewInt(p).ProbablyPrime(0) {
			product.Mul(product, big.NewInt(p))
		}
	}
	// A power of 65537 modulo each small prime, as the moduli of such keys are.
	n := new(big.Int).Lsh(product, uint(2048-product.BitLen()))
	n.Add(n, big.NewInt(65537))
	require.Equal(t, 2048, n.BitLen())
	require.EqualValues(t, 1, n.Bit(0))
	const reason = "the RSA key was made of primes with a structure by which they can be found"

	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	jwk := fmt.Sprintf(`{"kty":"RSA","n":%q,"e":"AQAB","kid":"weak"}`, b64(string(n.Bytes())))
	_, err := oidc.ParseKeySet([]byte(`{"keys":[` + jwk + `]}`))
	assert.ErrorContains(t, err, reason)

	i := oidc.GitLab(issuer.URL())
	i.Keys = oidc.StaticKeySet{{ID: "weak", Algorithm: oidc.RS256, Public: &rsa.PublicKey{N: n, E: 65537}}}
	_, err = oidc.NewVerifier(oidc.Config{Issuers: []oidc.Issuer{i}, Audiences: []string{audience}})
	assert.ErrorContains(t, err, "key 0 of the static key set: "+reason)

	issuer.Publish(jwk)
	v := must(t, oidc.Config{Issuers: []oidc.Issuer{oidc.GitLab(issuer.URL())}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer)})
	_, err = v.Verify(t.Context(), issuer.GitLab(audience))
	assert.NoError(t, err, "the other keys of the set are as good as before")
	_, err = v.Verify(t.Context(), issuer.SignWith(set("kid", "weak"), oidctest.Claims{"iss": issuer.URL()}))
	requireToken(t, err, oidc.ErrUnknownKey)
}

// CWE-345: two issuers may give different keys one ID, at the same time, and a
// verifier that has seen a key of one takes it for no other's.
func TestOneKeyIDAtTwoIssuers(t *testing.T) {
	public := func(seed byte) (*mint, oidc.Issuer, string) {
		m := newMint(t, oidc.EdDSA)
		u := fmt.Sprintf("https://%c.example", seed)
		i := oidc.IssuerOf[claims.Registered](u)
		i.Algorithms, i.Keys = []oidc.Algorithm{oidc.EdDSA}, oidc.StaticKeySet{{ID: "k", Algorithm: oidc.EdDSA, Public: m.key.Public()}}
		return m, i, u
	}
	a, issuerA, urlA := public('a')
	b, issuerB, urlB := public('b')
	now := time.Unix(1790000000, 0)
	v := must(t, oidc.Config{Issuers: []oidc.Issuer{issuerA, issuerB}, Audiences: []string{audience}, Now: func() time.Time { return now }, CachedTokens: 100})
	token := func(m *mint, iss string) string {
		input := b64(m.header()) + "." + b64(string(marshal(t, map[string]any{"iss": iss, "sub": "s", "aud": audience, "iat": now.Unix(), "exp": now.Unix() + 60})))
		return input + "." + m.signature(t, input)
	}
	for range 2 { // The second time, what is remembered is asked.
		for _, good := range []string{token(a, urlA), token(b, urlB)} {
			_, err := v.Verify(t.Context(), good)
			assert.NoError(t, err)
		}
		for _, bad := range []string{token(a, urlB), token(b, urlA)} {
			_, err := v.Verify(t.Context(), bad)
			require.Error(t, err)
			requireToken(t, err, oidc.ErrSignature)
		}
	}
}
