package oidc_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// A token of an unknown key tells the owner's log which keys there are, and the
// caller nothing.
func TestUnknownKeyNamesThePublishedOnes(t *testing.T) {
	i := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	raw := i.SignWith(set("kid", "k\n"), oidctest.Claims{"iss": i.URL()})
	own, err := oidc.ParseKeySet(i.JWKS())
	require.NoError(t, err)
	named := func(n int) oidc.StaticKeySet {
		var keys oidc.StaticKeySet
		for id := range n {
			keys = append(keys, oidc.Key{ID: fmt.Sprintf("key-%02d", id), Algorithm: oidc.RS256, Public: own[0].Public})
		}
		return keys
	}
	var ids []string
	for _, k := range own {
		ids = append(ids, k.ID)
	}
	slices.Sort(ids)
	require.Len(t, ids, 2, "the key of jobs and that of logins")

	const unknown = `oidc: unknown key: the issuer publishes no usable key with kid "k\n"`
	for name, tt := range map[string]struct {
		keys oidc.KeySet
		want string
	}{
		"fetched":   {nil, unknown + fmt.Sprintf("; it publishes %q, %q", ids[0], ids[1])},
		"one":       {named(1), unknown + `; it publishes "key-00"`},
		"many":      {named(64), unknown + `; it publishes "key-00", "key-01", "key-02", "key-03", "key-04", and 59 more`},
		"too many":  {named(65), unknown},
		"of a user": {keySet(func(context.Context, string) ([]oidc.Key, error) { return nil, nil }), unknown},
	} {
		t.Run(name, func(t *testing.T) {
			trusted := oidc.GitLab(i.URL())
			trusted.Keys = tt.keys
			v := must(t, oidc.Config{Issuers: []oidc.Issuer{trusted}, Audiences: []string{audience}, HTTPClient: oidctest.Client(i)})
			_, err := v.Verify(t.Context(), raw)
			requireToken(t, err, oidc.ErrUnknownKey)
			assert.EqualError(t, err, tt.want)

			w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Authorization", "Bearer "+raw)
			oidc.Middleware(v, nil)(http.NotFoundHandler()).ServeHTTP(w, r)
			assert.Equal(t, http.StatusUnauthorized, w.Code)
			for _, id := range append(ids, "key-00", "publishes") {
				assert.NotContains(t, w.Body.String()+fmt.Sprint(w.Header()), id)
			}
		})
	}
}
