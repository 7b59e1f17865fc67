package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/httpx"
	"github.com/cioidc/cioidc/internal/jose"
)

const (
	defaultLeeway      = 30 * time.Second
	maxLeeway          = 5 * time.Minute
	defaultMaxLifetime = 24 * time.Hour
)

// Config configures a [Verifier]. Issuers is required, and so are audiences,
// here or at each issuer. There is no way to switch off a check of the
// signature, the issuer, the audience or the times.
type Config struct {
	// Issuers are the only issuers whose tokens are accepted. A token of any
	// other is refused without a network request. There may be thousands: one
	// takes less than 1 KiB, and about 2 KiB more when its keys are in use.
	// Required.
	Issuers []Issuer
	// Audiences are the accepted aud values; a token needs one of them. On a
	// public issuer anyone can ask for a token with any audience, so it says
	// whom a token is for, never whom it is from. Use a value of your service's
	// own, such as its URL, so that a token for another service cannot be used
	// here. Empty means that every issuer must bring its own.
	Audiences []string
	// RejectExtraAudiences refuses a token that has other audiences beside the
	// accepted ones: another recipient could use it here.
	RejectExtraAudiences bool
	// Authorize, if set, decides on a token that is otherwise valid. The
	// decision, which may be nil, goes to [Token.Decision] and to Audit. The
	// error is wrapped in a *[DeniedError], unless it is or wraps an
	// *[UnavailableError], a context's error or one whose method Unavailable()
	// bool returns true: these tell that nothing could be decided. Nil means that
	// every valid token of Issuers passes: on a public issuer that is everybody,
	// so decide on the claims elsewhere.
	Authorize func(ctx context.Context, c claims.Model) (decision slog.LogValuer, err error)
	// Replay, if set, is told of each token that is about to be accepted, and
	// refuses one that it was told of before ([ErrReplayed]): every token lets one
	// request pass. It is asked last, so that a token that is refused is not used
	// up, and once in every call of [Verifier.Verify], for remembered tokens too.
	// If it cannot tell, the error is an *[UnavailableError]. The packages
	// oidc/replay and oidc/replay/redisreplay have one for one process and one for
	// several. Nil means that a token passes until it expires.
	//
	// A job on GitLab cannot ask for another token: with Replay it can make one
	// request for each entry of its id_tokens, so this is for actions that are
	// done once, with an entry of their own.
	Replay ReplayStore
	// ReplayFailOpen accepts a token if Replay cannot tell whether it was used
	// before, with a warning to Logger and the cause in [Event.ReplayErr]. What
	// the caller can bring about is never a reason to accept: if the context has
	// ended, the error stays an *[UnavailableError]. Without Replay it is an error.
	ReplayFailOpen bool
	// AllowSSHRerun accepts CircleCI jobs that were rerun with SSH, and tokens
	// that do not say whether they were.
	AllowSSHRerun bool
	// AllowForks accepts jobs whose commit or configuration may come from a
	// fork.
	AllowForks bool
	// Leeway is the tolerated clock skew. Zero means 30 seconds, a negative
	// value none; more than 5 minutes is an error.
	Leeway time.Duration
	// MaxLifetime bounds exp minus iat. Zero means 24 hours, which a job of
	// GitLab with a longer timeout exceeds.
	MaxLifetime time.Duration
	// CachedTokens is how many verified tokens are remembered, so that a token
	// that comes again costs a hash and not a signature check. Everything but
	// its form and signature is checked again each time, its key's presence in
	// the issuer's set included. An entry takes about 4 KiB for a token of
	// GitLab, 3 KiB for one of CircleCI. Zero means none.
	CachedTokens int
	// Keys sets how the issuers' keys are fetched and kept. Nil means the
	// defaults. Its HTTPClient, Logger, Observer and Now give way to those of
	// Config where Config has them.
	Keys *RemoteKeySetOptions
	// HTTPClient fetches discovery documents and keys. It is copied, and its
	// redirect policy replaced: at most three, on the same scheme and host. Nil
	// means a client on [http.DefaultTransport].
	HTTPClient *http.Client
	// Audit, if set, is called once for each call of [Verifier.Verify], at its
	// end and in its goroutine, with whatever it came to. [AuditLog] has one that
	// writes a record.
	Audit func(context.Context, Event)
	// Logger receives what became of tokens that were not accepted ("oidc:
	// token not accepted", with the attributes of [Event.LogValue]), key
	// changes ("oidc: keys changed"), keys that cannot be used ("oidc: keys
	// skipped"), failed fetches ("oidc: fetching keys failed"), the use of keys
	// past their time ("oidc: keys used past their time") and tokens that passed
	// though Replay failed ("oidc: replay not checked"). Nil means none.
	Logger *slog.Logger
	// Observer is told of each verification and each fetch, for metrics. Nil
	// means none.
	Observer Observer
	// Now returns the current time. Nil means [time.Now].
	Now func() time.Time
}

// defaultAlgorithms is what both platforms use. It is never changed.
var defaultAlgorithms = []Algorithm{RS256}

// issuer is a configured issuer with its defaults filled in.
type issuer struct {
	url        string
	audiences  []string
	algorithms []Algorithm
	keys       KeySet
	*model
	*codec
}

