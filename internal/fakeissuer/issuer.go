package fakeissuer

import (
	"crypto"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Issuer is a fake token issuer: one issuer URL with its discovery document,
// its keys and its tokens. It has no listener: reach it through [Client], or
// serve it, since it is an [http.Handler]. It is safe for concurrent use.
type Issuer struct {
	raw       string
	url       *url.URL
	base      string // raw without a trailing slash, to which paths are added
	platform  string
	algorithm string
	now       func() time.Time
	x5c       bool
	fatal     func(error)
	ring      *ring
	shared    bool // ring is another issuer's

	requests atomic.Int64
	fetches  atomic.Int64

	mu        sync.Mutex
	status    int
	misbehave func(http.ResponseWriter, *http.Request) bool
	extra     []json.RawMessage
}

var _ http.Handler = (*Issuer)(nil)

// New returns an issuer. It makes no keys yet: the first token or request
// does. The error is an *[OptionError].
func New(opts Options) (*Issuer, error) {
	i := &Issuer{
		raw:       opts.URL,
		platform:  opts.Platform,
		algorithm: opts.Algorithm,
		now:       opts.Now,
		x5c:       opts.X5C,
		fatal:     opts.Fatal,
	}
	if i.raw == "" {
		i.raw = DefaultURL
	}
	u, err := parseIssuerURL(i.raw)
	if err != nil {
		return nil, err
	}
	i.url, i.base = u, strings.TrimSuffix(i.raw, "/")
	switch i.platform {
	case "":
		i.platform = platformOf(u)
	case GitLabPlatform, CircleCIPlatform:
	default:
		return nil, &OptionError{"Platform", fmt.Sprintf("%q is not %q or %q", i.platform, GitLabPlatform, CircleCIPlatform)}
	}
	if i.now == nil {
		i.now = time.Now
	}
	if i.fatal == nil {
		i.fatal = func(err error) { panic(err) }
	}
	if err := i.setKeys(opts); err != nil {
		return nil, err
	}
	return i, nil
}

func (i *Issuer) setKeys(opts Options) error {
	if of := opts.KeysOf; of != nil {
		if of.platform != i.platform {
			return &OptionError{"KeysOf", "is an issuer of the other platform"}
		}
		if opts.LoginKeyBits != 0 {
			return &OptionError{"LoginKeyBits", "cannot be set together with KeysOf, whose keys are used"}
		}
		if i.algorithm != "" && i.algorithm != of.algorithm {
			return &OptionError{"Algorithm", fmt.Sprintf("%s differs from the %s of KeysOf", i.algorithm, of.algorithm)}
		}
		i.algorithm, i.ring, i.shared = of.algorithm, of.ring, true
		return nil
	}
	if i.algorithm == "" {
		i.algorithm = RS256
	}
	i.ring = &ring{ci: keySpec{algorithm: i.algorithm}}
	switch i.algorithm {
	case RS256:
		i.ring.ci.bits = 2048
	case ES256, EdDSA:
	default:
		return &OptionError{"Algorithm", fmt.Sprintf("%q is not RS256, ES256 or EdDSA", i.algorithm)}
	}
	login := i.ring.ci
	if bits := opts.LoginKeyBits; bits != 0 {
		if i.algorithm != RS256 || i.platform != GitLabPlatform {
			return &OptionError{"LoginKeyBits", "is for GitLab's RSA keys only"}
		}
		if bits < 2048 || bits > 8192 {
			return &OptionError{"LoginKeyBits", fmt.Sprintf("%d is not between 2048 and 8192", bits)}
		}
		login.bits = bits
	}
	if i.platform == GitLabPlatform {
		i.ring.login = &login
	}
	return nil
}

// Close gives the keys back for use by other issuers. Afterwards the issuer
// answers requests with 503 and signs nothing.
func (i *Issuer) Close() {
	if !i.shared {
		i.ring.close()
	}
}

// URL returns the issuer URL, as in iss.
func (i *Issuer) URL() string { return i.raw }

// Platform returns [GitLabPlatform] or [CircleCIPlatform].
func (i *Issuer) Platform() string { return i.platform }

// Requests returns how many HTTP requests reached the issuer, whatever they
// asked for and however they were answered.
func (i *Issuer) Requests() int { return int(i.requests.Load()) }

// Fetches returns how many of them asked for the keys.
func (i *Issuer) Fetches() int { return int(i.fetches.Load()) }

// Rotate makes a new key for job tokens. With keep, the older ones stay
// published beside it; without, they are withdrawn at once, as when a GitLab
// administrator regenerates the key. GitLab's login key stays.
func (i *Issuer) Rotate(keep bool) {
	if err := i.ring.rotate(keep); err != nil {
		i.fatal(err)
	}
}

// Fail makes the issuer answer every request with this status, until it is
// called with zero.
func (i *Issuer) Fail(status int) {
	if status != 0 && (status < 200 || status > 599) {
		i.fatal(fmt.Errorf("fakeissuer: Fail(%d): not a final HTTP status", status))
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.status = status
}

// Misbehave puts h in front of the issuer: a request that it reports as
// handled goes no further. One that it does not is answered as usual, with
// what h has set in the header kept, so that h may also change Cache-Control.
// It goes before [Issuer.Fail]. Nil ends it.
func (i *Issuer) Misbehave(h func(http.ResponseWriter, *http.Request) (handled bool)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.misbehave = h
}

// Publish adds these JSON Web Keys to the set, each as it is given, behind the
// issuer's own: keys of other types, weak ones, ill-formed ones. Called with
// none, it takes the added ones away.
func (i *Issuer) Publish(jwks ...string) {
	extra := make([]json.RawMessage, len(jwks))
	for n, j := range jwks {
		if !json.Valid([]byte(j)) {
			i.fatal(fmt.Errorf("fakeissuer: Publish: key %d is not JSON", n+1))
			return
		}
		extra[n] = json.RawMessage(j)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(jwks) == 0 {
		i.extra = nil
		return
	}
	i.extra = append(i.extra, extra...)
}

// KeyID returns the kid of the key that signs job tokens now: its RFC 7638
// thumbprint, as GitLab's is. The form of CircleCI's is not documented.
func (i *Issuer) KeyID() string {
	if k := i.signingKey(); k != nil {
		return k.id
	}
	return ""
}

// PublicKey returns the key that verifies job tokens signed now.
func (i *Issuer) PublicKey() crypto.PublicKey {
	if k := i.signingKey(); k != nil {
		return k.signer.Public()
	}
	return nil
}

// Thumbprints returns the SHA-1 thumbprints, in lower-case hexadecimal, of the
// certificates that [Options.X5C] publishes, in the order of the key set. An
// IAM OIDC provider takes at most five.
func (i *Issuer) Thumbprints() []string {
	keys, err := i.published()
	if err != nil {
		i.fatal(err)
		return nil
	}
	prints := make([]string, len(keys))
	for n, k := range keys {
		if prints[n], err = k.certThumbprint(); err != nil {
			i.fatal(err)
			return nil
		}
	}
	return prints
}

// MustJWKS is like [Issuer.JWKS], with the error going to [Options.Fatal].
func (i *Issuer) MustJWKS() []byte {
	body, err := i.JWKS()
	if err != nil {
		i.fatal(err)
	}
	return body
}

func (i *Issuer) signingKey() *key {
	k, err := i.ring.signing()
	if err != nil {
		i.fatal(err)
		return nil
	}
	return k
}

// published returns the keys of the set: GitLab lists its login key first.
func (i *Issuer) published() ([]*key, error) {
	login, ci, err := i.ring.keys()
	if err != nil || login == nil {
		return ci, err
	}
	return append([]*key{login}, ci...), nil
}
