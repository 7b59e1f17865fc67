package interop

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// differentialPayloads returns claims of every kind the fake issuer makes, and
// some that nobody should send.
func differentialPayloads(t testing.TB) []string {
	t.Helper()
	now := func() time.Time { return time.Unix(differentialNow, 0) }
	issuer := func(url string) *fakeissuer.Issuer {
		i, err := fakeissuer.New(fakeissuer.Options{URL: url, Now: now, Fatal: func(err error) { t.Fatal(err) }})
		require.NoError(t, err)
		t.Cleanup(i.Close)
		return i
	}
	gitlab, circle, root := issuer("https://gitlab.com"), issuer(fakeissuer.CircleCIURL(differentialOrg)), issuer(fakeissuer.CircleCIRootURL)
	set := func(name string, value any) func(fakeissuer.Claims) {
		return func(c fakeissuer.Claims) { c[name] = value }
	}
	var tokens []string
	for _, edit := range []func(fakeissuer.Claims){
		nil, fakeissuer.BeforeGitLab184, fakeissuer.BeforeGitLab189, fakeissuer.NoConfigRef, fakeissuer.MergeRequest, fakeissuer.ForkMergeRequest,
		fakeissuer.ForkMergeRequestInParent, fakeissuer.NullUserAccessLevel, fakeissuer.NoUser, fakeissuer.ProtectedEnvironment("production", "production"),
		fakeissuer.PolicyJob, fakeissuer.GroupsDirect("a", "a/b"), fakeissuer.UserIdentity("github", "1"), fakeissuer.SelfHostedRunner, fakeissuer.LegacyV2,
		fakeissuer.AudienceArray("other"), fakeissuer.Tag("v1"), fakeissuer.Expired, fakeissuer.NotYet,
		set("runner_id", "5"), set("project_id", 278964), set("groups_direct", []string{}), set("job_config", map[string]any{"url": "u", "sha": nil}),
	} {
		tokens = append(tokens, gitlab.GitLab(differentialAudience, edit))
	}
	for _, edit := range []func(fakeissuer.Claims){
		nil, fakeissuer.SubjectV2, fakeissuer.CustomWebhook, fakeissuer.ForkPullRequest, fakeissuer.SSHRerun, fakeissuer.BeforeNovember2025,
		fakeissuer.Contexts("a", "b"), fakeissuer.AuditLogStream, fakeissuer.FiveHours,
	} {
		tokens = append(tokens, circle.CircleCI("", edit, set("aud", differentialAudience)))
	}
	tokens = append(tokens, root.CircleCI("", set("oidc.circleci.com/org-id", differentialOrg), set("aud", differentialAudience)))
	var payloads []string
	for _, raw := range tokens {
		b, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
		require.NoError(t, err)
		payloads = append(payloads, string(b))
	}
	const times = `"iat":1790000000,"exp":1790003600`
	of := func(more string) string {
		return `{"iss":"https://x.example","sub":"s","aud":"` + differentialAudience + `",` + more + `}`
	}
	return append(payloads,
		of(times), of(`"iat":1.79e9,"exp":17900036000E-1,"nbf":1790000000.9`), of(`"iat":1790000030,"exp":1789999971`), of(`"iat":1790000030.999,"exp":1790000031`),
		of(times+`,"nbf":null,"jti":null`), of(times+`,"x":1e999`), of(times+`,"x":-1E+400`), of(times+`,"x":1e-999`), of(times+`,"x":`+strings.Repeat("9", 400)),
		of(times+`,"x":0.`+strings.Repeat("0", 400)+`1`), of(times+`,"x":[{"x":1,"y":{"x":[]}},"\ud83d\ude00\u0000"]`), of(times+`,"x":{"a":1,"A":2}`),
		of(times+`,"":1,"\u0000":2`), of(times+`,"ſub":"t"`), of(times+`,"\u0053ub":"t"`), of(times+`,"Jti":"t"`), of(times+`,"nonce":5,"amr":"x","cnf":[]`),
		" \t\r\n"+of(times)+"\n", of("\"iat\" :\t1790000000 , \"exp\"\n:1790003600"), `{"iss":"https:\/\/x.example","\u0073ub":"\u0073","aud":["`+differentialAudience+`"],`+times+`}`,
	)
}