func (c *Config) leeway() time.Duration {
	switch {
	case c.Leeway == 0:
		return defaultLeeway
	case c.Leeway < 0:
		return 0
	}
	return c.Leeway
}

func (c *Config) maxLifetime() time.Duration {
	if c.MaxLifetime == 0 {
		return defaultMaxLifetime
	}
	return c.MaxLifetime
}

func (c *Config) check() error {
	switch {
	case len(c.Issuers) == 0:
		return errors.New("oidc: no issuers; Config.Issuers is required")
	case c.leeway() > maxLeeway:
		return fmt.Errorf("oidc: a leeway of %v is more than %v; correct the clocks instead", c.Leeway, maxLeeway)
	case c.MaxLifetime < 0:
		return errors.New("oidc: MaxLifetime is negative; zero means 24 hours")
	case c.CachedTokens < 0:
		return errors.New("oidc: CachedTokens is negative; zero means none")
	case c.ReplayFailOpen && c.Replay == nil:
		return errors.New("oidc: ReplayFailOpen is set, but there is no Replay that could fail; set Replay too")
	}
	return nil
}

// resolver fills in what issuers leave to the configuration. What issuers can
// share, they share: a verifier may have one for each organization.
type resolver struct {
	*Config
	options *RemoteKeySetOptions
	codecs  map[reflect.Type]*codec
}

// codecFor returns the codec of a model.
func (c *resolver) codecFor(m *model) (*codec, error) {
	if known := c.codecs[m.goType]; known != nil {
		return known, nil
	}
	made, err := m.codec()
	if err != nil {
		return nil, err
	}
	c.codecs[m.goType] = made
	return made, nil
}

// resolve checks i and fills in what it leaves to the configuration.
func (c *resolver) resolve(i Issuer) (*issuer, error) {
	if i.model == nil {
		return nil, fmt.Errorf("oidc: issuer %s was not made by a constructor; use oidc.GitLab, oidc.CircleCI or oidc.IssuerOf", quoteURL(i.URL))
	}
	if i.model.err != nil {
		return nil, fmt.Errorf("oidc: %w", i.model.err)
	}
	u, err := httpx.CheckURL(i.URL)
	if err != nil {
		return nil, fmt.Errorf("oidc: issuer %s: %w", quoteURL(i.URL), err)
	}
	if u.RawQuery != "" || u.ForceQuery {
		return nil, fmt.Errorf("oidc: issuer %s has a query", quote(i.URL))
	}
	if strings.Contains(u.Path, "//") || strings.Contains(u.Path, "/.well-known/") {
		return nil, fmt.Errorf("oidc: issuer %s is not one; give the value of the tokens' iss claim, to which the path of the discovery document is added", quote(i.URL))
	}
	// Cloned, so that a change of the configuration changes no verifier.
	codec, err := c.codecFor(i.model)
	if err != nil {
		return nil, fmt.Errorf("oidc: %w", err)
	}
	out := &issuer{
		url: i.URL, audiences: slices.Clone(i.Audiences), algorithms: slices.Clone(i.Algorithms), keys: i.Keys, model: i.model, codec: codec,
	}
	if len(out.audiences) == 0 {
		out.audiences = c.Audiences
	}
	if len(out.audiences) == 0 {
		return nil, fmt.Errorf("oidc: no audience for issuer %s; set Config.Audiences or the issuer's own to a value of your service's own, such as its URL", quote(i.URL))
	}
	for _, a := range out.audiences {
		if a == "" || strings.TrimSpace(a) != a {
			return nil, fmt.Errorf("oidc: an audience of issuer %s is empty or has white space around it: %s", quote(i.URL), quote(a))
		}
	}
	if len(out.algorithms) == 0 {
		out.algorithms = defaultAlgorithms
	}
	for _, a := range out.algorithms {
		if !jose.Supported(string(a)) {
			return nil, fmt.Errorf("oidc: algorithm %s of issuer %s is not one of RS256, ES256 and EdDSA", quote(string(a)), quote(i.URL))
		}
	}
	switch keys := out.keys.(type) {
	case nil:
		if out.keys, err = newRemoteKeySet("", i.URL, c.options); err != nil {
			return nil, err
		}
	case *RemoteKeySet:
		if keys == nil || keys.client == nil {
			return nil, fmt.Errorf("oidc: the keys of issuer %s were not made by NewRemoteKeySet", quote(i.URL))
		}
	case StaticKeySet:
		if err := keys.check(); err != nil {
			return nil, fmt.Errorf("oidc: issuer %s: %w", quote(i.URL), err)
		}
		out.keys = slices.Clone(keys)
	}
	return out, nil
}

func (c *Config) keyOptions() *RemoteKeySetOptions {
	var o RemoteKeySetOptions
	if c.Keys != nil {
		o = *c.Keys
	}
	if c.HTTPClient != nil {
		o.HTTPClient = c.HTTPClient
	}
	if c.Logger != nil {
		o.Logger = c.Logger
	}
	if c.Observer != nil {
		o.Observer = c.Observer
	}
	o.sameClock = o.Now == nil || c.Now != nil
	if c.Now != nil {
		o.Now = c.Now
	}
	o.shared = httpx.Client(o.HTTPClient, orDefault(o.Timeout, defaultTimeout))
	return &o
}
