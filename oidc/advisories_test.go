package oidc_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	// Verify and VerifyFor make a token; the others take one, or a context it was put into.
	assert.Equal(t, []string{"As", "ClaimsFromContext", "FromContext", "Token.Claims", "Verifier.Verify", "Verifier.VerifyFor", "Verify"}, givers)
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
