package oidctest

import (
	"crypto"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cioidc/cioidc/internal/fakeissuer"
	"github.com/cioidc/cioidc/oidc"
)

// The platforms whose issuers can be imitated, for [Options.Platform].
const (
	GitLabPlatform   = fakeissuer.GitLabPlatform
	CircleCIPlatform = fakeissuer.CircleCIPlatform
)

// DefaultURL is the issuer URL used when [Options.URL] is empty:
// https://issuer.test, in a domain reserved for tests (RFC 6761).
const DefaultURL = fakeissuer.DefaultURL

// CircleCIRootURL is the issuer that all of CircleCI's customers share:
// https://oidc.circleci.com.
const CircleCIRootURL = fakeissuer.CircleCIRootURL

// CircleCIURL returns the issuer URL of a CircleCI organization, by its UUID.
func CircleCIURL(organizationID string) string { return fakeissuer.CircleCIURL(organizationID) }

// Options configures an [Issuer]. A nil pointer means defaults.
type Options struct {
	// URL is the issuer URL, exactly as in iss, a trailing slash included.
	// Empty means [DefaultURL].
	URL string
	// Platform says whose discovery document, paths and key set to serve, and
	// whose tokens to sign: [GitLabPlatform] or [CircleCIPlatform]. Empty means
	// CircleCI if the host is oidc.circleci.com or the path ends in /org/ and a
	// UUID, else GitLab.
	Platform string
	// Algorithm signs the tokens. Empty means [oidc.RS256], the one both
	// platforms use.
	Algorithm oidc.Algorithm
	// Now is the clock of iat, nbf and exp. Nil means [time.Now].
	Now func() time.Time
	// LoginKeyBits is the size of the RSA key that signs GitLab's login tokens.
	// Zero means 2048, which is quick to make; gitlab.com has 4096.
	LoginKeyBits int
	// X5C adds a self-signed certificate of each key to the key set; see
	// [Issuer.Thumbprints]. False means none, as on the platforms.
	X5C bool
	// KeysOf makes the issuer sign with the keys of another one, as CircleCI's
	// organizations do. Nil means keys of its own.
	KeysOf *Issuer
}

// Issuer is a fake token issuer: one issuer URL with its discovery document,
// its keys and its tokens, and no listener. It is safe for concurrent use. A
// mistake in its use, such as claims that JSON cannot hold or a mode of the
// other platform, fails the test.
type Issuer struct{ fake *fakeissuer.Issuer }

var _ http.Handler = (*Issuer)(nil)

// NewIssuer returns an issuer that lives as long as t. Nil options mean the
// defaults; options that make no issuer fail t at once.
func NewIssuer(t testing.TB, opts *Options) *Issuer {
	t.Helper()
	if opts == nil {
		opts = &Options{}
	}
	fatal := func(err error) {
		t.Helper()
		t.Fatalf("oidctest: %s", strings.TrimPrefix(err.Error(), "fakeissuer: "))
	}
	o := fakeissuer.Options{
		URL:          opts.URL,
		Platform:     opts.Platform,
		Algorithm:    string(opts.Algorithm),
		Now:          opts.Now,
		LoginKeyBits: opts.LoginKeyBits,
		X5C:          opts.X5C,
		Fatal:        fatal,
	}
	if opts.KeysOf != nil {
		o.KeysOf = opts.KeysOf.fake
	}
	fake, err := fakeissuer.New(o)
	if err != nil {
		fatal(err)
		return nil
	}
	t.Cleanup(fake.Close)
	return &Issuer{fake}
}

// HostError is the error, within a *[net/url.Error], of a request that a
// client made by [Client] could not send: no issuer is at its host.
type HostError = fakeissuer.HostError

// Client returns an HTTP client that reaches these issuers, each at its URL,
// and nothing else: there is no network under it. A request to any other host
// fails with a *[HostError]; one to a path that no issuer has is answered 404
// by the first issuer of that host, which counts it.
//
// A nil issuer, and two at one URL, fail the test of the first issuer that is
// not nil. If all are nil, every request fails and says so.
func Client(issuers ...*Issuer) *http.Client {
	fakes := make([]*fakeissuer.Issuer, len(issuers))
	for n, i := range issuers {
		if i != nil {
			fakes[n] = i.fake
		}
	}
	return fakeissuer.Client(fakes...)
}

// URL returns the issuer URL, as in iss.
func (i *Issuer) URL() string { return i.fake.URL() }

// DiscoveryURL returns the address of the discovery document.
func (i *Issuer) DiscoveryURL() string { return i.fake.DiscoveryURL() }

// KeysURL returns the address of the key set: where GitLab and CircleCI have
// it, below the issuer URL.
func (i *Issuer) KeysURL() string { return i.fake.KeysURL() }

// ServeHTTP serves the discovery document and the keys, below the path of the
// issuer URL, to any host, for use with net/http/httptest. Everything else is
// not found.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.fake.ServeHTTP(w, r) }

// Requests returns how many HTTP requests reached the issuer, whatever they
// asked for and however they were answered.
func (i *Issuer) Requests() int { return i.fake.Requests() }

// Fetches returns how many of the requests that [Issuer.Requests] counts asked
// for the keys.
func (i *Issuer) Fetches() int { return i.fake.Fetches() }

// Rotate makes a new key for job tokens. With keep, the older ones stay
// published beside it; without, they are withdrawn at once, as when a GitLab
// administrator regenerates the key. GitLab's login key stays.
//
// A verifier that has fetched the keys within the last
// [oidc.RemoteKeySetOptions].MinInterval refuses tokens of the new one: let a
// fake clock pass that time, set it to a nanosecond, or call
// [oidc.Verifier.Warm].
func (i *Issuer) Rotate(keep bool) { i.fake.Rotate(keep) }

// Fail makes the issuer answer every request with this status, from 200 to
// 599, until it is called with zero.
func (i *Issuer) Fail(status int) { i.fake.Fail(status) }

// Misbehave puts h in front of the issuer: a request that it reports as
// handled goes no further. One that it does not is answered as usual, with
// what h has set in the header kept: so it can change Cache-Control. It goes
// before [Issuer.Fail]. Nil ends it.
func (i *Issuer) Misbehave(h func(http.ResponseWriter, *http.Request) (handled bool)) {
	i.fake.Misbehave(h)
}

// Publish adds these JSON Web Keys to the set, each as it is given, behind the
// issuer's own: keys of other types, weak ones, ill-formed ones. Called with
// none, it takes the added ones away.
func (i *Issuer) Publish(jwks ...string) { i.fake.Publish(jwks...) }

// JWKS returns the key set that is served now, for verifiers that are given
// their keys.
func (i *Issuer) JWKS() []byte { return i.fake.MustJWKS() }

// KeyID returns the kid of the key that signs job tokens now: its RFC 7638
// thumbprint, as GitLab's is. The form of CircleCI's is not documented.
func (i *Issuer) KeyID() string { return i.fake.KeyID() }

// PublicKey returns the key that verifies job tokens signed now: an
// *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey.
func (i *Issuer) PublicKey() crypto.PublicKey { return i.fake.PublicKey() }

// Thumbprints returns the SHA-1 thumbprints, in lower-case hexadecimal, of the
// certificates that [Options.X5C] publishes, in the order of the key set.
func (i *Issuer) Thumbprints() []string { return i.fake.Thumbprints() }
