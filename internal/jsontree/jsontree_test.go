package jsontree

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Everything is kept, in order and with its place.
func TestTree(t *testing.T) {
	text := "{\"a\": [1.50, \"x\\u002a\", true, null],\n \"a\" : {\"b\":{}} , \"é\":\"\"}"
	n, err := Parse([]byte(text))
	require.NoError(t, err)
	require.Equal(t, Object, n.Kind)
	require.Len(t, n.Members, 3)
	assert.Equal(t, []string{"a", "a", "é"}, []string{n.Members[0].Name, n.Members[1].Name, n.Members[2].Name})
	for i, want := range []string{`"a": [1`, `"a" : {`, `"é":""`} {
		assert.True(t, strings.HasPrefix(text[n.Members[i].Offset:], want), want)
	}
	list := n.Members[0].Value
	require.Len(t, list.Elements, 4)
	for i, want := range []Node{
		{Kind: Number, Text: "1.50"}, {Kind: String, Text: "x*"}, {Kind: Bool, Text: "true"}, {Kind: Null},
	} {
		got := list.Elements[i]
		assert.Equal(t, want.Kind, got.Kind)
		assert.Equal(t, want.Text, got.Text)
		assert.Equal(t, []string{"1.50", `"x\u002a"`, "true", "null"}[i], text[got.Offset:got.Offset+[]int{4, 9, 4, 4}[i]])
	}
	assert.Same(t, n.Members[1].Value, n.Get("a"), "the last one counts")
	assert.Nil(t, n.Get("A"))
	assert.Equal(t, Object, n.Get("a").Get("b").Kind)
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]SyntaxError{
		"":                {0, "unexpected end of JSON input"},
		`{"a":1,}`:        {7, "invalid character '}' looking for beginning of object key string"},
		`{"a":1} x`:       {8, "invalid character 'x' after top-level value"},
		"[\"\xff\"]":      {2, "invalid UTF-8"},
		"\xef\xbb\xbf{}":  {0, "invalid character 'ï' looking for beginning of value"},
		"[1,\n  01]":      {7, "invalid character '1' after array element"},
		`{"a" // comment`: {5, "invalid character '/' after object key"},
		"\"\x01\"":        {1, "invalid character '\\x01' in string literal"},
	} {
		_, err := Parse([]byte(text))
		var e *SyntaxError
		require.ErrorAs(t, err, &e, text)
		assert.Equal(t, want, *e, text)
	}
	_, err := Parse([]byte(strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)))
	require.NoError(t, err)
	_, err = Parse([]byte(strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1)))
	assert.EqualError(t, err, "nested deeper than 64 levels at byte 64")
}
