//go:build linux

package interop

import (
	"context"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shared holds what one start serves all tests, until TestMain stops it.
var shared struct {
	mu    sync.Mutex
	stops []func()

	cephOnce sync.Once
	ceph     *ceph
	cephErr  error

	ciExecOnce sync.Once
	ciExec     string
	ciExecErr  error
}

// atEnd has stop called when all tests have ended, the last given first.
func atEnd(stop func()) {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.stops = append(shared.stops, stop)
}

func stopShared() {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	for _, stop := range slices.Backward(shared.stops) {
		stop()
	}
	shared.stops = nil
}

// sharedDir returns a new directory that lives until all tests have ended. Its
// path is short, as sockets need it.
func sharedDir(name string) (string, error) {
	dir, err := os.MkdirTemp("", "interop-"+name+"-")
	if err == nil {
		atEnd(func() { _ = os.RemoveAll(dir) })
	}
	return dir, err
}

// gateway returns the one Ceph gateway of this run.
func gateway(t *testing.T) *ceph {
	t.Helper()
	required(t, cephPrograms...)
	shared.cephOnce.Do(func() {
		dir, err := sharedDir("ceph")
		if err != nil {
			shared.cephErr = err
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
		defer cancel()
		began := time.Now()
		c, err := startCeph(ctx, dir)
		atEnd(c.Stop)
		shared.ceph, shared.cephErr = c, err
		t.Logf("Ceph's gateway took %.1f s to start", time.Since(began).Seconds())
	})
	require.NoError(t, shared.cephErr)
	return shared.ceph
}
