package oidc_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// After a day the discovery document is read again. If it is out of reach, the
// key set that it named serves on, for as long as keys may be stale; if it can
// be read and is wrong, it does not.
func TestRediscovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
		var mode atomic.Value // an answer that nobody waits for reads it too
		mode.Store("well")
		issuer.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration") {
				return false
			}
			switch mode.Load() {
			case "down":
				w.WriteHeader(http.StatusBadGateway)
			case "slow":
				time.Sleep(6 * time.Second)
				return false
			case "hangs":
				<-r.Context().Done()
			case "wrong":
				io.WriteString(w, `{"issuer":"https://gitlab.com/","jwks_uri":"https://gitlab.com/keys"}`)
			default:
				return false
			}
			return true
		})
		for _, c := range []struct {
			mode   string
			after  time.Duration
			failed string // empty: the keys are fetched anew
		}{
			{"down", 25 * time.Hour, ""},
			{"hangs", 25 * time.Hour, ""},
			{"down", 47 * time.Hour, ""},
			{"down", 49 * time.Hour, "HTTP status 502"},
			{"slow", 49 * time.Hour, ""},
			{"wrong", 25 * time.Hour, `the discovery document is of issuer "https://gitlab.com/", the configured one is "https://gitlab.com"`},
		} {
			v := must(t, oidc.Config{Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: oidctest.Client(issuer)})
			mode.Store("well")
			require.NoError(t, v.Warm(t.Context()))
			time.Sleep(c.after)
			mode.Store(c.mode)
			issuer.Rotate(false)
			err := v.Warm(t.Context())
			if c.failed != "" {
				assert.ErrorContains(t, err, c.failed, "%s after %v", c.mode, c.after)
				requireUnavailable(t, err, oidc.OpDiscovery)
				continue
			}
			require.NoError(t, err, "%s after %v", c.mode, c.after)
			_, err = v.Verify(t.Context(), issuer.GitLab(audience))
			require.NoError(t, err, "the key made meanwhile is known: %s after %v", c.mode, c.after)
		}
	})
}