// Header members that nothing here acts on, in the types they have and in others.
func differentialHeaders() []string {
	headers := []string{
		differentialHeader, `{"alg":"EdDSA","kid":"k"}`, `{"alg":"RS256","kid":"k"}`, `{"alg":"EdDSA","kid":"k","alg":"RS256"}`, ` {"alg":"\u0052S256","kid":"\u006b","typ":"jwt"} `, `{"alg":"RS256","kid":"k","Typ":"JWT"}`, `{"alg":"RS512","kid":"k"}`,
	}
	for _, name := range []string{"x5t", "x5t#S256", "nonce", "url", "iss", "sub", "aud", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c", "ppt", "svt", "", "x"} {
		for _, value := range []string{`"x"`, `5`, `1e999`, `null`, `true`, `[]`, `{}`, `{"kty":"RSA"}`, `[{"a":[1]}]`} {
			headers = append(headers, `{"alg":"EdDSA","kid":"k","`+name+`":`+value+`}`)
		}
	}
	return headers
}

// What is accepted here is accepted by the others, of what CI platforms send
// and of what others may. The fuzz targets go on from here.
func TestDifferential(t *testing.T) {
	d := newDifferential(t)
	accepted := 0
	payloads := differentialPayloads(t)
	for _, payload := range payloads {
		if d.agree(t, d.sign(t, differentialHeader, payload)) {
			accepted++
			assert.True(t, d.agree(t, d.sign(t, `{"alg":"RS256","kid":"k"}`, payload)))
		}
	}
	assert.GreaterOrEqual(t, accepted, 40, "of %d payloads", len(payloads))
	t.Logf("%d of %d payloads are accepted, by all three alike", accepted, len(payloads))
	accepted = 0
	headers := differentialHeaders()
	for _, header := range headers {
		if d.agree(t, d.sign(t, header, payloads[0])) {
			accepted++
		}
	}
	assert.GreaterOrEqual(t, accepted, 60, "of %d headers", len(headers))
	t.Logf("%d of %d headers are accepted, by all three alike", accepted, len(headers))
}

// Whatever is signed, what is accepted here is accepted by the others.
func FuzzDifferentialSigned(f *testing.F) {
	d := newDifferential(f)
	for _, payload := range differentialPayloads(f) {
		f.Add(differentialHeader, payload)
	}
	for _, header := range differentialHeaders() {
		f.Add(header, `{"iss":"https://x.example","sub":"s","aud":"`+differentialAudience+`","iat":1790000000,"exp":1790003600}`)
	}
	f.Fuzz(func(t *testing.T, header, payload string) {
		d.agree(t, d.sign(t, header, payload))
		if header != differentialHeader {
			d.agree(t, d.sign(t, differentialHeader, payload))
		}
	})
}

// Whatever is then done to the text of a signed token, it is refused: what is
// accepted was signed, in this spelling.
func FuzzDifferentialMutated(f *testing.F) {
	d := newDifferential(f)
	for i, payload := range differentialPayloads(f) {
		f.Add(payload, uint16(i*37), "A", uint8(i))
		f.Add(payload, uint16(65535-i), "=", uint8(1))
		f.Add(payload, uint16(len(payload)*4/3+53), "\n", uint8(1))
	}
	f.Fuzz(func(t *testing.T, payload string, at uint16, text string, remove uint8) {
		good := d.sign(t, differentialHeader, payload)
		accepted := d.agree(t, good)
		from := int(at) % (len(good) + 1)
		to := min(len(good), from+int(remove)%8)
		if mutated := good[:from] + text + good[to:]; mutated != good && accepted {
			require.False(t, d.agree(t, mutated), "%q for %q at %d", text, good[from:to], from)
		}
	})
}
