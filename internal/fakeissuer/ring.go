package fakeissuer

import (
	"errors"
	"sync"
)

// ErrClosed is the mistake of using an issuer after [Issuer.Close].
var ErrClosed = errors.New("fakeissuer: issuer is closed")

// ring is the keys of one issuer, or of several that share them. The keys are
// taken from the pool when they are first needed.
type ring struct {
	login *keySpec // nil: the platform signs nothing but job tokens
	ci    keySpec

	mu       sync.Mutex
	loginKey *key
	ciKeys   []*key // published; the last one signs
	taken    []*key // all to be given back
	closed   bool
}

// keys returns the key of login tokens, which may be nil, and the published
// keys of job tokens, of which the last signs.
func (r *ring) keys() (login *key, ci []*key, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, nil, ErrClosed
	}
	if r.login != nil && r.loginKey == nil {
		if r.loginKey, err = r.take(*r.login); err != nil {
			return nil, nil, err
		}
	}
	if len(r.ciKeys) == 0 {
		k, err := r.take(r.ci)
		if err != nil {
			return nil, nil, err
		}
		r.ciKeys = []*key{k}
	}
	return r.loginKey, r.ciKeys, nil
}

// signing returns the key that signs job tokens.
func (r *ring) signing() (*key, error) {
	_, ci, err := r.keys()
	if err != nil {
		return nil, err
	}
	return ci[len(ci)-1], nil
}

// rotate puts a new key in the place of all others, or, if keep is set, beside
// them. The slice is replaced, never changed: keys has handed it out.
func (r *ring) rotate(keep bool) error {
	if _, _, err := r.keys(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return ErrClosed
	}
	k, err := r.take(r.ci)
	if err != nil {
		return err
	}
	var next []*key
	if keep {
		next = append(next, r.ciKeys...)
	}
	r.ciKeys = append(next, k)
	return nil
}

// take gets a key from the pool. A withdrawn key stays taken until close, so
// that no other issuer publishes what this one must be seen to have dropped.
func (r *ring) take(spec keySpec) (*key, error) {
	k, err := pool.take(spec)
	if err == nil {
		r.taken = append(r.taken, k)
	}
	return k, err
}

func (r *ring) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	pool.put(r.taken)
	r.closed, r.taken, r.ciKeys, r.loginKey = true, nil, nil, nil
}
