package fakeissuer

import "sync"

// pool holds the keys that no open issuer uses. RSA keys take long to make,
// and a test binary opens issuers by the hundred; taking keys out while they
// are in use is what keeps the keys of two open issuers different.
var pool keyPool

type keyPool struct {
	mu   sync.Mutex
	free map[keySpec][]*key
}

func (p *keyPool) take(spec keySpec) (*key, error) {
	p.mu.Lock()
	if keys := p.free[spec]; len(keys) > 0 {
		k := keys[len(keys)-1]
		p.free[spec] = keys[:len(keys)-1]
		p.mu.Unlock()
		return k, nil
	}
	p.mu.Unlock()
	return newKey(spec)
}

func (p *keyPool) put(keys []*key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free == nil {
		p.free = make(map[keySpec][]*key)
	}
	for _, k := range keys {
		p.free[k.spec] = append(p.free[k.spec], k)
	}
}
