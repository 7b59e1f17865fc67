package googlests_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
)

func TestConfigIsRefused(t *testing.T) {
	const base = "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci"
	provider := func(name string) func(*googlests.Config) {
		return func(c *googlests.Config) { c.Provider = name }
	}
	tests := map[string]struct {
		edit           func(*googlests.Config)
		field, problem string
	}{
		"no provider":            {provider(""), "Provider", "it is required"},
		"with https":             {provider("https:" + base + "/providers/gitlab"), "Provider", `belongs to the token's audience only: use "` + base + `/providers/gitlab"`},
		"with https, and wrong":  {provider("https:" + base), "Provider", "belongs to the token's audience only; want"},
		"with http":              {provider("http:" + base + "/providers/gitlab"), "Provider", "leave out the scheme"},
		"without the host":       {provider(base[len("//iam.googleapis.com/"):] + "/providers/gitlab"), "Provider", "put that in front"},
		"without slashes":        {provider(base[2:] + "/providers/gitlab"), "Provider", `two slashes: use "` + base + `/providers/gitlab"`},
		"another service":        {provider("//sts.googleapis.com/projects/1"), "Provider", "want //iam.googleapis.com/projects/NUMBER/"},
		"a principal":            {provider("principalSet:" + base + "/*"), "Provider", "it is a principal"},
		"a workforce pool":       {provider("//iam.googleapis.com/locations/global/workforcePools/p/providers/x"), "Provider", "it names a workforce pool"},
		"a pool":                 {provider(base), "Provider", "append /providers/"},
		"a project ID":           {provider(googlests.ProviderName("shop-prod", "ci", "gitlab")), "Provider", `"shop-prod" is not a project number: use the number, not the project ID`},
		"no number":              {provider(googlests.ProviderName("", "ci", "gitlab")), "Provider", "the project number is empty"},
		"no pool":                {provider(googlests.ProviderName("1", "", "gitlab")), "Provider", `the pool "" is not a pool ID`},
		"a pool in upper case":   {provider(googlests.ProviderName("1", "CI", "gitlab")), "Provider", `the pool "CI" is not a pool ID`},
		"no provider ID":         {provider(googlests.ProviderName("1", "ci", "")), "Provider", `the provider "" is not a provider ID`},
		"a slash at the end":     {provider(base + "/providers/gitlab/"), "Provider", `ends in a slash: use "` + base + `/providers/gitlab"`},
		"a line break":           {provider(base + "/providers/gitlab\n"), "Provider", `the provider "gitlab\n" is not a provider ID`},
		"another location":       {provider("//iam.googleapis.com/projects/1/locations/eu/workloadIdentityPools/ci/providers/gitlab"), "Provider", `the location is "eu"`},
		"another universe":       {provider("//iam.universe.example/projects/1/locations/global/workloadIdentityPools/ci/providers/gitlab"), "Provider", "want //iam.googleapis.com/"},
		"no source":              {func(c *googlests.Config) { c.Source = nil }, "Source", "it is required"},
		"a nil pointer":          {func(c *googlests.Config) { c.Source = (*source)(nil) }, "Source", "nor a nil pointer"},
		"a nil function":         {func(c *googlests.Config) { c.Source = exchange.TokenSourceFunc(nil) }, "Source", "nor a nil pointer"},
		"two scopes in one":      {func(c *googlests.Config) { c.Scopes = []string{"a b"} }, "Scopes", "one scope"},
		"an empty scope":         {func(c *googlests.Config) { c.Scopes = []string{""} }, "Scopes", "one scope"},
		"plain http":             {func(c *googlests.Config) { c.Endpoint = "http://sts.example/v1/token" }, "Endpoint", "plain http is for loopback"},
		"no URL":                 {func(c *googlests.Config) { c.Endpoint = "sts.example" }, "Endpoint", `"sts.example": no scheme, and so no host: want https://HOST`},
		"a password":             {func(c *googlests.Config) { c.Endpoint = "https://a:hunter22@sts.example" }, "Endpoint", "user information"},
		"a universe with a path": {func(c *googlests.Config) { c.UniverseDomain = "example.com/x" }, "UniverseDomain", "not a domain name"},
		"a universe with a user": {func(c *googlests.Config) { c.UniverseDomain = "x@example.com" }, "UniverseDomain", "not a domain name"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			cfg := w.config()
			tt.edit(&cfg)
			_, err := googlests.Credentials(cfg)
			var bad *exchange.ConfigError
			require.ErrorAs(t, err, &bad)
			assert.Equal(t, "googlests", bad.Package)
			assert.Equal(t, tt.field, bad.Field)
			assert.Contains(t, bad.Problem, tt.problem)
			assert.NotContains(t, err.Error(), "hunter22")
			_, err = googlests.TokenSource(cfg)
			assert.ErrorAs(t, err, &bad)
			assert.Zero(t, w.cloud.Requests(fakegoogle.Token))
		})
	}
}

func TestProviderOfAnotherUniverse(t *testing.T) {
	w := newWorld(t)
	cfg := w.config()
	cfg.UniverseDomain = "universe.example"
	cfg.Provider = "//iam.universe.example/projects/1/locations/global/workloadIdentityPools/ci/providers/gitlab"
	_, err := googlests.Credentials(cfg)
	assert.NoError(t, err)
}

func TestLoopbackEndpointMayBePlain(t *testing.T) {
	w := newWorld(t)
	for _, endpoint := range []string{"http://127.0.0.1:8080/v1/token", "http://[::1]/v1/token", "http://localhost:1/v1/token"} {
		cfg := w.config()
		cfg.Endpoint = endpoint
		_, err := googlests.Credentials(cfg)
		assert.NoError(t, err, endpoint)
	}
}

func TestCallersClientIsNotChanged(t *testing.T) {
	w := newWorld(t)
	client := &http.Client{Transport: w.cloud.Client().Transport}
	cfg := w.config()
	cfg.HTTPClient = client
	creds, err := googlests.Credentials(cfg)
	require.NoError(t, err)
	token(t, creds)
	assert.Nil(t, client.CheckRedirect)
	assert.Zero(t, client.Timeout)
}
