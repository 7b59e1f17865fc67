package fakegoogle_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/api/storage/v1"

	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
)

// Google's own client writes an object, new or old, and reads it back.
func TestStorageClientWrites(t *testing.T) {
	w := newWorld(t)
	svc := w.storage(t, w.external(t, w.gitlab.GitLab("https:"+w.forGitLab.Name()), ""))
	for _, name := range []string{"v3/app.txt", "v1/app.txt"} {
		made, err := svc.Objects.Insert("releases", &storage.Object{Name: name}).Media(strings.NewReader("new " + name)).Do()
		require.NoError(t, err)
		assert.Equal(t, name, made.Name)
		assert.EqualValues(t, len("new "+name), made.Size)
		response, err := svc.Objects.Get("releases", name).Download()
		require.NoError(t, err)
		defer response.Body.Close()
		content, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		assert.Equal(t, "new "+name, string(content))
	}
	list, err := svc.Objects.List("releases").Do()
	require.NoError(t, err)
	assert.Len(t, list.Items, 3)
}

func TestUpload(t *testing.T) {
	const path = "/upload/storage/v1/b/releases/o"
	multipart := "multipart/related; boundary=b"
	body := func(about string) string { return "--b\r\n\r\n" + about + "\r\n--b\r\n\r\ncontent\r\n--b--\r\n" }
	for name, c := range map[string]struct {
		query, kind, body string
		scope             string
		status            int
	}{
		"media":              {"?uploadType=media&name=a", "text/plain", "content", "", http.StatusOK},
		"multipart":          {"?uploadType=multipart", multipart, body(`{"name":"a"}`), "", http.StatusOK},
		"name in the URL":    {"?uploadType=multipart&name=a", multipart, body(`{}`), "", http.StatusOK},
		"no name":            {"?uploadType=multipart", multipart, body(`{}`), "", http.StatusBadRequest},
		"no JSON":            {"?uploadType=multipart&name=a", multipart, body(`x`), "", http.StatusBadRequest},
		"one part":           {"?uploadType=multipart&name=a", multipart, "--b\r\n\r\n{}\r\n--b--\r\n", "", http.StatusBadRequest},
		"no part":            {"?uploadType=multipart&name=a", multipart, "", "", http.StatusBadRequest},
		"not multipart":      {"?uploadType=multipart&name=a", "text/plain", body(`{}`), "", http.StatusBadRequest},
		"resumable":          {"?uploadType=resumable&name=a", "text/plain", "content", "", http.StatusBadRequest},
		"too large":          {"?uploadType=media&name=a", "text/plain", strings.Repeat("x", 1<<20+1), "", http.StatusBadRequest},
		"scope for reading":  {"?uploadType=media&name=a", "text/plain", "content", readOnly, http.StatusForbidden},
		"no token":           {"?uploadType=media&name=a", "text/plain", "content", "none", http.StatusUnauthorized},
		"not a member's own": {"?uploadType=media&name=a", "text/plain", "content", "stranger", http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(cfg *fakegoogle.Config) {
				if c.scope == "stranger" {
					cfg.Buckets[0].Members = nil
				}
			})
			bearer := ""
			switch c.scope {
			case "", "stranger":
				bearer = w.federated(t)
			case readOnly:
				bearer = w.federated(t, readOnly)
			}
			got := w.send(t, http.MethodPost, path+c.query, bearer, c.kind, c.body)
			assert.Equal(t, c.status, got.status, got.body)
			if c.status != http.StatusOK {
				got.apiError(t)
			}
			list := w.send(t, http.MethodGet, "/storage/v1/b/releases/o?prefix=a", w.federated(t), "", "")
			switch {
			case c.status == http.StatusOK:
				assert.Equal(t, "7", list.body["items"].([]any)[0].(map[string]any)["size"])
			case c.scope != "stranger":
				assert.Empty(t, list.body["items"])
			}
		})
	}
}
