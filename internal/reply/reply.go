// Package reply reads what endpoints answer, which may be anything: a proxy's
// page, a body with data behind it, or the secret that was sent, repeated.
package reply

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode"

	"github.com/cioidc/cioidc/internal/safetext"
)

// Text returns text without secrets and control characters, cut at limit bytes.
func Text(text string, limit int, secrets ...string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, safetext.Scrub(text, secrets...))
	if len(text) <= limit {
		return text
	}
	const mark = "..."
	return strings.ToValidUTF8(text[:limit-len(mark)], "") + mark
}

// Object decodes data, which must be one JSON object and nothing else. Numbers
// in an interface value are json.Number.
func Object(data []byte, into any) error {
	if trimmed := bytes.TrimSpace(data); len(trimmed) == 0 || trimmed[0] != '{' {
		return errors.New("not a JSON object")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		// The decoder's text may repeat parts of data.
		return errors.New("not the JSON object expected")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("data after the JSON object")
	}
	return nil
}

// Scrub returns err with a text that holds none of secrets. The error is
// unchanged, and errors.Is and errors.As see the same.
func Scrub(err error, secrets ...string) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if clean := safetext.Scrub(text, secrets...); clean != text {
		return &scrubbed{text: clean, err: err}
	}
	return err
}

type scrubbed struct {
	text string
	err  error
}

func (e *scrubbed) Error() string { return e.text }
func (e *scrubbed) Unwrap() error { return e.err }
