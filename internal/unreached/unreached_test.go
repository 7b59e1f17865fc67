package unreached_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/unreached"
)

func TestCause(t *testing.T) {
	post := func(err error) error { return &url.Error{Op: "Post", URL: "https://sts.example/x?secret", Err: err} }
	for name, test := range map[string]struct {
		err         error
		id, summary string
		certain     bool
	}{
		"nothing":          {},
		"another":          {err: errors.New("x")},
		"caller left":      {err: post(context.Canceled)},
		"caller's time":    {err: post(context.DeadlineExceeded)},
		"unknown host":     {post(&net.DNSError{Err: "no such host", Name: "sts.example", IsNotFound: true}), "host-unknown", `"sts.example" is not known`, true},
		"resolver is away": {err: post(&net.DNSError{Err: "server misbehaving", Name: "sts.example"})},
		"refused":          {post(syscall.ECONNREFUSED), "host-unreachable", `nothing answers at "sts.example"`, false},
		"no network":       {post(syscall.ENETUNREACH), "host-unreachable", "nothing answers", false},
		"time is over":     {post(os.ErrDeadlineExceeded), "host-unreachable", "nothing answers", false},
	} {
		t.Run(name, func(t *testing.T) {
			c, ok := unreached.Cause(test.err)
			assert.Equal(t, test.id != "", ok)
			assert.Equal(t, test.id, c.ID)
			assert.Equal(t, test.certain, c.Certain)
			assert.Contains(t, c.Summary, test.summary)
			assert.NotContains(t, c.Summary, "secret")
			assert.Equal(t, ok, c.Action != "")
		})
	}
}

func TestCertificate(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	_, err := (&http.Client{Transport: &http.Transport{}}).Get(s.URL)
	c, ok := unreached.Cause(err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "host-certificate", c.ID)
	assert.True(t, c.Certain)
	assert.Contains(t, c.Summary, "127.0.0.1")
	assert.Equal(t, "issuer of the certificate", c.Evidence[1].Name)
	assert.Contains(t, c.Evidence[1].Configured, "Acme Co")
}

func TestRedirect(t *testing.T) {
	for _, status := range []int{200, 299, 400, 503} {
		_, ok := unreached.Redirect(status, "https://sts.example/token", "https://login.example/")
		assert.False(t, ok, status)
	}
	c, ok := unreached.Redirect(302, "https://sts.example/token", "https://login.example/?state=secret")
	require.True(t, ok)
	assert.Equal(t, "endpoint-redirects", c.ID)
	assert.Equal(t, `the endpoint redirects to "https://login.example", and a token is not sent along`, c.Summary)
	assert.Equal(t, "https://sts.example", c.Evidence[0].Configured)
	c, ok = unreached.Redirect(307, "", "/login")
	require.True(t, ok)
	assert.Equal(t, "the endpoint redirects, and a token is not sent along", c.Summary)
	assert.Empty(t, c.Evidence)
}
