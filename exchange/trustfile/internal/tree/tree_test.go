package tree

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Texts that are put together know of each character where it stands.
func TestJoin(t *testing.T) {
	block := StringAt("one\ntwo", Pos{10, 1})
	block.Marks = []Mark{{Pos{1, 1}, Pos{11, 5}, true}, {Pos{2, 1}, Pos{12, 5}, true}}
	rest := UnknownAt("var.x", Pos{20, 7})
	n, ok := Join(Pos{10, 1}, block, rest, StringAt("é", Pos{12, 30}), block)
	require.True(t, ok)
	assert.Equal(t, "one\ntwo${var.x}éone\ntwo", n.Text)
	assert.Equal(t, []Ref{{"var.x", Pos{20, 7}}}, n.Refs)
	for in, want := range map[Pos]Pos{
		{1, 1}: {11, 5}, {1, 3}: {11, 7}, {2, 2}: {12, 6}, {2, 4}: {20, 7}, {2, 11}: {20, 7},
		{2, 12}: {12, 30}, {2, 13}: {11, 5}, {2, 15}: {11, 7}, {3, 3}: {12, 7},
	} {
		assert.Equal(t, want, Locate(n.Marks, in), "%v", in)
	}
	_, ok = Join(Pos{1, 1}, &Node{Kind: Array})
	assert.False(t, ok)
}

func TestWrite(t *testing.T) {
	text := "{\"a\": [1.50, true, null, \"<é\\n\"],\n \"a\": {}}"
	n, err := ParseJSON([]byte("\n  " + text))
	require.NoError(t, err)
	assert.Equal(t, text, Write(n).JSON, "as it was written")
	assert.Equal(t, Pos{2, 9}, Locate(Write(n).Marks, Pos{1, 7}))
	assert.Equal(t, Pos{3, 2}, Locate(Write(n).Marks, Pos{2, 2}))

	anew := Write(n.Changed())
	assert.Equal(t, `{"a":[1.50,true,null,"<é\n"],"a":{}}`, anew.JSON, "on one line, and nothing dropped")
	assert.Equal(t, Pos{3, 2}, Locate(anew.Marks, Pos{1, strings.Index(anew.JSON, `"a":{`)}), "columns are characters, not bytes")
	assert.Equal(t, Pos{}, Locate(nil, Pos{1, 1}))
}
