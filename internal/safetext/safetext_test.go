package safetext

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

const secret = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2kuZXhhbXBsZSJ9.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"

func TestScrub(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing", "no secret here, but a long enough text", "no secret here, but a long enough text"},
		{"whole", "Value '" + secret + "' at 'webIdentityToken'", "Value '" + Mask + "' at 'webIdentityToken'"},
		{"twice", secret + " " + secret, Mask + " " + Mask},
		{"signature", "sig=" + secret[58:], "sig=" + Mask},
		{"first half", secret[:40] + "...", Mask + "..."},
		{"glued", "x" + secret + "y", "x" + Mask + "y"},
		{"shorter than a piece", secret[:15], secret[:15]},
		{"invalid UTF-8", "a\xffb", "a\uFFFDb"},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, Scrub(tt.text, secret)) })
	}
	assert.Equal(t, "code "+Mask, Scrub("code hunter2", "hunter2"), "short secrets go whole")
	assert.Equal(t, "as it is", Scrub("as it is", ""))
	assert.Equal(t, Mask+" and "+Mask, Scrub(secret+" and another-secret-value", secret, "another-secret-value"))
	// A secret that repeats itself: the longest match goes, not the first.
	assert.Equal(t, Mask, Scrub("0123456789abcdef01", "0123456789abcdef?0123456789abcdef01"))
	assert.LessOrEqual(t, len(Scrub(strings.Repeat("z", 1<<20), secret)), maxScrub)
}

func TestQuote(t *testing.T) {
	assert.Equal(t, `"a\nb\x1b[0m"`, Quote("a\nb\x1b[0m"))
	long := Cut(strings.Repeat("é", 200))
	assert.LessOrEqual(t, len(long), MaxLen)
	assert.True(t, utf8.ValidString(long))
	assert.True(t, strings.HasSuffix(long, "é..."))
	assert.Equal(t, strings.Repeat("a", MaxLen), Cut(strings.Repeat("a", MaxLen)))
}

// FuzzScrub holds Scrub to its promise for any text around and any cut of a
// secret: no piece of it that is long enough to matter is left.
func FuzzScrub(f *testing.F) {
	f.Add("Value '", uint8(0), uint8(90), "'")
	f.Add(secret[:20], uint8(3), uint8(40), secret)
	f.Fuzz(func(t *testing.T, before string, from, to uint8, after string) {
		a, b := min(int(from), len(secret)), min(int(to), len(secret))
		got := Scrub(before+secret[min(a, b):max(a, b)]+after, secret)
		for i := 0; i+minRun <= len(got); i++ {
			if strings.Contains(secret, got[i:i+minRun]) {
				t.Fatalf("%q left in %q", got[i:i+minRun], got)
			}
		}
	})
}

func TestRedactTakesTokensOut(t *testing.T) {
	for in, out := range map[string]string{
		"eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln":        "[redacted]",
		`got "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln"!`: `got "[redacted]"!`,
		"token=eyJhbGciOi":          "token=[redacted]",
		strings.Repeat("A", 80):     "[redacted]",
		"/tmp/oidc/plugin: denied":  "/tmp/oidc/plugin: denied",
		strings.Repeat("long ", 40): strings.Repeat("long ", 40),
	} {
		assert.Equal(t, out, Redact(in))
	}
}
