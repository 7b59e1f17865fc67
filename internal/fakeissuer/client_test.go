package fakeissuer

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func decode64(t *testing.T, s string) string {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(s)
	require.NoError(t, err)
	return string(data)
}

func TestClientReachesNothingElse(t *testing.T) {
	i := open(t, Options{})
	client := Client(i, open(t, Options{URL: CircleCIRootURL}))
	for raw, host := range map[string]string{
		"https://evil.test/.well-known/openid-configuration": "https://evil.test",
		"http://issuer.test/oauth/discovery/keys":            "http://issuer.test",
		"https://issuer.test:8443/":                          "https://issuer.test:8443",
	} {
		_, err := client.Get(raw)
		var unknown *HostError
		require.ErrorAs(t, err, &unknown, raw)
		assert.Equal(t, host, unknown.Host)
		assert.Equal(t, []string{DefaultURL, CircleCIRootURL}, unknown.Known)
		assert.EqualError(t, unknown, "no fake issuer at "+host+"; this client reaches: https://issuer.test, https://oidc.circleci.com")
	}
	assert.Zero(t, i.Requests())
	fetch(t, client, "https://ISSUER.test:443/oauth/discovery/keys", 200)
	_, err := Client().Get("https://issuer.test")
	var unknown *HostError
	require.ErrorAs(t, err, &unknown)
	assert.EqualError(t, unknown, "no fake issuer at https://issuer.test; this client reaches: no issuer")
}

func TestClientFollowsTheLongestPath(t *testing.T) {
	const third = "00000000-1111-4222-8333-444444444444"
	root := open(t, Options{URL: CircleCIRootURL})
	one := open(t, Options{URL: CircleCIURL(CircleCIOrganizationID)})
	client := Client(one, root)
	fetch(t, client, one.KeysURL(), 200)
	fetch(t, client, root.KeysURL(), 200)
	assert.Equal(t, []int{1, 1}, []int{one.Fetches(), root.Fetches()})
	fetch(t, client, CircleCIURL(third)+"/.well-known/openid-configuration", 404)
	assert.Equal(t, []int{1, 2}, []int{one.Requests(), root.Requests()})

	// Without the root issuer, somebody still counts the request.
	client = Client(one)
	fetch(t, client, CircleCIURL(third)+"/.well-known/openid-configuration", 404)
	assert.Equal(t, 2, one.Requests())
}

func TestClientLeavesAHandlerThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := open(t, Options{Algorithm: EdDSA, Now: time.Now})
		ended := make(chan error, 1)
		i.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
			<-r.Context().Done()
			ended <- r.Context().Err()
			return true
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		req, err := http.NewRequestWithContext(ctx, "GET", i.KeysURL(), nil)
		require.NoError(t, err)
		_, err = Client(i).Do(req)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Minute, time.Since(start))
		require.Error(t, <-ended)

		// One that does not listen holds nobody up either.
		block := make(chan struct{})
		i.Misbehave(func(http.ResponseWriter, *http.Request) bool { <-block; return true })
		client := Client(i)
		client.Timeout = time.Second
		_, err = client.Get(i.KeysURL())
		var timeout *url.Error
		require.ErrorAs(t, err, &timeout)
		assert.True(t, timeout.Timeout())
		close(block)
	})
}

func TestClientWhoseContextEndsWithTheAnswer(t *testing.T) {
	i := open(t, Options{})
	for range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		i.Misbehave(func(w http.ResponseWriter, _ *http.Request) bool {
			cancel()
			w.WriteHeader(200)
			return true
		})
		req, err := http.NewRequestWithContext(ctx, "GET", i.KeysURL(), nil)
		require.NoError(t, err)
		_, err = Client(i).Do(req)
		require.ErrorIs(t, err, context.Canceled)
	}
}

func TestClosingTheBodyEndsTheRequest(t *testing.T) {
	i := open(t, Options{})
	ended := make(chan struct{})
	i.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		w.WriteHeader(200)
		<-r.Context().Done()
		close(ended)
		return true
	})
	res, err := Client(i).Get(i.KeysURL())
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	<-ended
}

func TestClientEndsABodyThatDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := open(t, Options{Algorithm: EdDSA, Now: time.Now})
		ended := make(chan error, 1)
		i.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
			for {
				if _, err := w.Write([]byte("drip")); err != nil {
					ended <- err
					return true
				}
				time.Sleep(time.Second)
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, "GET", i.KeysURL(), nil)
		require.NoError(t, err)
		res, err := Client(i).Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		assert.Equal(t, "dripdripdrip", string(body))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, <-ended, io.ErrClosedPipe)

		// Closing early ends the handler, too.
		res, err = Client(i).Get(i.KeysURL())
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.ErrorIs(t, <-ended, io.ErrClosedPipe)
	})
}

func TestClientSeesBrokenAnswers(t *testing.T) {
	i := open(t, Options{})
	var status int
	get := func(h func(http.ResponseWriter)) (string, error) {
		i.Misbehave(func(w http.ResponseWriter, _ *http.Request) bool { h(w); return true })
		res, err := Client(i).Get(i.KeysURL())
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		status = res.StatusCode
		body, err := io.ReadAll(res.Body)
		return string(body), err
	}
	body, err := get(func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "10")
		_, _ = w.Write([]byte("half"))
	})
	assert.Equal(t, "half", body)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)

	body, err = get(func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "4")
		_, _ = w.Write([]byte("full"))
		_, err := w.Write([]byte("more"))
		assert.ErrorIs(t, err, http.ErrContentLength)
	})
	assert.Equal(t, "full", body)
	assert.NoError(t, err)

	_, err = get(func(http.ResponseWriter) { panic(http.ErrAbortHandler) })
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	body, err = get(func(w http.ResponseWriter) {
		_, _ = w.Write([]byte("half"))
		panic(http.ErrAbortHandler)
	})
	assert.Equal(t, "half", body)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	_, err = get(func(http.ResponseWriter) { panic("oops") })
	assert.ErrorContains(t, err, "the fake issuer's handler panicked: oops")

	body, err = get(func(w http.ResponseWriter) {
		w.WriteHeader(103)
		w.(http.Flusher).Flush()
		w.WriteHeader(500) // too late
		_, _ = w.Write(nil)
	})
	assert.Equal(t, 200, status)
	assert.Empty(t, body)
	assert.NoError(t, err)
}

func TestClientRequests(t *testing.T) {
	i := open(t, Options{URL: "https://issuer.test/sub"})
	client := Client(i)
	res, err := client.Head(i.KeysURL())
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	assert.Empty(t, body)
	assert.Equal(t, "200 OK", res.Status)
	assert.Equal(t, "application/json; charset=utf-8", res.Header.Get("Content-Type"))

	i.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/moved" {
			assert.Equal(t, "issuer.test", r.Host)
			assert.Equal(t, "/sub/oauth/discovery/keys?x=1", r.RequestURI)
			http.Redirect(w, r, "/moved", http.StatusFound)
			return true
		}
		w.WriteHeader(204)
		return true
	})
	fetch(t, client, i.KeysURL()+"?x=1", 204)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", i.KeysURL(), nil)
	require.NoError(t, err)
	before := i.Requests()
	_, err = client.Do(req)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, before, i.Requests())
}
