package compact

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// requireError asserts that err is an Error of this kind and detail.
func requireError(t *testing.T, err, kind error, detail string) {
	t.Helper()
	var e *Error
	require.ErrorAs(t, err, &e)
	assert.ErrorIs(t, err, kind)
	assert.Same(t, kind, e.Kind)
	assert.Equal(t, detail, e.Detail)
	assert.Equal(t, detail, e.Error())
}

func TestSplit(t *testing.T) {
	got, err := Split("ab.cde.f")
	require.NoError(t, err)
	assert.Equal(t, Parts{Header: "ab", Payload: "cde", Signature: "f", SigningInput: "ab.cde"}, got)

	longest := "a.b." + strings.Repeat("c", MaxSize-4)
	got, err = Split(longest)
	require.NoError(t, err)
	assert.Len(t, got.Signature, MaxSize-4)

	none := b64(`{"alg":"nOnE","typ":"JWT"}`)
	for name, c := range map[string]struct {
		raw    string
		kind   error
		detail string
	}{
		"empty":                    {"", ErrMalformed, "the token is empty"},
		"too long":                 {longest + "c", ErrMalformed, "the token has 16385 bytes, more than the 16384 that are accepted"},
		"only dots, too many":      {strings.Repeat(".", 1<<20), ErrMalformed, "the token has 1048576 bytes, more than the 16384 that are accepted"},
		"JSON":                     {`{"payload":"a.b.c"}`, ErrMalformed, "JSON serialization; only the compact one is accepted"},
		"one part":                 {"abc", ErrMalformed, "not a signed token: it does not have three parts separated by dots"},
		"two parts":                {"a.b", ErrMalformed, "not a signed token: it does not have three parts separated by dots"},
		"four parts":               {"a.b.c.d", ErrMalformed, "more than three parts; encrypted tokens (JWE) are not accepted"},
		"five parts":               {"a.b.c.d.e", ErrMalformed, "more than three parts; encrypted tokens (JWE) are not accepted"},
		"empty parts in between":   {"a..b.c", ErrMalformed, "more than three parts; encrypted tokens (JWE) are not accepted"},
		"no header":                {".b.c", ErrMalformed, "the header is empty"},
		"no payload":               {"a..c", ErrMalformed, "the payload is empty"},
		"no signature":             {"a.b.", ErrMalformed, "the signature is empty"},
		"no signature, RS256":      {b64(`{"alg":"RS256"}`) + ".b.", ErrMalformed, "the signature is empty"},
		"no signature, alg none":   {none + ".b.", ErrUnsupported, "alg is none; only signed tokens are accepted"},
		"no payload, alg none":     {none + "..", ErrMalformed, "the payload is empty"},
		"no signature, bad header": {none + "=.b.", ErrMalformed, "the signature is empty"},
		"dots":                     {"..", ErrMalformed, "the header is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Split(c.raw)
			requireError(t, err, c.kind, c.detail)
			assert.Zero(t, got)
		})
	}
}

func TestDecode(t *testing.T) {
	for part, want := range map[string]string{"": "", "YQ": "a", "YWI": "ab", "YWJj": "abc", "_-8": "\xff\xef", "AZaz09-_": "\x01\x96\xb3\xd3\xdf\xbf"} {
		got, err := Decode("payload", part)
		require.NoError(t, err, part)
		assert.Equal(t, want, string(got))
	}
	for part, detail := range map[string]string{
		"YQ==":   "the payload is not base64url: unexpected '=' at byte 2",
		"YW+j":   "the payload is not base64url: unexpected '+' at byte 2",
		"YW/j":   "the payload is not base64url: unexpected '/' at byte 2",
		"YW\nJj": `the payload is not base64url: unexpected '\n' at byte 2`,
		"YW\rJj": `the payload is not base64url: unexpected '\r' at byte 2`,
		" YWJj":  "the payload is not base64url: unexpected ' ' at byte 0",
		"YWJj@":  "the payload is not base64url: unexpected '@' at byte 4",
		"[":      "the payload is not base64url: unexpected '[' at byte 0",
		"`":      "the payload is not base64url: unexpected '`' at byte 0",
		"{":      "the payload is not base64url: unexpected '{' at byte 0",
		":":      "the payload is not base64url: unexpected ':' at byte 0",
		"YWé":    "the payload is not base64url: unexpected 'Ã' at byte 2",
		"YR":     "the payload is not canonical base64url", // trailing bits
		"YWJ":    "the payload is not canonical base64url",
		"YWJjY":  "the payload is not canonical base64url", // no length of base64
	} {
		got, err := Decode("payload", part)
		assert.Nil(t, got, part)
		requireError(t, err, ErrMalformed, detail)
	}
	_, err := Decode("signature", "AZaz09-_=")
	requireError(t, err, ErrMalformed, "the signature is not base64url: unexpected '=' at byte 8")

	dst := append(make([]byte, 0, 8), 'x')
	got, err := AppendDecode(dst, "payload", "YWJj")
	require.NoError(t, err)
	assert.Equal(t, "xabc", string(got))
	got, err = AppendDecode(dst, "payload", "YWJjZGVmZ2hp")
	require.NoError(t, err)
	assert.Equal(t, "xabcdefghi", string(got), "grown")
	for _, bad := range []string{"YWJj=", "YW\nJj", "YR"} {
		got, err = AppendDecode(dst, "payload", bad)
		assert.ErrorIs(t, err, ErrMalformed)
		assert.Equal(t, "x", string(got))
	}
	_, err = Decode("signature", "=")
	requireError(t, err, ErrMalformed, "the signature is not base64url: unexpected '=' at byte 0")
}

