//go:build unix

package exchange_test

import (
	"context"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
)

// Opening a pipe that nobody writes to would hang.
func TestFileRefusesPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	_, err := exchange.File(path).IDToken(context.Background(), "a")
	var refused *exchange.FileError
	require.ErrorAs(t, err, &refused)
	require.ErrorIs(t, err, exchange.ErrFileNotRegular)
}
