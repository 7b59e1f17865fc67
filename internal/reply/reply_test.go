package reply_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/reply"
)

func TestObjectIsOneObject(t *testing.T) {
	var got map[string]any
	require.NoError(t, reply.Object([]byte(" {\"a\":12345678901234567890}\n"), &got))
	assert.Equal(t, json.Number("12345678901234567890"), got["a"])
	var typed struct{ A int64 }
	require.NoError(t, reply.Object([]byte(`{"a":7}`), &typed))
	assert.Equal(t, int64(7), typed.A)
	for text, want := range map[string]string{
		"": "not a JSON object", "null": "not a JSON object", `"hunter22"`: "not a JSON object", "[]": "not a JSON object",
		`{"a":hunter22}`: "not the JSON object expected", `{"a":"hunter22"`: "not the JSON object expected", `{"a":"hunter22"}`: "not the JSON object expected",
		`{"a":1} {}`: "data after the JSON object", `{"a":1}x`: "data after the JSON object",
	} {
		err := reply.Object([]byte(text), &typed)
		assert.EqualError(t, err, want, text)
	}
}

func TestTextIsBoundedAndOnOneLine(t *testing.T) {
	assert.Equal(t, "a b  c", reply.Text("a\nb\r\tc", 10))
	assert.Equal(t, "[redacted]!", reply.Text("hunter22hunter22!", 64, "hunter22hunter22"))
	for limit := 4; limit < 12; limit++ {
		got := reply.Text(strings.Repeat("é", 10), limit)
		assert.LessOrEqual(t, len(got), limit)
		assert.True(t, utf8.ValidString(got))
		assert.True(t, strings.HasSuffix(got, "..."))
	}
}

func TestScrubKeepsTheError(t *testing.T) {
	cause := errors.New("cause")
	err := fmt.Errorf("%w: hunter22hunter22", cause)
	assert.EqualError(t, reply.Scrub(err, "hunter22hunter22"), "cause: [redacted]")
	assert.ErrorIs(t, reply.Scrub(err, "hunter22hunter22"), cause)
	assert.Equal(t, err, reply.Scrub(err, "another secret of that size"))
	assert.NoError(t, reply.Scrub(nil, "x"))
}
