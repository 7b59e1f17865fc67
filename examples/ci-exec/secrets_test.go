//go:build linux

package main

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// minted are all the secrets of a run, by what they are.
func (w *world) minted() map[string][]string {
	all := map[string][]string{"AWS credentials": w.awsMinted.all(), "Google access tokens": w.googleMinted.all()}
	for name, value := range w.environ {
		if strings.HasSuffix(name, "_ID_TOKEN") && name != "OTHER_ID_TOKEN" {
			all["CI tokens"] = append(all["CI tokens"], value)
		}
	}
	return all
}

func assertNoSecret(t *testing.T, w *world, places map[string]string) {
	t.Helper()
	for kind, values := range w.minted() {
		require.NotEmpty(t, values, kind)
		for _, secret := range values {
			require.Greater(t, len(secret), 15)
			for place, text := range places {
				assert.NotContains(t, text, secret, "%s in %s", kind, place)
			}
		}
	}
}

// No credential and no token is anywhere but where it is documented to be.
func TestSecretsStayInside(t *testing.T) {
	w := newWorld(t)
	r := w.start(t, w.line(as(t, "use")...))
	pid := r.await(t, "ready ")
	self := strconv.Itoa(r.cmd.Process.Pid)

	// The clouds have given out: AWS a session, for ci-exec and the command
	// together; Google a federated and an account's token to each.
	assert.Len(t, w.awsMinted.all(), 3)
	assert.Len(t, w.googleMinted.all(), 4)
	places := w.files(t)
	require.Len(t, places, 2)
	for _, p := range []string{self, pid} {
		places["arguments of "+p] = proc(t, p, "cmdline")
	}
	places["the command's environment"] = proc(t, pid, "environ")
	places["standard output"], places["standard error"] = r.out.all(), r.stderr.all()
	assertNoSecret(t, w, places)

	// ci-exec's own environment is what the platform made: the job's tokens
	// are there, and nothing that came later.
	own := proc(t, self, "environ")
	for _, secret := range append(w.awsMinted.all(), w.googleMinted.all()...) {
		assert.NotContains(t, own, secret)
	}

	// The secrets of the endpoints: the one in its variable, the other in the
	// file, and nowhere else.
	var key, bearer string
	for line := range strings.Lines(places["the command's environment"]) {
		if value, ok := strings.CutPrefix(line, "AWS_CONTAINER_AUTHORIZATION_TOKEN="); ok {
			key = strings.TrimSpace(value)
		}
	}
	for _, content := range w.files(t) {
		if m := regexp.MustCompile(`Bearer (\w+)`).FindStringSubmatch(content); m != nil {
			bearer = m[1]
		}
	}
	require.NotEmpty(t, key)
	require.NotEmpty(t, bearer)
	places["ci-exec's environment"] = own
	for place, text := range places {
		assert.Equal(t, place == "the command's environment", strings.Contains(text, key), place)
		assert.Equal(t, strings.HasSuffix(place, "/credentials.json"), strings.Contains(text, bearer), place)
	}

	require.NoError(t, r.stdin.Close())
	assert.Zero(t, r.wait(t))
	assertNoSecret(t, w, map[string]string{"standard output": r.out.all(), "standard error": r.stderr.all()})
	assert.Empty(t, w.folders(t))
}
