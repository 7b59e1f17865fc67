package main

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc/policy"
)

// policyFile is a policy that follows its file. It looks whenever it decides, so
// nothing of it runs between requests.
type policyFile struct {
	path string
	log  *slog.Logger

	mu      sync.Mutex
	policy  *policy.Policy
	size    int64 // of the file that was read last
	changed time.Time
}

// loadPolicy reads the policy file, which must be good at the start.
func loadPolicy(o options, logger *slog.Logger) (*policyFile, error) {
	f := &policyFile{path: o.policy, log: logger}
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, err
	}
	f.size, f.changed = info.Size(), info.ModTime()
	f.policy, err = readPolicy(f.path)
	return f, err
}

// Authorize decides by the policy that the file holds now. A file that is broken
// or gone changes nothing but the log.
func (f *policyFile) Authorize(ctx context.Context, c claims.Model) (slog.LogValuer, error) {
	return f.current(ctx).Authorize(ctx, c)
}

func (f *policyFile) current(ctx context.Context) *policy.Policy {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if err == nil {
		if info.Size() == f.size && info.ModTime().Equal(f.changed) {
			return f.policy
		}
		f.size, f.changed = info.Size(), info.ModTime()
		var p *policy.Policy
		if p, err = readPolicy(f.path); err == nil {
			f.policy = p
			f.log.InfoContext(ctx, "policy read", "policy_digest", p.Digest())
			return p
		}
	} else if f.size < 0 {
		return f.policy // It was missed before, and that is in the log.
	} else {
		f.size = -1
	}
	f.log.ErrorContext(ctx, "policy not read; the last good one stays in force", "error", err.Error(), "policy_digest", f.policy.Digest())
	return f.policy
}
