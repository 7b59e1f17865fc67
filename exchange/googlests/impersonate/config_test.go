package impersonate_test

import (
	"testing"
	"time"

	"cloud.google.com/go/auth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests/impersonate"
)

func TestConfigIsRefused(t *testing.T) {
	account := func(name string) func(*impersonate.Config) {
		return func(c *impersonate.Config) { c.ServiceAccount = name }
	}
	tests := map[string]struct {
		edit           func(*impersonate.Config)
		field, problem string
	}{
		"no account":         {account(""), "ServiceAccount", "it is required"},
		"a member":           {account("serviceAccount:" + deployer), "ServiceAccount", "leave out serviceAccount:"},
		"a resource name":    {account("projects/-/serviceAccounts/" + deployer), "ServiceAccount", "give the email alone"},
		"a unique ID":        {account("104321987654321098765"), "ServiceAccount", "it is the account's unique ID"},
		"a person":           {account("someone@example.com"), "ServiceAccount", "not a service account's email"},
		"a path in it":       {account("a/../b@p.iam.gserviceaccount.com"), "ServiceAccount", "not a service account's email"},
		"a method in it":     {account("a:signJwt@p.iam.gserviceaccount.com"), "ServiceAccount", "not a service account's email"},
		"a line break":       {account(deployer + "\n"), "ServiceAccount", "not a service account's email"},
		"a delegate":         {func(c *impersonate.Config) { c.Delegates = []string{relay, "x"} }, "Delegates", "not a service account's email"},
		"no base":            {func(c *impersonate.Config) { c.Base = nil }, "Base", "it is required"},
		"an empty base":      {func(c *impersonate.Config) { c.Base = &auth.Credentials{} }, "Base", "it is required"},
		"two scopes in one":  {func(c *impersonate.Config) { c.Scopes = []string{"a b"} }, "Scopes", "one scope"},
		"a negative time":    {func(c *impersonate.Config) { c.Lifetime = -time.Hour }, "Lifetime", "whole seconds"},
		"half a second":      {func(c *impersonate.Config) { c.Lifetime = 1500 * time.Millisecond }, "Lifetime", "whole seconds"},
		"more than 12 hours": {func(c *impersonate.Config) { c.Lifetime = 12*time.Hour + time.Second }, "Lifetime", "at most 12 hours"},
		"plain http":         {func(c *impersonate.Config) { c.Endpoint = "http://iam.example" }, "Endpoint", "plain http"},
		"no scheme":          {func(c *impersonate.Config) { c.Endpoint = "iam.example" }, "Endpoint", `"iam.example": no scheme`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			cfg := w.config(t)
			tt.edit(&cfg)
			_, err := impersonate.Credentials(cfg)
			var bad *exchange.ConfigError
			require.ErrorAs(t, err, &bad)
			assert.Equal(t, "impersonate", bad.Package)
			assert.Equal(t, tt.field, bad.Field)
			assert.Contains(t, bad.Problem, tt.problem)
			_, err = impersonate.IDToken(cfg, "https://run.example")
			assert.ErrorAs(t, err, &bad)
		})
	}
	_, err := impersonate.IDToken(newWorld(t).config(t), "")
	var bad *exchange.ConfigError
	require.ErrorAs(t, err, &bad)
	assert.Equal(t, "audience", bad.Field)
}

func TestAccountNames(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{
		deployer,
		"123456789012-compute@developer.gserviceaccount.com",
		"shop-prod@appspot.gserviceaccount.com",
		"deployer@shop-prod.example.com.iam.gserviceaccount.com",
	} {
		cfg := w.config(t)
		cfg.ServiceAccount = name
		_, err := impersonate.Credentials(cfg)
		assert.NoError(t, err, name)
	}
}
