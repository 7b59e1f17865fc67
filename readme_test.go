package cioidc_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/api/option"
	"google.golang.org/api/storage/v1"

	"github.com/cioidc/cioidc/ciplatform"
	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/exchange/googlests/impersonate"
	"github.com/cioidc/cioidc/exchange/oauth"
	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// The code of README.md stands here, between region marks, so that it compiles.

func Example_aws() {
	// #region aws
	ci, err := ciplatform.Detect() // CircleCI or GitLab CI, by the environment
	if err != nil {
		return // not in a CI job
	}
	provider, err := awssts.New(awssts.Config{
		RoleARN: "arn:aws:iam::123456789012:role/deploy",
		Region:  "eu-west-1",
		Source:  ci,
	})
	if err != nil {
		panic(err)
	}
	client := sts.NewFromConfig(provider.AWSConfig()) // or s3, ecs, ...: fresh credentials for as long as the job can get tokens
	// #endregion
	_ = client
}

func Example_vault() {
	ctx := context.Background()
	ci, err := ciplatform.Detect()
	if err != nil {
		return
	}
	const vault = "https://vault.acme.example"
	// #region vault
	login := oauth.Vault(oauth.VaultOptions{Address: vault, Mount: "jwt", Role: "deploy", Audience: vault}, ci)
	token, err := login.Token(ctx)
	// #endregion
	_, _ = token, err
}

func Example_google() {
	ctx := context.Background()
	ci, err := ciplatform.Detect()
	if err != nil {
		return
	}
	// #region google
	federated, err := googlests.Credentials(googlests.Config{
		Provider: googlests.ProviderName("123456789012", "ci", "gitlab"),
		Source:   ci,
	})
	if err != nil {
		panic(err)
	}
	deployer, err := impersonate.Credentials(impersonate.Config{ // only if you need a service account
		ServiceAccount: "deployer@acme.iam.gserviceaccount.com",
		Base:           federated,
	})
	if err != nil {
		panic(err)
	}
	client, err := storage.NewService(ctx, option.WithAuthCredentials(deployer)) // of google.golang.org/api/storage/v1
	// #endregion
	_, _ = client, err
}

func Example_service() {
	deploy := http.NotFoundHandler()
	// #region service
	verifier, err := oidc.NewVerifier(oidc.Config{
		Issuers:   []oidc.Issuer{oidc.GitLab("https://gitlab.com"), oidc.CircleCI("2f1a9e5c-6a53-4f2b-8b63-0c6d1d8e4f01")},
		Audiences: []string{"https://deploy.acme.example"},
		Authorize: mayDeploy,
	})
	if err != nil {
		panic(err)
	}
	http.Handle("/deploy", oidc.Middleware(verifier, nil)(deploy))
	// #endregion
}

// #region authorize
func mayDeploy(_ context.Context, c claims.Model) (slog.LogValuer, error) {
	switch c := c.(type) {
	case *claims.GitLab:
		if c.ProjectID == "90210" && c.RefPath == "refs/heads/main" && c.RefProtected == claims.True {
			return nil, nil
		}
	case *claims.CircleCI:
		if c.ProjectID == "66666666-aaaa-4bbb-8ccc-000000000006" &&
			c.VCSOrigin == "github.com/acme/deployer" && c.VCSRef == "refs/heads/main" {
			return nil, nil
		}
	}
	return nil, errors.New("only main of the deployer may deploy")
}

// #endregion

func Example_call() {
	ci, err := ciplatform.Detect()
	if err != nil {
		return
	}
	// #region call
	client := &http.Client{Transport: &exchange.Transport{Source: ci, Audience: "https://deploy.acme.example"}}
	response, err := client.Post("https://deploy.acme.example/deploy", "", nil)
	// #endregion
	_, _ = response, err
}

// #region test
func TestOnlyMainMayDeploy(t *testing.T) {
	gitlab := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	verifier, err := oidc.NewVerifier(oidc.Config{
		Issuers:    []oidc.Issuer{oidc.GitLab("https://gitlab.com")},
		Audiences:  []string{"https://deploy.acme.example"},
		Authorize:  mayDeploy,
		HTTPClient: oidctest.Client(gitlab),
	})
	require.NoError(t, err)
	deployer := oidctest.Project("90210", "acme/deployer")

	_, err = verifier.Verify(t.Context(), gitlab.GitLab("https://deploy.acme.example", deployer))
	require.NoError(t, err) // main, unless edited

	stable := gitlab.GitLab("https://deploy.acme.example", deployer, oidctest.ProtectedBranch("stable"))
	_, err = verifier.Verify(t.Context(), stable)
	var denied *oidc.DeniedError
	assert.ErrorAs(t, err, &denied)
}

// #endregion

var (
	region = regexp.MustCompile(`(?ms)^\t*// #region (\w+)\n(.*?)^\t*// #endregion$`)
	sample = regexp.MustCompile("(?ms)^<!-- sample: (\\w+) -->\n```go\n(.*?)^```$")
	anyGo  = regexp.MustCompile("(?m)^```go$")
)

// TestReadmeSamples compares the Go code of README.md with the code above.
func TestReadmeSamples(t *testing.T) {
	source, err := os.ReadFile("readme_test.go")
	require.NoError(t, err)
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)

	compiled := map[string]string{}
	for _, m := range region.FindAllStringSubmatch(string(source), -1) {
		compiled[m[1]] = dedent(m[2])
	}
	shown := map[string]string{}
	for _, m := range sample.FindAllStringSubmatch(string(readme), -1) {
		shown[m[1]] = m[2]
	}
	require.Len(t, shown, len(anyGo.FindAllString(string(readme), -1)), "each block of Go code has a sample mark of its own")
	require.GreaterOrEqual(t, len(shown), 5)
	assert.Equal(t, compiled, shown)
}

// dedent takes away the tabs that all lines begin with, and empty lines at the
// end.
func dedent(code string) string {
	lines := strings.Split(strings.TrimRight(code, "\n"), "\n")
	for lines[0] != "" && lines[0][0] == '\t' {
		for i := range lines {
			lines[i] = strings.TrimPrefix(lines[i], "\t")
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// TestReadmeShape holds the README to its promises: code before line 25, 120 to
// 200 lines, and the commands that a newcomer runs first.
func TestReadmeShape(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(string(readme), "\n"), "\n")
	assert.GreaterOrEqual(t, len(lines), 120)
	assert.LessOrEqual(t, len(lines), 200)
	first := -1
	for i, l := range lines {
		if l == "```go" {
			first = i + 1
			break
		}
	}
	assert.Greater(t, first, 0)
	assert.Less(t, first, 25)
	for _, command := range []string{"\ngo run ./examples/quickstart\n", "\ngo test ./...\n"} {
		assert.Contains(t, string(readme), command)
	}
}
