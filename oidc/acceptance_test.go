package oidc_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// desk makes tokens for the acceptance cases and judges them.
type desk struct {
	issuer *oidctest.Issuer
	now    time.Time
	v      *oidc.Verifier
}

func newDesk(t *testing.T, alg oidc.Algorithm) *desk {
	d := &desk{now: time.Date(2026, 9, 21, 12, 0, 0, 0, time.UTC)}
	now := func() time.Time { return d.now }
	d.issuer = oidctest.NewIssuer(t, &oidctest.Options{URL: "https://ci.example", Algorithm: alg, Now: now})
	trusted := oidc.IssuerOf[claims.Registered](d.issuer.URL())
	trusted.Algorithms = []oidc.Algorithm{alg}
	d.v = must(t, oidc.Config{
		Issuers: []oidc.Issuer{trusted}, Audiences: []string{audience}, HTTPClient: oidctest.Client(d.issuer), Now: now,
	})
	return d
}

func (d *desk) claims(edit func(oidctest.Claims)) oidctest.Claims {
	n := d.now.Unix()
	c := oidctest.Claims{"iss": d.issuer.URL(), "sub": "s", "aud": audience, "iat": n, "nbf": n, "exp": n + 3600}
	if edit != nil {
		edit(c)
	}
	return c
}

// with returns a token that differs from a good one in one claim.
func (d *desk) with(name string, value any) string {
	return d.issuer.Sign(d.claims(func(c oidctest.Claims) { c[name] = value }))
}

func (d *desk) without(name string) string {
	return d.issuer.Sign(d.claims(func(c oidctest.Claims) { delete(c, name) }))
}

// header returns a good token whose header differs.
func (d *desk) header(edit func(oidctest.Header)) string {
	return d.issuer.SignWith(edit, d.claims(nil))
}

func set(name string, value any) func(oidctest.Header) {
	return func(h oidctest.Header) { h[name] = value }
}

// payload returns a token with this payload, byte for byte.
func (d *desk) payload(text string) string {
	return d.issuer.SignRaw(fmt.Sprintf(`{"kid":%q,"typ":"JWT","alg":"RS256"}`, d.issuer.KeyID()), text)
}

// payloadWith returns a token whose payload is a good one with more text in
// front of the closing brace.
func (d *desk) payloadWith(text string) string {
	b, _ := json.Marshal(d.claims(nil))
	return d.payload(strings.TrimSuffix(string(b), "}") + text + "}")
}

