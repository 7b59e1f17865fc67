//go:build linux

package interop

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// oidcProvider is npm's oidc-provider, a certified OpenID provider: the stand-in
// for Okta's token endpoint, at the same path.
type oidcProvider struct {
	*process
	url  string // its issuer
	link *link  // the way to it; nil if there is nothing between
}

// oidcClient is a client of the provider. Either JWKS or JWKSURI has its keys.
type oidcClient struct {
	ID         string         `json:"client_id"`
	Auth       string         `json:"token_endpoint_auth_method"`
	JWKS       map[string]any `json:"jwks,omitempty"`
	JWKSURI    string         `json:"jwks_uri,omitempty"`
	Grants     []string       `json:"grant_types"`
	Redirects  []string       `json:"redirect_uris"`
	Responses  []string       `json:"response_types"`
	Scope      string         `json:"scope"`
	SigningAlg string         `json:"token_endpoint_auth_signing_alg"`
}

func newOIDCClient(id, alg string) oidcClient {
	return oidcClient{
		ID: id, Auth: "private_key_jwt", SigningAlg: alg, Scope: "deploy",
		Grants: []string{"client_credentials"}, Redirects: []string{}, Responses: []string{},
	}
}

// startOIDCProvider starts the provider with these clients, until t ends. It is
// reached through behind, if that is not nil.
func startOIDCProvider(t *testing.T, behind *toxiproxy, clients ...oidcClient) *oidcProvider {
	t.Helper()
	node := required(t, "node")
	module := filepath.Join(programDir(), "npm", "oidc-provider", "node_modules", "oidc-provider")
	manifest, err := os.ReadFile(filepath.Join(module, "package.json"))
	require.NoError(t, err, "oidc-provider is not installed: run internal/interop/install.sh")
	var version struct{ Version string }
	require.NoError(t, json.Unmarshal(manifest, &version))
	t.Logf("oidc-provider %s", version.Version)

	script, err := filepath.Abs("oidcprovider/server.mjs")
	require.NoError(t, err)
	ports, err := freePorts(1)
	require.NoError(t, err)
	list, err := json.Marshal(clients)
	require.NoError(t, err)
	dir := t.TempDir()
	p := &oidcProvider{url: fmt.Sprintf("http://127.0.0.1:%d", ports[0])}
	if behind != nil {
		p.link = behind.link(t, "oidc-provider", strings.TrimPrefix(p.url, "http://"))
		p.url = "http://" + p.link.addr
	}
	p.process, err = startProcess(dir, "oidc-provider", []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir,
		"OIDC_PROVIDER=" + module, "PORT=" + strconv.Itoa(ports[0]), "ISSUER=" + p.url, "CLIENTS=" + string(list),
	}, node, script)
	require.NoError(t, err)
	t.Cleanup(func() { p.Stop(5 * time.Second) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, p.await(ctx, 50*time.Millisecond, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/.well-known/openid-configuration", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("HTTP %d", resp.StatusCode)
		}
		return nil
	}))
	return p
}

// reasons returns why the provider refused, for each refusal so far: it tells
// its log more than the client.
func (p *oidcProvider) reasons(t *testing.T) []string {
	t.Helper()
	f, err := os.Open(p.log)
	require.NoError(t, err)
	defer f.Close()
	var all []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var told struct{ Error, Detail, Cause, CauseOfCause string }
		if json.Unmarshal(lines.Bytes(), &told) == nil && told.Error != "" {
			all = append(all, strings.Join([]string{told.Detail, told.Cause, told.CauseOfCause}, "|"))
		}
	}
	return all
}
