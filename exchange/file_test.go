package exchange_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange"
)

func TestFileReturnsToken(t *testing.T) {
	token := mint("a", time.Now().Add(time.Hour))
	several := mint([]string{"a", "b"}, time.Now().Add(-time.Hour))
	tests := []struct{ name, content, audience, want string }{
		{"as it is", token, "a", token},
		{"line break", token + "\n", "a", token},
		{"line break of Windows", token + "\r\n", "a", token},
		{"any audience", token, "", token},
		{"one of several audiences, expired", several, "b", several},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "token")
			require.NoError(t, os.WriteFile(path, []byte(tt.content), 0o600))
			got, err := exchange.File(path).IDToken(context.Background(), tt.audience)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestFileIsReadAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	first, second := mint("a", time.Unix(1_800_000_000, 0)), mint("a", time.Unix(1_800_000_001, 0))
	for _, want := range []string{first, second} {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o600))
		got, err := exchange.File(path).IDToken(context.Background(), "a")
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestFileRefuses(t *testing.T) {
	token := mint("a", time.Now().Add(time.Hour))
	write := func(content string) func(*testing.T, string) {
		return func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, []byte(content), 0o600)) }
	}
	tests := []struct {
		name     string
		make     func(t *testing.T, path string)
		audience string
		want     error
	}{
		{"missing", func(*testing.T, string) {}, "a", fs.ErrNotExist},
		{"empty", write(""), "a", exchange.ErrFileEmpty},
		{"blank", write(" \n\n"), "a", exchange.ErrFileEmpty},
		{"too large", write(strings.Repeat("a", 16<<10+1)), "a", exchange.ErrFileTooLarge},
		{"two tokens", write(token + "\n" + token + "\n"), "a", exchange.ErrFileLines},
		{"name of a variable", write("$CIRCLE_OIDC_TOKEN\n"), "a", exchange.ErrFileToken},
		{"half a token", write(token[:len(token)/2]), "a", exchange.ErrFileToken},
		{"quoted", write(`"` + token + `"`), "a", exchange.ErrFileToken},
		{"other audience", write(token), "b", exchange.ErrFileAudience},
		{"prefix of the audience", write(token), "aa", exchange.ErrFileAudience},
		{"directory", func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o700)) }, "a", exchange.ErrFileNotRegular},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "token")
			tt.make(t, path)
			got, err := exchange.File(path).IDToken(context.Background(), tt.audience)
			assert.Empty(t, got)
			var refused *exchange.FileError
			require.ErrorAs(t, err, &refused)
			require.ErrorIs(t, err, tt.want)
			assert.Equal(t, path, refused.Path)
			assert.Contains(t, err.Error(), "exchange: token file "+`"`+path+`": `)
			assert.NotContains(t, err.Error(), token[10:40])
			if errors.Is(tt.want, exchange.ErrFileAudience) {
				assert.Equal(t, tt.audience, refused.Audience)
				assert.Equal(t, claims.Audience{"a"}, refused.Found)
				assert.Contains(t, err.Error(), `(asked for "`+tt.audience+`", the token has "a")`)
			}
		})
	}
}

func TestFileHonoursContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := exchange.File("nowhere").IDToken(ctx, "a")
	var refused *exchange.FileError
	require.ErrorAs(t, err, &refused)
	assert.ErrorIs(t, err, context.Canceled)
}
