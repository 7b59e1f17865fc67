package main

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"flag"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/examples/doctor/internal/checkup"
	"github.com/cioidc/cioidc/examples/internal/fakejob"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// update rewrites the golden files: go test ./examples/doctor -update
var update = flag.Bool("update", false, "rewrite the golden files")

// world is a job and all that doctor can reach from it, in a bubble of
// testing/synctest, whose clock begins with the year 2000.
type world struct {
	t      *testing.T
	clouds *fakejob.Clouds
	issuer *fakeissuer.Issuer
	env    map[string]string
	cfg    checkup.Config

	skew    time.Duration       // of the issuer's clock
	chain   []*x509.Certificate // what the issuer's TLS shows
	issuers *http.Client

	mu    sync.Mutex
	asked []string // what doctor itself has asked, the issuer's URLs
	tried []string // the hosts of the clouds that were asked
}

const jobTokenValue = "glcbt-64_abcdefghijklmnopqrst"

func newWorld(t *testing.T) *world {
	t.Helper()
	clouds, err := fakejob.NewClouds()
	require.NoError(t, err)
	w := &world{t: t, clouds: clouds, chain: []*x509.Certificate{
		certificate(t, "CI server", "Example Intermediate CA"), certificate(t, "Example Intermediate CA", "Example Root CA"),
	}}
	root, err := fakeissuer.New(fakeissuer.Options{URL: fakeissuer.CircleCIRootURL, KeysOf: clouds.CircleCI})
	require.NoError(t, err)
	w.issuers = fakeissuer.Client(clouds.GitLab, clouds.CircleCI, root)
	w.cfg.Issuers = &http.Client{Transport: roundTrip(w.askIssuer)}
	w.cfg.Clouds = &http.Client{Transport: roundTrip(w.askCloud)}
	w.cfg.Command = func(context.Context, ...string) ([]byte, error) { return nil, exec.ErrNotFound }
	return w
}

// gitLab makes the world a job of GitLab, with the variables of one.
func gitLab(t *testing.T) *world {
	w := newWorld(t)
	w.issuer = w.clouds.GitLab
	w.env = fakejob.GitLabEnviron(w.issuer, map[string]string{"AWS_ID_TOKEN": fakejob.GitLabAWSAudience})
	for name, value := range map[string]string{
		"CI_JOB_TOKEN": jobTokenValue, "CI_REGISTRY_PASSWORD": jobTokenValue, "CI_SERVER_HOST": "gitlab.com",
		"CI_PROJECT_ID": fakeissuer.GitLabProjectID, "CI_PIPELINE_SOURCE": "push", "GITLAB_USER_LOGIN": fakeissuer.GitLabUserLogin,
		"PATH": "/usr/local/bin:/usr/bin:/bin",
	} {
		w.env[name] = value
	}
	return w
}

// circleCI makes the world a job of CircleCI, with the variables of one.
func circleCI(t *testing.T) *world {
	w := newWorld(t)
	w.issuer = w.clouds.CircleCI
	w.env = fakejob.CircleCIEnviron(w.issuer)
	for name, value := range map[string]string{
		"CIRCLE_PROJECT_ID": fakeissuer.CircleCIProjectID, "CIRCLE_BRANCH": "main", "CIRCLE_JOB": "deploy", "PATH": "/usr/local/bin:/usr/bin:/bin",
	} {
		w.env[name] = value
	}
	return w
}

// run examines the job, and holds doctor to what it may do.
func (w *world) run() *checkup.Report {
	w.t.Helper()
	for name, value := range w.env {
		w.cfg.Environ = append(w.cfg.Environ, name+"="+value)
	}
	slices.Sort(w.cfg.Environ)
	began := time.Now()
	report := checkup.Run(w.t.Context(), w.cfg)
	assert.LessOrEqual(w.t, time.Since(began), 10*time.Second)

	w.mu.Lock()
	defer w.mu.Unlock()
	assert.LessOrEqual(w.t, len(w.asked), 2, "doctor's own requests: %q", w.asked)
	for _, address := range w.asked {
		u, err := url.Parse(address)
		require.NoError(w.t, err)
		own, err := url.Parse(w.issuer.URL())
		require.NoError(w.t, err)
		assert.Equal(w.t, own.Scheme+own.Host, u.Scheme+u.Host, "it may ask the issuer only")
	}
	for _, host := range w.tried {
		assert.Contains(w.t, []string{"sts." + fakejob.AWSRegion + ".amazonaws.com", "sts.googleapis.com"}, host, "it may try the clouds that are configured only")
	}
	return report
}

func (w *world) askIssuer(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.asked = append(w.asked, r.URL.String())
	w.mu.Unlock()
	resp, err := w.issuers.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Header.Set("Date", time.Now().Add(w.skew).UTC().Format(http.TimeFormat))
	root := certificate(w.t, "Example Root CA", "Example Root CA")
	resp.TLS = &tls.ConnectionState{PeerCertificates: w.chain, VerifiedChains: [][]*x509.Certificate{append(slices.Clone(w.chain), root)}}
	return resp, nil
}

func (w *world) askCloud(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.tried = append(w.tried, r.URL.Host)
	w.mu.Unlock()
	rec := httptest.NewRecorder()
	if r.URL.Host == "sts.googleapis.com" {
		w.clouds.Google.ServeHTTP(rec, r)
	} else {
		w.clouds.AWS.ServeHTTP(rec, r)
	}
	return rec.Result(), nil
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// certificate returns a certificate that is the same in every run.
func certificate(t *testing.T, subject, issuer string) *x509.Certificate {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	of := func(name string) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Unix(1<<31, 0)}
	}
	der, err := x509.CreateCertificate(nil, of(subject), of(issuer), key.Public(), key)
	require.NoError(t, err)
	c, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return c
}

var (
	anyKeyID   = regexp.MustCompile(`"kid":"([^"]+)"`)
	anyRequest = regexp.MustCompile(`(request ID: )\S+`)
)

// golden compares text with the file of that name, without what differs from
// run to run, and holds it to 80 columns.
func (w *world) golden(name, text string) {
	t := w.t
	t.Helper()
	for i, id := range anyKeyID.FindAllSubmatch(w.issuer.MustJWKS(), -1) {
		text = strings.ReplaceAll(text, string(id[1]), fmt.Sprintf("KEY-%0*d", len(id[1])-4, i+1))
	}
	text = anyRequest.ReplaceAllString(text, "${1}REQUEST")
	for _, line := range strings.Split(text, "\n") {
		if value := strings.TrimSpace(line); len(line) > width && strings.HasPrefix(line, indent) {
			// What is there to be copied is not broken; it stands alone, after a
			// line that ends in a colon.
			assert.True(t, strings.HasPrefix(line, indent+"  "), "%q is longer than a line, and is no value", value)
			continue
		}
		assert.LessOrEqual(t, len(line), width, line)
	}
	path := filepath.Join("testdata", name+".txt")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), text, "if the change is meant, run the test with -update")
}
