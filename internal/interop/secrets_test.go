//go:build linux

package interop

import (
	"bytes"
	"context"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/okta"
)

// sighting is a secret in plain view of others: on the argument list of a
// process, or in a variable of its environment.
type sighting struct {
	pid, where string // where is "arguments" or the variable's name
}

// sightings searches all processes of this machine that it may look at.
func sightings(t *testing.T, secrets ...string) []sighting {
	t.Helper()
	procs, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	require.NotEmpty(t, procs)
	holds := func(text string) bool {
		for _, s := range secrets {
			// The end of a token is of itself alone; its beginning, the header, is
			// that of others too.
			if strings.Contains(text, s[max(0, len(s)-32):]) {
				return true
			}
		}
		return false
	}
	var found []sighting
	for _, dir := range procs {
		// A process may end meanwhile, or be somebody else's.
		if args, err := os.ReadFile(filepath.Join(dir, "cmdline")); err == nil && holds(string(args)) {
			found = append(found, sighting{filepath.Base(dir), "arguments"})
		}
		environ, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil {
			continue
		}
		for variable := range strings.SplitSeq(string(environ), "\x00") {
			if name, value, _ := strings.Cut(variable, "="); holds(value) {
				found = append(found, sighting{filepath.Base(dir), name})
			}
		}
	}
	return found
}

// capture returns what is logged and printed from now on, when it is called.
func capture(t *testing.T) func() string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "output"))
	require.NoError(t, err)
	var logged bytes.Buffer
	stdout, stderr, logger := os.Stdout, os.Stderr, slog.Default()
	os.Stdout, os.Stderr = file, file
	slog.SetDefault(slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug - 4})))
	log.SetOutput(&logged)
	restore := func() {
		os.Stdout, os.Stderr = stdout, stderr
		slog.SetDefault(logger)
		log.SetOutput(stderr)
	}
	t.Cleanup(restore)
	return func() string {
		restore()
		printed, err := os.ReadFile(file.Name())
		require.NoError(t, err)
		return string(printed) + logged.String()
	}
}

// What is minted on the way to Okta is on no process's argument list, in no
// environment, in no log and in no error. The one exception is documented: the
// CI token in a variable of the one child that exchanges it.
func TestNothingMintedForOktaIsSeen(t *testing.T) {
	t.Setenv("GOOGLE_SDK_GO_LOGGING_LEVEL", "debug") // Google's clients log what they send then
	w := newOktaWorld(t, nil)
	output := capture(t)
	for id := range w.signers {
		access, err := okta.New(w.config(id, &way{}))
		require.NoError(t, err)
		token, err := access.Token(t.Context())
		require.NoError(t, err)
		w.keep(token.AccessToken)
		slog.Info("configured", "access", access)

		cfg := w.config(id, &way{})
		cfg.Signer = tamperSignature(cfg.Signer)
		access, err = okta.New(cfg)
		require.NoError(t, err)
		_, err = access.Token(t.Context())
		require.Error(t, err)
		slog.Error("refused", "err", err)
		w.clean(t, err)
	}

	// Okta Privileged Access, by a command that stays until it has been looked at.
	dir := t.TempDir()
	const opaToken = "opa-token-of-this-test-0123456789abcdef"
	script := "#!/bin/sh\ncd \"${0%/*}\"\necho \"jwt: $CIOIDC_WORKLOAD_JWT\" >&2\necho $$ > pid.new && mv pid.new pid\n" +
		"n=0; until [ -e seen ] || [ $n -gt 600 ]; do n=$((n+1)); sleep 0.1; done\necho " + opaToken + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sft"), []byte(script), 0o700))
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	var ci string
	workload, err := okta.NewWorkload(okta.WorkloadConfig{
		Address: "https://acme.pam.okta.com", Team: "acme", Connection: "gitlab", Audience: "https://acme.pam.okta.com",
		Source: exchange.TokenSourceFunc(func(_ context.Context, audience string) (string, error) {
			ci = w.gitLab.GitLab(audience)
			w.keep(ci)
			return ci, nil
		}),
	})
	require.NoError(t, err)
	got := make(chan string, 1)
	go func() {
		token, err := workload.Token(context.Background())
		assert.NoError(t, err)
		got <- token
	}()
	var pid string
	require.Eventually(t, func() bool {
		raw, err := os.ReadFile(filepath.Join(dir, "pid"))
		pid = strings.TrimSpace(string(raw))
		return err == nil
	}, time.Minute, 10*time.Millisecond)
	found := sightings(t, append(w.secrets, opaToken)...)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "seen"), nil, 0o600))
	assert.Equal(t, opaToken, <-got)
	for _, s := range found {
		// The shell's own children, which sleep, have its environment too.
		assert.Equal(t, "CIOIDC_WORKLOAD_JWT", s.where, "process %s", s.pid)
	}
	assert.Contains(t, found, sighting{pid, "CIOIDC_WORKLOAD_JWT"}, "the search finds what is there")
	assert.Empty(t, sightings(t, append(w.secrets, opaToken)...), "when the command has ended")

	text := output()
	assert.Contains(t, text, `"msg":"refused"`)
	assert.Contains(t, text, `"msg":"configured"`)
	for _, secret := range append(w.secrets, opaToken) {
		assert.NotContains(t, text, secret[max(0, len(secret)-32):])
	}
	assert.GreaterOrEqual(t, len(w.secrets), 3+2*3, "tokens of three clients, two assertions each")
}
