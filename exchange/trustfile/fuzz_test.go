package trustfile

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever a file holds, the answer is documents that lie in the file, or a typed
// error. All but the trust policies are JSON; those may be text that is not.
func FuzzRead(f *testing.F) {
	names, err := filepath.Glob("testdata/*")
	require.NoError(f, err)
	for _, name := range names {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(string(data), filepath.Ext(name) == ".yaml")
	}
	f.Fuzz(func(t *testing.T, text string, yaml bool) {
		name := "x.json"
		if yaml {
			name = "x.yaml"
		}
		docs, err := Read(name, []byte(text))
		if err != nil {
			var e *Error
			require.True(t, errors.As(err, &e))
			require.Positive(t, e.Line)
			require.Positive(t, e.Column)
		}
		lines := strings.Count(text, "\n") + 1
		for _, d := range docs {
			if d.Kind != AWSRole {
				require.True(t, json.Valid(d.Text), string(d.Text))
			}
			if len(d.Text) == 0 {
				continue
			}
			at := d.At(Position{Line: 1, Column: 1})
			require.Positive(t, at.Line)
			require.LessOrEqual(t, at.Line, lines)
		}
	})
}
