//go:build linux

package interop

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
)

// unescaped undoes the escapes of JSON and of Python that stand between a
// refusal's text and what a client prints of it.
func unescaped(s string) string {
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&", `\'`, "'", `\"`, `"`).Replace(s)
}

// The fake Google Cloud is good enough for gcloud: it exchanges the token of an
// external_account file, impersonates, and reads an object.
func TestGcloud(t *testing.T) {
	program, ok := optional(t, "gcloud")
	if !ok {
		return
	}
	w := newGoogleWorld(t)
	for _, c := range w.cases(t) {
		t.Run(c.name, func(t *testing.T) {
			tally.real(t)
			box := newSandbox(t)
			base := box.Serve(t, w.cloud)
			file := box.Write(t, "credentials.json", c.credentialFile(t, base, box.Write(t, "token", c.token)))
			exchanges, impersonations, reads := w.cloud.Requests(fakegoogle.Token), w.cloud.Requests(fakegoogle.GenerateAccessToken), w.cloud.Requests(fakegoogle.Storage)
			res := box.Run(t, []string{
				"CLOUDSDK_CONFIG=" + box.Home,
				"CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE=" + file,
				"CLOUDSDK_AUTH_TOKEN_INTROSPECTION_ENDPOINT=" + base + "/v1/introspect",
				"CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE=" + base + "/storage/v1/",
				"CLOUDSDK_CORE_PROJECT=acme",
				"CLOUDSDK_CORE_DISABLE_PROMPTS=true",
				"CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=true",
				"CLOUDSDK_CORE_CHECK_GCE_METADATA=false",
				"CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=true",
			}, program, "storage", "cat", "gs://"+googleBucket+"/"+googleObject)
			assert.NotZero(t, w.cloud.Requests(fakegoogle.Token)-exchanges)
			assert.Zero(t, w.cloud.Requests(fakegoogle.Unknown), "requests that the fake does not know")
			if c.refused != "" {
				assert.NotZero(t, res.code)
				assert.Contains(t, unescaped(res.stderr), c.refused)
				if c.stage != fakegoogle.Storage {
					assert.Zero(t, w.cloud.Requests(fakegoogle.Storage)-reads, "there was nothing to read with")
				}
				return
			}
			require.Zero(t, res.code, res.stderr)
			assert.Equal(t, googleContent, res.stdout)
			assert.NotZero(t, w.cloud.Requests(fakegoogle.Storage)-reads)
			if c.impersonate {
				assert.NotZero(t, w.cloud.Requests(fakegoogle.GenerateAccessToken)-impersonations)
			}
		})
	}
}
