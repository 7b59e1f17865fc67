//go:build linux

package interop

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
)

// ciExec builds the example and returns its path.
func ciExec(t *testing.T) string {
	t.Helper()
	shared.ciExecOnce.Do(func() {
		dir, err := sharedDir("ci-exec")
		if err != nil {
			shared.ciExecErr = err
			return
		}
		shared.ciExec = filepath.Join(dir, "ci-exec")
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		_, shared.ciExecErr = mustRun(ctx, "../..", os.Environ(), "go", "build", "-o", shared.ciExec, "./examples/ci-exec")
	})
	require.NoError(t, shared.ciExecErr)
	return shared.ciExec
}

// front is what stands before the gateway: it makes sessions end when a test
// cannot wait for their end, of which the gateway has 15 minutes at least. The
// Expiration in the gateway's answer becomes one that is near, and a request
// that is signed with the key of a session that is over by that is refused with
// the code and status of S3.
type front struct {
	lifetime time.Duration
	proxy    *httputil.ReverseProxy

	mu       sync.Mutex
	sessions map[string]time.Time // when each ends, by access key ID
	first    aws.Credentials      // of the first session
	used     []string             // the keys of the requests that went through, without repetitions in a row
	refused  int
}

var (
	expirationElement = regexp.MustCompile(`<Expiration>[^<]*</Expiration>`)
	credentialElement = regexp.MustCompile(`<(AccessKeyId|SecretAccessKey|SessionToken)>([^<]+)<`)
	credentialScope   = regexp.MustCompile(`Credential=([^/]+)/`)
)

func newFront(t *testing.T, gateway string, lifetime time.Duration) *front {
	t.Helper()
	target, err := url.Parse(gateway)
	require.NoError(t, err)
	f := &front{lifetime: lifetime, sessions: map[string]time.Time{}}
	f.proxy = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}}
	return f
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := ""
	if m := credentialScope.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
		key = m[1]
	}
	if key == "" { // STS
		answer := httptest.NewRecorder()
		f.proxy.ServeHTTP(answer, r)
		body := answer.Body.Bytes()
		made := map[string]string{}
		for _, m := range credentialElement.FindAllSubmatch(body, -1) {
			made[string(m[1])] = string(m[2])
		}
		if key := made["AccessKeyId"]; key != "" {
			end := time.Now().Add(f.lifetime).UTC().Truncate(time.Second)
			f.mu.Lock()
			if len(f.sessions) == 0 {
				f.first = aws.Credentials{AccessKeyID: key, SecretAccessKey: made["SecretAccessKey"], SessionToken: made["SessionToken"]}
			}
			f.sessions[key] = end
			f.mu.Unlock()
			body = expirationElement.ReplaceAll(body, []byte("<Expiration>"+end.Format(time.RFC3339)+"</Expiration>"))
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body)
		return
	}
	f.mu.Lock()
	end, known := f.sessions[key]
	over := !known || !time.Now().Before(end)
	if over {
		f.refused++
	} else if len(f.used) == 0 || f.used[len(f.used)-1] != key {
		f.used = append(f.used, key)
	}
	f.mu.Unlock()
	if over {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`<?xml version="1.0"?><Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>`))
		return
	}
	f.proxy.ServeHTTP(w, r)
}

// keys returns the keys that were used, in order, and how many requests were
// refused.
func (f *front) keys() ([]string, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.used...), f.refused
}

// runJob runs ci-exec in dir as a job with the variables env, for two minutes
// at most.
func runJob(t *testing.T, dir string, env []string, args ...string) runResult {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	temp := t.TempDir()
	res, err := run(ctx, dir, append([]string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + temp, "LANG=C.UTF-8"}, env...), ciExec(t), args...)
	require.NoError(t, err)
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	for _, e := range left {
		assert.NotContains(t, e.Name(), "ci-exec", "nothing is left")
	}
	return res
}

// job returns the environment of a job of p that has token, and of the aws
// command for the gateway at endpoint.
func (p *cephPlatform) job(token, endpoint string) []string {
	env := []string{"AWS_ENDPOINT_URL=" + endpoint, "AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=1"}
	if p.name == "CircleCI" {
		return append(env, "CIRCLECI=true", "CIRCLE_OIDC_TOKEN="+token)
	}
	return append(env, "GITLAB_CI=true", "DEPLOY_ID_TOKEN="+token)
}

func (p *cephPlatform) flags(endpoint string) []string {
	return []string{"--aws-role", p.roleARN, "--aws-region", "us-east-1", "--aws-audience", cephAudiences[0], "--aws-sts-endpoint", endpoint, "--"}
}

