package awssts_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
)

func newEndpoint(t *testing.T, p aws.CredentialsProvider) (*awssts.Endpoint, string) {
	t.Helper()
	e, err := awssts.NewEndpoint(p)
	require.NoError(t, err)
	env := e.Environ("http://127.0.0.1:1234")
	require.Len(t, env, 2)
	assert.Equal(t, "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:1234/credentials", env[0])
	assert.Equal(t, env, e.Environ("http://127.0.0.1:1234/"))
	token, ok := strings.CutPrefix(env[1], "AWS_CONTAINER_AUTHORIZATION_TOKEN=")
	require.True(t, ok)
	require.GreaterOrEqual(t, len(token), 26)
	return e, token
}

// ask makes a request of a well-behaved client, as changed by edit.
func ask(e http.Handler, token string, edit ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:1234/credentials", nil)
	r.Header.Set("Authorization", token)
	for _, f := range edit {
		f(r)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

func answer(t *testing.T, w *httptest.ResponseRecorder, status int) map[string]any {
	t.Helper()
	require.Equal(t, status, w.Code, w.Body)
	assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	var m map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &m))
	return m
}

func TestEndpointServesCredentials(t *testing.T) {
	w := newWorld(t)
	p := w.provider(t, w.gitlab.GitLab(audience))
	e, token := newEndpoint(t, p)
	for _, host := range []string{"127.0.0.1:1234", "127.9.9.9", "localhost:80", "LOCALHOST", "[::1]:1234", "[::1]"} {
		got := answer(t, ask(e, token, func(r *http.Request) { r.Host = host }), http.StatusOK)
		creds, err := p.AWSConfig().Credentials.Retrieve(context.Background())
		require.NoError(t, err)
		// For this program they end some minutes earlier. A child has a window of
		// its own, and must not be given what seems to have expired.
		end, err := time.Parse(time.RFC3339, got["Expiration"].(string))
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now().Add(time.Hour), end, 30*time.Second)
		assert.True(t, creds.Expires.Before(end))
		assert.Equal(t, map[string]any{
			"AccessKeyId": creds.AccessKeyID, "SecretAccessKey": creds.SecretAccessKey, "Token": creds.SessionToken,
			"Expiration": end.UTC().Format("2006-01-02T15:04:05Z"), "AccountId": account,
		}, got, host)
	}
	assert.Equal(t, 1, w.exchanges(), "children share the program's own credentials")

	for _, v := range []string{fmt.Sprint(e), fmt.Sprintf("%+v %#v %s %d %x", e, e, e, e, e), slog.AnyValue(e).Resolve().String()} {
		assert.NotContains(t, v, token)
		assert.Contains(t, v, "awssts.Endpoint{redacted}")
	}
	_, other := newEndpoint(t, p)
	assert.NotEqual(t, token, other)
}

func TestEndpointLeavesOutWhatIsNotKnown(t *testing.T) {
	e, token := newEndpoint(t, aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "secret"}, nil
	}))
	assert.JSONEq(t, `{"AccessKeyId":"AKIA","SecretAccessKey":"secret","Token":""}`, ask(e, token).Body.String())
}

func TestEndpointRefusesStrangers(t *testing.T) {
	w := newWorld(t)
	e, token := newEndpoint(t, w.provider(t, w.gitlab.GitLab(audience)))
	header := func(v string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", v) }
	}
	host := func(v string) func(*http.Request) { return func(r *http.Request) { r.Host = v } }
	method := func(v string) func(*http.Request) { return func(r *http.Request) { r.Method = v } }
	for _, tt := range []struct {
		name   string
		edit   func(*http.Request)
		status int
		code   string
	}{
		{"no token", func(r *http.Request) { r.Header.Del("Authorization") }, 401, "Unauthorized"},
		{"empty token", header(""), 401, "Unauthorized"},
		{"wrong token", header(strings.Repeat("A", len(token))), 401, "Unauthorized"},
		{"longer token", header(token + "A"), 401, "Unauthorized"},
		{"shorter token", header(token[1:]), 401, "Unauthorized"},
		{"bearer", header("Bearer " + token), 401, "Unauthorized"},
		{"token of another case", header(strings.ToLower(token)), 401, "Unauthorized"},
		{"rebound name", host("evil.example:1234"), 403, "HostNotLoopback"},
		{"address of the network", host("192.0.2.1:1234"), 403, "HostNotLoopback"},
		{"no host", host(""), 403, "HostNotLoopback"},
		{"name that begins like it", host("127.0.0.1.evil.example"), 403, "HostNotLoopback"},
		{"any address", host("0.0.0.0:1234"), 403, "HostNotLoopback"},
		{"POST", method(http.MethodPost), 405, "MethodNotAllowed"},
		{"HEAD", method(http.MethodHead), 405, "MethodNotAllowed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := ask(e, token, tt.edit)
			got := answer(t, rec, tt.status)
			assert.Equal(t, tt.code, got["code"])
			assert.NotEmpty(t, got["message"])
			assert.Len(t, got, 2)
			assert.NotContains(t, rec.Body.String(), token)
		})
	}
	assert.Zero(t, w.exchanges(), "strangers cause no exchange")
	assert.Equal(t, http.StatusOK, ask(e, token).Code)
}

