package awssts

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

const (
	// expiryWindow is how long before their end credentials are renewed; the
	// jitter takes up to half of it away, so that parallel jobs that began
	// together do not renew together.
	expiryWindow = 5 * time.Minute
	expiryJitter = 0.5
	// renewPause is the pause between attempts to renew credentials that are
	// still good.
	renewPause = 30 * time.Second
)

// renewer is a provider as the SDK's cache sees it. Within the expiry window
// credentials are still good, so a failure to renew them is no failure yet.
type renewer struct {
	provider aws.CredentialsProvider

	mu   sync.Mutex
	last aws.Credentials // as STS gave them; the cache's copy expires earlier
}

var (
	_ aws.HandleFailRefreshCredentialsCacheStrategy = (*renewer)(nil)
	_ aws.AdjustExpiresByCredentialsCacheStrategy   = (*renewer)(nil)
)

func newCache(r *renewer) *aws.CredentialsCache {
	return aws.NewCredentialsCache(r, func(o *aws.CredentialsCacheOptions) {
		o.ExpiryWindow = expiryWindow
		o.ExpiryWindowJitterFrac = expiryJitter
	})
}

// inCache puts a provider of others into a cache of its own.
func inCache(p aws.CredentialsProvider) aws.CredentialsProvider {
	r := &renewer{provider: p}
	return untilTheirEnd{newCache(r), r}
}

// untilTheirEnd gives cached credentials to others with the time when they
// really expire. Others have windows of their own, and botocore refuses
// credentials that it has just been given and that seem to have expired.
type untilTheirEnd struct {
	cache *aws.CredentialsCache
	r     *renewer
}

func (u untilTheirEnd) Retrieve(ctx context.Context) (aws.Credentials, error) {
	creds, err := u.cache.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, err
	}
	u.r.mu.Lock()
	defer u.r.mu.Unlock()
	if u.r.last.AccessKeyID == creds.AccessKeyID {
		creds.Expires = u.r.last.Expires
	}
	return creds, nil
}

// Retrieve exchanges, and remembers when the credentials really expire.
func (r *renewer) Retrieve(ctx context.Context) (aws.Credentials, error) {
	creds, err := r.provider.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = creds
	return creds, nil
}

// HandleFailToRefresh returns the last credentials if they are still good.
func (r *renewer) HandleFailToRefresh(_ context.Context, previous aws.Credentials, err error) (aws.Credentials, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// The cache forgets its credentials on Invalidate, which a caller does
	// because they are no longer good.
	if !previous.HasKeys() || !time.Now().Before(r.last.Expires) {
		return aws.Credentials{}, err
	}
	return r.last, nil
}

// AdjustExpiresBy brings the renewal forward by the expiry window. Credentials
// that are in it already are looked at again after a pause.
func (r *renewer) AdjustExpiresBy(creds aws.Credentials, by time.Duration) (aws.Credentials, error) {
	renew, soon := creds.Expires.Add(by), time.Now().Add(renewPause)
	if renew.Before(soon) {
		renew = soon
	}
	if renew.Before(creds.Expires) {
		creds.Expires = renew
	}
	return creds, nil
}