func (d *desk) rawHeader(text string) string {
	b, _ := json.Marshal(d.claims(nil))
	return d.issuer.SignRaw(text, string(b))
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// lastBits changes the bits of the last character that decode to nothing.
func lastBits(raw string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	i := strings.IndexByte(alphabet, raw[len(raw)-1])
	return raw[:len(raw)-1] + string(alphabet[i^1])
}

func TestAcceptance(t *testing.T) {
	d := newDesk(t, oidc.RS256)
	n := d.now.Unix()
	good := d.issuer.Sign(d.claims(nil))
	parts := strings.Split(good, ".")
	kid := d.issuer.KeyID()
	b, err := json.Marshal(d.claims(nil))
	require.NoError(t, err)
	inner := string(b)
	tampered := parts[0] + "." + b64(strings.Replace(inner, `"sub":"s"`, `"sub":"t"`, 1)) + "." + parts[2]
	expired := d.issuer.Sign(d.claims(func(c oidctest.Claims) { c["exp"] = n - 3600; c["iat"] = n - 7200; c["nbf"] = n - 7200 }))
	ep := strings.Split(expired, ".")

	for name, c := range map[string]struct {
		raw  string
		want error // nil: accepted
	}{
		"good":                      {good, nil},
		"no typ":                    {d.header(func(h oidctest.Header) { delete(h, "typ") }), nil},
		"typ in lower case":         {d.header(set("typ", "jwt")), nil},
		"nonce":                     {d.with("nonce", "n"), nil},
		"audiences, no azp":         {d.with("aud", []string{"other", audience}), nil},
		"exp with a fraction":       {d.with("exp", json.Number("1790000000.5")), nil},
		"expired within the leeway": {d.with("exp", n-29), nil},
		"nbf within the leeway":     {d.with("nbf", n+30), nil},
		"iat within the leeway":     {d.with("iat", n+5), nil},
		"no nbf":                    {d.without("nbf"), nil},
		"longest lifetime":          {d.with("exp", n+24*3600), nil},

		"alg none, no signature":    {d.headerOnly(`{"alg":"none","kid":"` + kid + `"}`), oidc.ErrUnsupported},
		"alg None, no signature":    {d.headerOnly(`{"alg":"None"}`), oidc.ErrUnsupported},
		"alg NONE twice":            {d.headerOnly(`{"alg":"none","alg":"none"}`), oidc.ErrMalformed},
		"alg none":                  {d.header(set("alg", "none")), oidc.ErrUnsupported},
		"alg nOnE":                  {d.header(set("alg", "nOnE")), oidc.ErrUnsupported},
		"alg HS256":                 {d.header(set("alg", "HS256")), oidc.ErrUnsupported},
		"alg PS256":                 {d.header(set("alg", "PS256")), oidc.ErrUnsupported},
		"alg RS512":                 {d.header(set("alg", "RS512")), oidc.ErrUnsupported},
		"alg of another issuer":     {d.header(set("alg", "ES256")), oidc.ErrUnsupported},
		"alg missing":               {d.header(func(h oidctest.Header) { delete(h, "alg") }), oidc.ErrMalformed},
		"alg a number":              {d.header(set("alg", 1)), oidc.ErrMalformed},
		"embedded jwk":              {d.header(set("jwk", map[string]any{"kty": "RSA"})), oidc.ErrUnsupported},
		"jku":                       {d.header(set("jku", "https://evil.example/keys")), oidc.ErrUnsupported},
		"x5u":                       {d.header(set("x5u", "https://evil.example/keys")), oidc.ErrUnsupported},
		"x5c":                       {d.header(set("x5c", []string{"x"})), oidc.ErrUnsupported},
		"crit unknown":              {d.header(set("crit", []string{"x"})), oidc.ErrUnsupported},
		"crit empty":                {d.header(set("crit", []string{})), oidc.ErrUnsupported},
		"crit names alg":            {d.header(set("crit", []string{"alg"})), oidc.ErrUnsupported},
		"b64 false":                 {d.header(set("b64", false)), oidc.ErrUnsupported},
		"b64 false, in crit":        {d.header(func(h oidctest.Header) { h["b64"] = false; h["crit"] = []string{"b64"} }), oidc.ErrUnsupported},
		"zip":                       {d.header(set("zip", "DEF")), oidc.ErrUnsupported},
		"cty JWT":                   {d.header(set("cty", "JWT")), oidc.ErrUnsupported},
		"typ at+jwt":                {d.header(set("typ", "at+jwt")), oidc.ErrUnsupported},
		"typ dpop+jwt":              {d.header(set("typ", "dpop+jwt")), oidc.ErrUnsupported},
		"typ logout+jwt":            {d.header(set("typ", "logout+jwt")), oidc.ErrUnsupported},
		"kid missing":               {d.header(func(h oidctest.Header) { delete(h, "kid") }), oidc.ErrUnknownKey},
		"kid empty":                 {d.header(set("kid", "")), oidc.ErrUnknownKey},
		"kid unknown":               {d.header(set("kid", "../../dev/null")), oidc.ErrUnknownKey},
		"kid a number":              {d.header(set("kid", 1)), oidc.ErrMalformed},
		"alg twice":                 {d.rawHeader(`{"alg":"none","alg":"RS256","kid":"` + kid + `"}`), oidc.ErrMalformed},
		"ALG beside alg":            {d.rawHeader(`{"alg":"RS256","ALG":"none","kid":"` + kid + `"}`), oidc.ErrMalformed},
		"KID alone":                 {d.rawHeader(`{"alg":"RS256","KID":"` + kid + `"}`), oidc.ErrMalformed},
		"CRIT alone":                {d.rawHeader(`{"alg":"RS256","CRIT":["x"],"kid":"` + kid + `"}`), oidc.ErrMalformed},
		"header with trailing text": {d.rawHeader(`{"alg":"RS256","kid":"` + kid + `"}x`), oidc.ErrMalformed},
		"header an array":           {d.rawHeader(`["RS256"]`), oidc.ErrMalformed},

		"payload with trailing text": {d.payload(inner + "x"), oidc.ErrMalformed},
		"iss twice, good first":      {d.payloadWith(`,"iss":"https://evil.example"`), oidc.ErrMalformed},
		"iss twice, good last":       {d.payload(`{"iss":"https://evil.example",` + inner[1:]), oidc.ErrMalformed},
		"sub twice":                  {d.payloadWith(`,"sub":"evil"`), oidc.ErrMalformed},
		"SUB beside sub":             {d.payloadWith(`,"SUB":"evil"`), oidc.ErrMalformed},
		"long s in sub":              {d.payloadWith(`,"ſub":"evil"`), oidc.ErrMalformed},
		"EXP beside exp":             {d.payloadWith(`,"EXP":9999999999`), oidc.ErrMalformed},
		"AUD alone":                  {d.payload(strings.Replace(inner, `"aud"`, `"AUD"`, 1)), oidc.ErrMalformed},
		"payload null":               {d.payload(`null`), oidc.ErrMalformed},
		"payload an array":           {d.payload(`[` + inner + `]`), oidc.ErrMalformed},
		"payload a string":           {d.payload(`"x"`), oidc.ErrMalformed},
		"payload empty":              {d.payload(``), oidc.ErrMalformed},
		"payload of white space":     {d.payload(` `), oidc.ErrMalformed},
		"invalid UTF-8":              {d.payloadWith(",\"x\":\"\xff\""), oidc.ErrMalformed},
		"lone surrogate":             {d.payloadWith(`,"x":"\ud800"`), oidc.ErrMalformed},
		"byte order mark":            {d.payload("\ufeff" + inner), oidc.ErrMalformed},
		"a JWS inside":               {d.payload(good), oidc.ErrMalformed},
		"deep":                       {d.payloadWith(`,"x":` + strings.Repeat("[", 16) + strings.Repeat("]", 16)), oidc.ErrMalformed},

		"signature of standard base64": {parts[0] + "." + parts[1] + "." + standard(parts[2]), oidc.ErrMalformed},
		"signature padded":             {good + "==", oidc.ErrMalformed},
		"signature with other bits":    {lastBits(good), oidc.ErrMalformed},
		"line break in the signature":  {good[:len(good)-4] + "\n" + good[len(good)-4:], oidc.ErrMalformed},
		"line break in the header":     {good[:4] + "\n" + good[4:], oidc.ErrMalformed},
		"space in front":               {" " + good, oidc.ErrMalformed},
		"space behind":                 {good + " ", oidc.ErrMalformed},
		"four parts":                   {good + ".x", oidc.ErrMalformed},
		"five parts":                   {good + ".x.y", oidc.ErrMalformed},
		"two parts":                    {parts[0] + "." + parts[1], oidc.ErrMalformed},
		"one part":                     {parts[0], oidc.ErrMalformed},
		"empty":                        {"", oidc.ErrMalformed},
		"JSON serialization":           {`{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`, oidc.ErrMalformed},
		"signature empty":              {parts[0] + "." + parts[1] + ".", oidc.ErrMalformed},
		"over 16 KiB":                  {d.with("x", strings.Repeat("x", 16<<10)), oidc.ErrMalformed},
		"a megabyte of dots":           {strings.Repeat(".", 1<<20), oidc.ErrMalformed},
		"signature short":              {parts[0] + "." + parts[1] + ".AAAA", oidc.ErrSignature},
		"tampered":                     {tampered, oidc.ErrSignature},
		"expired and tampered":         {ep[0] + "." + ep[1] + "." + parts[2], oidc.ErrSignature},

		"iss missing":         {d.without("iss"), oidc.ErrIssuer},
		"iss null":            {d.with("iss", nil), oidc.ErrIssuer},
		"iss a number":        {d.with("iss", 1), oidc.ErrIssuer},
		"iss with a slash":    {d.with("iss", d.issuer.URL()+"/"), oidc.ErrIssuer},
		"iss of another":      {d.with("iss", "https://evil.example"), oidc.ErrIssuer},
		"exp missing":         {d.without("exp"), oidc.ErrClaim},
		"exp null":            {d.with("exp", nil), oidc.ErrClaim},
		"exp zero":            {d.with("exp", 0), oidc.ErrClaim},
		"exp a string":        {d.with("exp", "1790000000"), oidc.ErrClaim},
		"exp as RFC 3339":     {d.with("exp", "2030-01-01T00:00:00Z"), oidc.ErrClaim},
		"exp 1e300":           {d.with("exp", json.Number("1e300")), oidc.ErrClaim},
		"exp over int64":      {d.with("exp", json.Number("9300000000000000000")), oidc.ErrClaim},
		"exp negative":        {d.with("exp", -1), oidc.ErrClaim},
		"exp 0.5":             {d.with("exp", 0.5), oidc.ErrClaim},
		"exp a boolean":       {d.with("exp", true), oidc.ErrClaim},
		"expired 30 s ago":    {d.with("exp", n-30), oidc.ErrExpired},
		"expired 90 s ago":    {d.with("exp", n-90), oidc.ErrExpired},
		"nbf in 31 s":         {d.with("nbf", n+31), oidc.ErrNotYet},
		"nbf in 4 min":        {d.with("nbf", n+240), oidc.ErrNotYet},
		"nbf in an hour":      {d.with("nbf", n+3600), oidc.ErrNotYet},
		"nbf that wraps":      {d.with("nbf", json.Number("9220000000000000000")), oidc.ErrClaim},
		"nbf a string":        {d.with("nbf", "1"), oidc.ErrClaim},
		"iat in an hour":      {d.with("iat", n+3600), oidc.ErrNotYet},
		"iat missing":         {d.without("iat"), oidc.ErrClaim},
		"iat a string":        {d.with("iat", "1"), oidc.ErrClaim},
		"lifetime over a day": {d.with("exp", n+24*3600+1), oidc.ErrTooOld},
		"aud with a number":   {d.with("aud", []any{audience, 1}), oidc.ErrClaim},
		"aud missing":         {d.without("aud"), oidc.ErrClaim},
		"aud empty":           {d.with("aud", []string{}), oidc.ErrClaim},
		"aud null":            {d.with("aud", nil), oidc.ErrClaim},
		"aud an object":       {d.with("aud", map[string]any{}), oidc.ErrClaim},
		"aud an empty string": {d.with("aud", []string{""}), oidc.ErrAudience},
		"aud a prefix":        {d.with("aud", audience[:len(audience)-1]), oidc.ErrAudience},
		"aud with a slash":    {d.with("aud", audience+"/"), oidc.ErrAudience},
		"aud in another case": {d.with("aud", strings.ToUpper(audience)), oidc.ErrAudience},
		"sub missing":         {d.without("sub"), oidc.ErrClaim},
		"sub null":            {d.with("sub", nil), oidc.ErrClaim},
		"sub empty":           {d.with("sub", ""), oidc.ErrClaim},
		"sub a number":        {d.with("sub", 5), oidc.ErrClaim},
	} {
		t.Run(name, func(t *testing.T) {
			tok, err := d.v.Verify(t.Context(), c.raw)
			if c.want == nil {
				require.NoError(t, err)
				require.NotNil(t, tok)
				return
			}
			assert.Nil(t, tok)
			e := requireToken(t, err, c.want)
			assert.Less(t, len(e.Error()), 1000)
			for _, part := range strings.Split(c.raw, ".") {
				if len(part) > 20 {
					assert.NotContains(t, e.Error(), part, "a part of the token in the error")
				}
			}
		})
	}
	assert.LessOrEqual(t, d.issuer.Requests(), 3, "discovery, keys, and one look for an unknown kid")
}

func (d *desk) headerOnly(header string) string {
	b, _ := json.Marshal(d.claims(nil))
	return b64(header) + "." + b64(string(b)) + "."
}

func standard(s string) string {
	// One of the two characters is in nearly every signature of 256 bytes; the
	// first is forced so that the test does not depend on it.
	return "+/" + s[2:]
}

func TestAcceptanceOfAlgorithms(t *testing.T) {
	for _, alg := range []oidc.Algorithm{oidc.RS256, oidc.ES256, oidc.EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			d := newDesk(t, alg)
			good := d.issuer.Sign(d.claims(nil))
			tok, err := d.v.Verify(t.Context(), good)
			require.NoError(t, err)
			assert.Equal(t, alg, tok.Algorithm())
			_, err = d.v.Verify(t.Context(), lastBits(good))
			requireToken(t, err, oidc.ErrMalformed)
			_, err = d.v.Verify(t.Context(), good+"AAAA")
			requireToken(t, err, oidc.ErrSignature)
			parts := strings.Split(good, ".")
			_, err = d.v.Verify(t.Context(), parts[0]+"."+parts[1]+"."+strings.Repeat("A", len(parts[2])))
			requireToken(t, err, oidc.ErrSignature)
		})
	}
}
