//go:build linux

package interop

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/httptransport"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
)

// googleExecutable is a program for the executable source: it answers with the
// token in the file of its first argument, for the audience of its second.
func googleExecutable(args []string) int {
	err := googlests.WriteExecutableResponse(context.Background(), os.Stdout, googlests.Config{
		Provider: os.Getenv("GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE"),
		Audience: args[1],
		Source:   exchange.File(args[0]),
	})
	if err != nil {
		return 1
	}
	return 0
}

// googleGoClient prints what is at the URL of its first argument, with the
// credentials that Google's Go library finds.
func googleGoClient(args []string) int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	creds, err := credentials.DetectDefault(&credentials.DetectOptions{Scopes: []string{cloudPlatformScope}})
	if err != nil {
		return fail(err)
	}
	client, err := httptransport.NewClient(&httptransport.Options{Credentials: creds})
	if err != nil {
		return fail(err)
	}
	resp, err := client.Get(args[0])
	if err != nil {
		return fail(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		return fail(fmt.Errorf("status %d: %s: %w", resp.StatusCode, body, err))
	}
	_, _ = os.Stdout.Write(body)
	return 0
}

// googleClient is one of Google's clients. It returns the command that reads
// the object, through a fake at base, with the credential file in path; and
// false, if it is not there.
type googleClient struct {
	name    string
	command func(t *testing.T, box *sandbox, base, path string) (env, command []string, ok bool)
}

func objectURL(base string) string {
	return base + "/storage/v1/b/" + googleBucket + "/o/" + googleObject + "?alt=media"
}

var googleClients = []googleClient{
	{"Go", func(t *testing.T, _ *sandbox, base, _ string) ([]string, []string, bool) {
		self, err := os.Executable()
		require.NoError(t, err)
		tally.real(t)
		return nil, []string{self, "google-go-client", objectURL(base)}, true
	}},
	{"npm", func(t *testing.T, box *sandbox, base, path string) ([]string, []string, bool) {
		node := required(t, "node")
		modules := filepath.Join(programDir(), "npm", "google-auth-library", "node_modules")
		require.DirExists(t, modules, "run internal/interop/install.sh")
		script := box.Write(t, "read.cjs", npmReader)
		return []string{"NODE_PATH=" + modules, "GOOGLE_CLOUD_PROJECT=acme"}, []string{node, script, path, objectURL(base)}, true
	}},
	{"python", func(t *testing.T, box *sandbox, base, path string) ([]string, []string, bool) {
		// google-auth comes with gcloud, and so does a Python for it.
		gcloud, ok := optional(t, "gcloud")
		if !ok {
			return nil, nil, false
		}
		gcloud, err := filepath.EvalSymlinks(gcloud)
		require.NoError(t, err)
		root := filepath.Dir(filepath.Dir(gcloud))
		python := filepath.Join(root, "platform", "bundledpythonunix", "bin", "python3")
		if _, err := os.Stat(python); err != nil {
			python = required(t, "python3")
		}
		script := box.Write(t, "read.py", pythonReader)
		return []string{"PYTHONPATH=" + filepath.Join(root, "lib", "third_party"), "PYTHONDONTWRITEBYTECODE=1"},
			[]string{python, script, path, objectURL(base)}, true
	}},
	{"gcloud", func(t *testing.T, box *sandbox, base, _ string) ([]string, []string, bool) {
		gcloud, ok := optional(t, "gcloud")
		return []string{
			"CLOUDSDK_CONFIG=" + box.Home,
			"CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE=" + base + "/storage/v1/",
			"CLOUDSDK_CORE_PROJECT=acme",
			"CLOUDSDK_CORE_DISABLE_PROMPTS=true",
			"CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=true",
			"CLOUDSDK_CORE_CHECK_GCE_METADATA=false",
			"CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=true",
		}, []string{gcloud, "storage", "cat", "gs://" + googleBucket + "/" + googleObject}, ok
	}},
}

const npmReader = `
const {GoogleAuth} = require('google-auth-library');
const [path, url] = process.argv.slice(2);
(async () => {
  const auth = new GoogleAuth({keyFile: path, scopes: ['` + cloudPlatformScope + `']});
  const client = await auth.getClient();
  const answer = await client.request({url, responseType: 'text'});
  process.stdout.write(answer.data);
})().catch(err => {
  console.error(err.message, err.response ? JSON.stringify(err.response.data) : '');
  process.exit(1);
});
`

const pythonReader = `
import json, sys
from google.auth import identity_pool, pluggable
from google.auth.transport.requests import AuthorizedSession
path, url = sys.argv[1:]
with open(path) as file:
    source = json.load(file)["credential_source"]
kind = pluggable if "executable" in source else identity_pool
credentials = kind.Credentials.from_file(path, scopes=["` + cloudPlatformScope + `"])
answer = AuthorizedSession(credentials).get(url)
if answer.status_code != 200:
    sys.exit("status %d: %s" % (answer.status_code, answer.text))
sys.stdout.write(answer.text)
`