func TestParseHeader(t *testing.T) {
	for text, want := range map[string]Header{
		`{"alg":"RS256"}`:                                         {Algorithm: "RS256"},
		`{"kid":"k","typ":"JWT","alg":"RS256"}`:                   {Algorithm: "RS256", KeyID: "k"},
		`{"alg":"ES256","kid":"","typ":"jwt","x5t":"x","iss":[]}`: {Algorithm: "ES256"},
		`{"alg":"\u0052S256","kid":"\u006b"}`:                     {Algorithm: "RS256", KeyID: "k"},
		`{"alg":"none"}`:                                          {Algorithm: "none"},
		` {"alg":"x","Foo":1} `:                                   {Algorithm: "x"},
	} {
		got, err := ParseHeader(b64(text))
		require.NoError(t, err, text)
		assert.Equal(t, want, got)
	}

	for text, detail := range map[string]string{
		``:                         "the header: nothing where a JSON object should be at byte 0",
		`[]`:                       "the header: not a JSON object at byte 0",
		`{"alg":"RS256"}x`:         "the header: text after the JSON object at byte 15",
		`{"alg":"RS256","alg":""}`: `the header: member "alg" appears twice at byte 15`,
		`{"alg":"RS256","ALG":""}`: `the header: members "alg" and "ALG" differ only by case at byte 15`,
		`{}`:                       "the header has no alg",
		`{"crit":["x"]}`:           "the header has no alg",
		`{"alg":1}`:                "the header's alg is not a string",
		`{"alg":""}`:               "the header's alg is not a string",
		`{"alg":null}`:             "the header's alg is not a string",
		`{"alg":"RS256","kid":1}`:  "the header's kid is not a string",
		`{"alg":"x","kid":null}`:   "the header's kid is not a string",
		`{"alg":"RS256","typ":1}`:  "the header's typ is not a string",
		`{"Alg":"RS256"}`:          `the header's member "Alg" differs only by case from "alg"`,
		`{"alg":"x","KID":"k"}`:    `the header's member "KID" differs only by case from "kid"`,
		`{"alg":"x","Kid":"k"}`:    `the header's member "Kid" differs only by case from "kid"`,
		`{"alg":"x","Typ":"JWT"}`:  `the header's member "Typ" differs only by case from "typ"`,
		`{"alg":"x","Crit":["a"]}`: `the header's member "Crit" differs only by case from "crit"`,
		`{"alg":"x","B64":false}`:  `the header's member "B64" differs only by case from "b64"`,
	} {
		got, err := ParseHeader(b64(text))
		requireError(t, err, ErrMalformed, detail)
		assert.Zero(t, got)
	}
	for _, name := range []string{"crit", "b64", "zip", "jku", "x5u", "jwk", "x5c", "enc", "cty"} {
		for _, value := range []string{`null`, `""`, `[]`, `{}`, `true`} {
			got, err := ParseHeader(b64(`{"alg":"RS256","` + name + `":` + value + `}`))
			requireError(t, err, ErrUnsupported, "the header has a "+name+" member, which is not accepted")
			assert.Zero(t, got)
		}
	}
	for _, typ := range []string{"", "at+jwt", "JWT ", "application/jwt", "JWS"} {
		_, err := ParseHeader(b64(`{"alg":"RS256","typ":"` + typ + `"}`))
		requireError(t, err, ErrUnsupported, `typ is "`+typ+`"; only JWT, or none, is accepted`)
	}
	_, err := ParseHeader(b64(`{"alg":"RS256","typ":"` + strings.Repeat("x", 65) + `"}`))
	requireError(t, err, ErrUnsupported, `typ is "`+strings.Repeat("x", 64)+`"; only JWT, or none, is accepted`)
	_, err = ParseHeader("e30=")
	requireError(t, err, ErrMalformed, "the header is not base64url: unexpected '=' at byte 3")

	largest := `{"alg":"x"` + strings.Repeat(" ", 3*1024-11) + "}"
	require.Len(t, b64(largest), 4096)
	_, err = ParseHeader(b64(largest))
	require.NoError(t, err)
	_, err = ParseHeader(b64(" " + largest))
	requireError(t, err, ErrMalformed, "the header has 4098 bytes, more than the 4096 that are accepted")
}