// ci-exec gives the aws command credentials that a real S3 accepts, and none if
// the token is not what it says.
func TestCIExecCopiesToCeph(t *testing.T) {
	program, ok := optional(t, "aws")
	if !ok {
		return
	}
	g := gateway(t)
	for _, p := range cephPlatforms(t, g) {
		t.Run(p.name, func(t *testing.T) {
			tally.real(t)
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "notes"), []byte("release of "+p.name), 0o600))
			asked := p.issuer.Fetches()
			copied := append(p.flags(g.Endpoint), program, "s3", "cp", "notes", "s3://"+p.bucket+"/notes")
			// Keys that are left in the project's settings must not win.
			env := append(p.job(p.mint(cephAudiences[0]), g.Endpoint), "AWS_ACCESS_KEY_ID=AKIASTALE", "AWS_SECRET_ACCESS_KEY=stale")
			res := runJob(t, dir, env, copied...)
			require.Zero(t, res.code, res.stdout+res.stderr)
			assert.Contains(t, res.stderr, "ci-exec: not in the command's environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, ")
			assert.Equal(t, 1, p.issuer.Fetches()-asked, "one exchange")
			assert.Equal(t, "release of "+p.name, p.object(t, g, "notes"))

			bad := tampered(t, p.mint(cephAudiences[0], with(p.claim, "another")), p.claim, p.value)
			res = runJob(t, dir, p.job(bad, g.Endpoint), append(p.flags(g.Endpoint), "touch", "it-ran")...)
			assert.Equal(t, 125, res.code)
			assert.Contains(t, res.stderr, "ci-exec: exchange: aws: token exchange failed (HTTP 403")
			assert.NotContains(t, res.stderr, bad)
			assert.NoFileExists(t, filepath.Join(dir, "it-ran"))
		})
	}
}

// A copy that starts when the first credentials have expired gets new ones; the
// first ones are of no use any more.
func TestCIExecCopiesAfterExpiry(t *testing.T) {
	program, ok := optional(t, "aws")
	if !ok {
		return
	}
	g := gateway(t)
	const lifetime = 20 * time.Second // longer than the command takes to start
	for _, p := range cephPlatforms(t, g) {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel() // it waits most of the time
			tally.real(t)
			f := newFront(t, g.Endpoint, lifetime)
			srv := httptest.NewServer(f)
			t.Cleanup(srv.Close)
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "notes"), []byte("kept"), 0o600))
			script := `"$0" s3 cp notes s3://` + p.bucket + `/first && sleep ` + strconv.Itoa(int(lifetime/time.Second)+1) + ` && "$0" s3 cp notes s3://` + p.bucket + `/second`
			asked := p.issuer.Fetches()
			res := runJob(t, dir, p.job(p.mint(cephAudiences[0]), srv.URL), append(p.flags(srv.URL), "sh", "-c", script, program)...)
			require.Zero(t, res.code, res.stdout+res.stderr)
			keys, refused := f.keys()
			assert.GreaterOrEqual(t, len(keys), 2, "the second copy is made with other credentials")
			assert.NotEqual(t, keys[0], keys[len(keys)-1])
			assert.GreaterOrEqual(t, p.issuer.Fetches()-asked, 2)
			assert.Equal(t, "kept", p.object(t, g, "first"))
			assert.Equal(t, "kept", p.object(t, g, "second"))
			assert.Zero(t, refused)

			control := s3.New(s3.Options{Region: "us-east-1", Credentials: staticCredentials(f.first)}, g.s3Options, func(o *s3.Options) {
				o.BaseEndpoint = aws.String(srv.URL)
			})
			_, err := control.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &p.bucket, Key: aws.String("second")})
			assertRefused(t, err, "ExpiredToken")
		})
	}
}

// ci-exec gives gcloud a credential file whose tokens come from the endpoint.
func TestCIExecGcloud(t *testing.T) {
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
			args := []string{"--google-provider", c.provider.Name(), "--google-sts-endpoint", base}
			variables := []string{"GITLAB_CI=true", "CI_ID_TOKEN=" + c.token}
			if c.impersonate {
				args = append(args, "--google-service-account", googleAccount, "--google-iam-endpoint", base)
			}
			args = append(args, "--google-audience", said(t, c.token).Audience[0])
			if strings.HasPrefix(said(t, c.token).Issuer, "https://oidc.circleci.com/") {
				variables = []string{"CIRCLECI=true", "CIRCLE_OIDC_TOKEN=" + c.token}
			}
			exchanges, reads := w.cloud.Requests(fakegoogle.Token), w.cloud.Requests(fakegoogle.Storage)
			res := box.Run(t, append(variables,
				"CLOUDSDK_CONFIG="+box.Home,
				"CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE="+base+"/storage/v1/",
				"CLOUDSDK_CORE_PROJECT=acme",
				"CLOUDSDK_CORE_DISABLE_PROMPTS=true",
				"CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=true",
				"CLOUDSDK_CORE_CHECK_GCE_METADATA=false",
				"CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=true",
			), ciExec(t), append(append(args, "--"), program, "storage", "cat", "gs://"+googleBucket+"/"+googleObject)...)
			assert.Zero(t, w.cloud.Requests(fakegoogle.Unknown), "requests that the fake does not know")
			assert.NotContains(t, res.stderr, c.token)
			if c.refused == "" {
				require.Zero(t, res.code, res.stderr)
				assert.Equal(t, googleContent, res.stdout)
				assert.GreaterOrEqual(t, w.cloud.Requests(fakegoogle.Token)-exchanges, 2, "ci-exec's, and gcloud's own")
				assert.NotZero(t, w.cloud.Requests(fakegoogle.Storage)-reads)
				return
			}
			if c.name == "expired" {
				// Not even sent: the platform has no token that is valid.
				assert.Equal(t, 125, res.code)
				assert.Contains(t, res.stderr, "expired")
				return
			}
			assert.Contains(t, unescaped(res.stderr), c.refused)
			if c.stage == fakegoogle.Storage {
				assert.Equal(t, 1, res.code, "gcloud's own")
				return
			}
			assert.Equal(t, 125, res.code, "gcloud has not run")
			assert.Zero(t, w.cloud.Requests(fakegoogle.Storage)-reads)
		})
	}
}