func TestEndpointTellsWhy(t *testing.T) {
	for _, tt := range []struct {
		name, code, text string
		status, sent     int // what STS answers, and how often it is asked
		want             int
		message          string
	}{
		{"refused", "AccessDenied", notAuthorized, 403, 1, http.StatusBadRequest, "its trust policy does not accept sub"},
		{"down", "ServiceUnavailable", "come back", 503, 3, http.StatusServiceUnavailable, "come back"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				always(tt.status, tt.code, tt.text)(w)
				raw := w.gitlab.GitLab(audience)
				e, token := newEndpoint(t, w.provider(t, raw))
				rec := ask(e, token)
				got := answer(t, rec, tt.want)
				assert.Equal(t, tt.code, got["code"])
				assert.Contains(t, got["message"], "exchange: aws: token exchange failed")
				assert.Contains(t, got["message"], tt.message)
				assert.NotContains(t, rec.Body.String(), raw)
				assert.NotContains(t, rec.Body.String(), token)
				assert.Equal(t, tt.sent, w.exchanges())

				// botocore asks three times with a second between.
				time.Sleep(time.Second)
				assert.Equal(t, got, answer(t, ask(e, token), tt.want))
				assert.Equal(t, tt.sent, w.exchanges(), "clients that ask again hear the same")
				time.Sleep(5 * time.Second)
				w.aws.Misbehave(nil)
				assert.Equal(t, http.StatusOK, ask(e, token).Code, "but not for ever")
			})
		})
	}
}

// A source's error may have several lines; its reader gets them all.
func TestEndpointTellsOfTheSource(t *testing.T) {
	w := newWorld(t)
	e, token := newEndpoint(t, w.provider(t, "", func(c *awssts.Config) {
		c.Source = exchange.TokenSourceFunc(func(context.Context, string) (string, error) {
			return "", errors.New("add this:\n  id_tokens:")
		})
	}))
	got := answer(t, ask(e, token), http.StatusBadRequest)
	assert.Equal(t, "CredentialsUnavailable", got["code"])
	assert.Equal(t, "exchange: aws: no CI token: add this:\n  id_tokens:", got["message"])
}

// A client that gives up does not take the exchange from the others, and does
// not count as a failure.
func TestEndpointClientGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		raw := w.gitlab.GitLab(audience)
		e, token := newEndpoint(t, w.provider(t, "", func(c *awssts.Config) {
			c.Source = exchange.TokenSourceFunc(func(context.Context, string) (string, error) { time.Sleep(3 * time.Second); return raw, nil })
		}))
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // as botocore
		defer cancel()
		assert.Equal(t, http.StatusBadRequest, ask(e, token, func(r *http.Request) { *r = *r.WithContext(ctx) }).Code)
		assert.Equal(t, http.StatusOK, ask(e, token).Code)
		assert.Equal(t, 1, w.exchanges())
	})
}

func TestEndpointForManyChildren(t *testing.T) {
	w := newWorld(t)
	e, token := newEndpoint(t, w.provider(t, w.gitlab.GitLab(audience)))
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() { assert.Equal(t, http.StatusOK, ask(e, token).Code) })
	}
	wg.Wait()
	assert.Equal(t, 1, w.exchanges())
}

// The credentials of other providers, such as a second role's, are renewed before
// their end too, and told with their real end.
func TestEndpointRenewsWhatOthersProvide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		e, token := newEndpoint(t, aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			n++
			return aws.Credentials{AccessKeyID: fmt.Sprint("AKIA", n), SecretAccessKey: "s", CanExpire: true, Expires: time.Now().Add(time.Hour)}, nil
		}))
		end := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
		got := answer(t, ask(e, token), 200)
		assert.Equal(t, "AKIA1", got["AccessKeyId"])
		assert.Equal(t, end, got["Expiration"])
		time.Sleep(50 * time.Minute)
		assert.Equal(t, "AKIA1", answer(t, ask(e, token), 200)["AccessKeyId"])
		time.Sleep(10*time.Minute - 2*time.Second)
		assert.Equal(t, "AKIA2", answer(t, ask(e, token), 200)["AccessKeyId"])
	})
}

func TestEndpointThatWasNotMade(t *testing.T) {
	got := answer(t, ask(new(awssts.Endpoint), ""), 500)
	assert.Equal(t, "NotMade", got["code"])
}

func TestNewEndpointRefuses(t *testing.T) {
	for name, p := range map[string]aws.CredentialsProvider{
		"nil": nil, "nil pointer": (*awssts.Provider)(nil), "nil file cache": (*awssts.FileCache)(nil), "nil cache": (*aws.CredentialsCache)(nil),
	} {
		_, err := awssts.NewEndpoint(p)
		var config *exchange.ConfigError
		require.ErrorAs(t, err, &config, name)
		assert.Equal(t, "awssts: NewEndpoint: required: the provider of the credentials, such as the result of New", err.Error())
	}
}
