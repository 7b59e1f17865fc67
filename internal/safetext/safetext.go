// Package safetext makes text of others fit for an error or a log line: short,
// on one line, and without the secrets that were sent to them.
//
// A token endpoint may repeat in its error text what it was sent. AWS does so
// for a parameter that fails validation. So whatever comes back is scrubbed of
// what went out before it goes anywhere.
package safetext

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxLen is the length, in bytes, at which [Cut] and [Quote] cut.
const MaxLen = 256

// Mask stands where a secret was.
const Mask = "[redacted]"

// minRun is the shortest piece of a secret that Scrub removes. Shorter pieces
// give nothing away, and removing them would maim ordinary words.
const minRun = 16

// maxScrub bounds the work of Scrub: longer text is cut first.
const maxScrub = 64 << 10

// Scrub returns text, valid UTF-8 and at most 64 KiB of it, with every piece of
// 16 bytes or more that occurs in one of secrets replaced by [Mask]. A secret
// of fewer than 16 bytes is replaced where it occurs whole.
func Scrub(text string, secrets ...string) string {
	if len(text) > maxScrub {
		text = text[:maxScrub]
	}
	for _, s := range secrets {
		text = scrub(text, s)
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

func scrub(text, secret string) string {
	if secret == "" {
		return text
	}
	if len(secret) < minRun {
		return strings.ReplaceAll(text, secret, Mask)
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		n := match(text[i:], secret)
		if n == 0 {
			out.WriteByte(text[i])
			i++
			continue
		}
		out.WriteString(Mask)
		i += n
	}
	return out.String()
}

// match returns the length of the longest prefix of text that occurs in
// secret, or 0 if that is shorter than minRun.
func match(text, secret string) int {
	if len(text) < minRun || !strings.Contains(secret, text[:minRun]) {
		return 0
	}
	longest := 0
	for at := 0; ; at++ {
		next := strings.Index(secret[at:], text[:minRun])
		if next < 0 {
			return longest
		}
		at += next
		n := minRun
		for n < len(text) && at+n < len(secret) && text[n] == secret[at+n] {
			n++
		}
		longest = max(longest, n)
	}
}

// Cut returns text, cut at [MaxLen] bytes and marked with "..." if it is
// longer. It never cuts within a character.
func Cut(text string) string {
	if len(text) <= MaxLen {
		return text
	}
	n := MaxLen - len("...")
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "..."
}

// Quote returns text cut like [Cut] and quoted in ASCII, so that it cannot
// begin another line or send a terminal a control sequence.
func Quote(text string) string { return strconv.QuoteToASCII(Cut(text)) }

// secretLike matches what may be a token or a part of one: a run that begins
// as every compact JWS header does, or that is too long for a name or a path
// element.
var secretLike = regexp.MustCompile(`eyJ[A-Za-z0-9_.=-]*|[A-Za-z0-9_.=+-]{80,}`)

// Redact takes tokens out of another program's words, where [Scrub] cannot
// because it is not known which. It goes before any cut, which could leave a
// piece that no longer looks like a token.
func Redact(s string) string {
	return secretLike.ReplaceAllString(s, Mask)
}