// Whatever the header says, it is taken whole or refused with a kind, and the
// error is short and repeats no part of the token.
func FuzzParseHeader(f *testing.F) {
	for _, s := range []string{`{"alg":"RS256","kid":"k","typ":"JWT"}`, `{"alg":"none"}`, `{"alg":"x","crit":[]}`, `{"ALG":"x"}`, `{"typ":"` + strings.Repeat("\u2028", 90) + `"}`} {
		f.Add(s, "e30", "AA")
		f.Add(s, "", "")
	}
	f.Fuzz(func(t *testing.T, header, payload, signature string) {
		for _, part := range []string{b64(header), header} {
			raw := part + "." + payload + "." + signature
			parts, err := Split(raw)
			if err == nil {
				require.Equal(t, raw, parts.Header+"."+parts.Payload+"."+parts.Signature)
				require.Equal(t, raw, parts.SigningInput+"."+parts.Signature)
				_, err = ParseHeader(parts.Header)
			}
			if err == nil {
				var data []byte
				if data, err = Decode("payload", parts.Payload); err == nil {
					require.Equal(t, parts.Payload, base64.RawURLEncoding.EncodeToString(data))
				}
			}
			if err == nil {
				continue
			}
			var e *Error
			require.ErrorAs(t, err, &e)
			require.True(t, e.Kind == ErrMalformed || e.Kind == ErrUnsupported)
			require.Less(t, len(e.Detail), 1000)
			for _, part := range strings.Split(raw, ".") {
				if len(part) > 20 && !strings.Contains(header, part) { // A name may be quoted.
					require.NotContains(t, e.Detail, part)
				}
			}
		}
	})
}

// What is decoded is what encoding/base64 decodes, and nothing is that has
// another spelling.
func FuzzAppendDecode(f *testing.F) {
	for _, s := range []string{"", "A", "AA", "AB", "AAA", "AAB", "AAAA", "AAAAA", "AAAAAAAA_-", "AA==", "AA\n", "A\r\nA", "A+/A", "\x80AAA", "AAA\xff", "AAAB\x00"} {
		f.Add([]byte("x"), s)
	}
	f.Fuzz(func(t *testing.T, before []byte, part string) {
		want, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if strings.ContainsAny(part, "\r\n") {
			err = base64.CorruptInputError(0) // which encoding/base64 skips
		}
		kept := bytes.Clone(before)
		got, gotErr := AppendDecode(before, "payload", part)
		require.Equal(t, err == nil, gotErr == nil, "%q", part)
		if err != nil {
			var e *Error
			require.ErrorAs(t, gotErr, &e)
			require.Equal(t, ErrMalformed, e.Kind)
			require.Equal(t, kept, got)
			return
		}
		require.Equal(t, string(kept)+string(want), string(got))
	})
}

// Every letter at every place of the last piece, which may be short.
func TestAppendDecodeEveryLetter(t *testing.T) {
	for c := range 256 {
		for _, form := range []string{"%cA", "A%c", "%cAA", "A%cA", "AA%c", "%cAAA", "A%cAA", "AA%cA", "AAA%c", "AAAAAAAA%cAAA"} {
			part := strings.Replace(form, "%c", string([]byte{byte(c)}), 1)
			want, err := base64.RawURLEncoding.Strict().DecodeString(part)
			if c == '\r' || c == '\n' {
				err = base64.CorruptInputError(0)
			}
			got, gotErr := AppendDecode(nil, "payload", part)
			if assert.Equal(t, err == nil, gotErr == nil, "%q", part) && err == nil {
				assert.Equal(t, want, got, "%q", part)
			}
		}
	}
}
