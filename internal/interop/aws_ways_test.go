//go:build linux

package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
)

// credentialProcessVariable holds the configuration of a [credentialProcess],
// as which the test's own binary runs when a client starts it with that.
const credentialProcessVariable = "CIOIDC_INTEROP_CREDENTIAL_PROCESS"

type processConfig struct{ RoleARN, Endpoint, TokenFile, CacheDir string }

// credentialProcess is what a program for credential_process has to do.
func credentialProcess() int {
	var cfg processConfig
	err := json.Unmarshal([]byte(os.Getenv(credentialProcessVariable)), &cfg)
	if err == nil {
		err = func() error {
			p, err := awssts.New(awssts.Config{RoleARN: cfg.RoleARN, Region: "us-east-1", Endpoint: cfg.Endpoint, Source: exchange.File(cfg.TokenFile)})
			if err != nil {
				return err
			}
			return awssts.WriteProcessCredentials(context.Background(), os.Stdout, &awssts.FileCache{Provider: p, Dir: cfg.CacheDir})
		}()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// A wayOut hands the credentials of p's role to a client in box, to whom the
// gateway is at url. It returns variables.
type wayOut func(t *testing.T, box *sandbox, url, roleARN, token string) []string

func boxProvider(t *testing.T, url, roleARN, token string) *awssts.Provider {
	t.Helper()
	p, err := awssts.New(awssts.Config{
		RoleARN: roleARN, Region: "us-east-1", Endpoint: url,
		Source: exchange.TokenSourceFunc(func(context.Context, string) (string, error) { return token, nil }),
	})
	require.NoError(t, err)
	return p
}

var awsWaysOut = []struct {
	name string
	give wayOut
	text string // in the client's error if STS refuses the token
}{
	{"endpoint", func(t *testing.T, box *sandbox, url, roleARN, token string) []string {
		// The endpoint runs outside of the box, where the gateway is.
		e, err := awssts.NewEndpoint(boxProvider(t, gateway(t).Endpoint, roleARN, token))
		require.NoError(t, err)
		return e.Environ(box.Serve(t, e))
	}, "exchange: aws: token exchange failed"},
	{"credential_process", func(t *testing.T, box *sandbox, url, roleARN, token string) []string {
		self, err := os.Executable()
		require.NoError(t, err)
		cfg, err := json.Marshal(processConfig{RoleARN: roleARN, Endpoint: url, TokenFile: box.Write(t, "token", token), CacheDir: filepath.Join(box.Home, "cache")})
		require.NoError(t, err)
		return []string{
			"AWS_CONFIG_FILE=" + box.Write(t, "config", "[default]\ncredential_process = "+self+"\n"),
			credentialProcessVariable + "=" + string(cfg),
		}
	}, "exchange: aws: token exchange failed"},
	{"token file", func(t *testing.T, box *sandbox, url, roleARN, token string) []string {
		f, err := awssts.NewTokenFile(boxProvider(t, url, roleARN, token), filepath.Join(box.Home, "token"))
		require.NoError(t, err)
		env, err := f.Write(t.Context())
		require.NoError(t, err)
		return env
	}, "AssumeRoleWithWebIdentity"},
}

// awsClients put content into bucket at key. Each returns nil if the client is
// not here. pause is how long one run lets pass before it does so again, with
// "-2" after the key; zero means once. terraform does it once.
var awsClients = []struct {
	name string
	put  func(t *testing.T, box *sandbox, env []string, url, bucket, key string, pause time.Duration) *runResult
}{
	{"aws", putByCommand},
	{"boto3", putByBoto3},
	{"terraform", putByTerraform},
}

const putContent = "made by a job"

func putByCommand(t *testing.T, box *sandbox, env []string, _, bucket, key string, pause time.Duration) *runResult {
	t.Helper()
	program, ok := optional(t, "aws")
	if !ok {
		return nil
	}
	file := box.Write(t, "content", putContent)
	res := box.Run(t, env, program, "s3", "cp", file, "s3://"+bucket+"/"+key)
	if pause > 0 && res.code == 0 {
		time.Sleep(pause)
		res = box.Run(t, env, program, "s3", "cp", file, "s3://"+bucket+"/"+key+"-2")
	}
	return &res
}

func putByBoto3(t *testing.T, box *sandbox, env []string, _, bucket, key string, pause time.Duration) *runResult {
	t.Helper()
	python, ok := optional(t, "python3")
	if !ok {
		return nil
	}
	if res := box.Run(t, nil, python, "-c", "import boto3"); res.code != 0 {
		tally.mu.Lock()
		tally.missing["boto3"] = append(tally.missing["boto3"], t.Name())
		tally.mu.Unlock()
		fmt.Printf("MISSING: boto3: %s did not run\n", t.Name())
		return nil
	}
	script := box.Write(t, "put.py", `
import sys, time, boto3
bucket, key, content, pause = sys.argv[1:]
s3 = boto3.client("s3")
s3.put_object(Bucket=bucket, Key=key, Body=content)
if float(pause) > 0:
    time.sleep(float(pause))
    s3.put_object(Bucket=bucket, Key=key + "-2", Body=content)
`)
	res := box.Run(t, env, python, script, bucket, key, putContent, fmt.Sprint(pause.Seconds()))
	return &res
}

// baseEnv leads a client to the gateway, and to nothing else.
func baseEnv(url string) []string {
	return []string{"AWS_ENDPOINT_URL=" + url, "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true"}
}

// reverseProxy passes requests on with the Host that their signature covers.
func reverseProxy(t *testing.T, to string) http.Handler {
	t.Helper()
	u, err := url.Parse(to)
	require.NoError(t, err)
	return httputil.NewSingleHostReverseProxy(u)
}

// AWS's clients upload with the role's credentials, whichever way these come to
// them, and do not with a token that somebody has changed.
func TestAWSClientsByEveryWayOut(t *testing.T) {
	g := gateway(t)
	p := cephPlatforms(t, g)[0]
	good := p.mint(cephAudiences[0])
	changed := tampered(t, p.mint(cephAudiences[0], with(p.claim, "another")), p.claim, p.value)
	for _, client := range awsClients {
		for _, way := range awsWaysOut {
			t.Run(client.name+"/"+way.name, func(t *testing.T) {
				key := strings.ReplaceAll(client.name+"-"+way.name, " ", "-")
				box := newSandbox(t)
				url := box.Serve(t, reverseProxy(t, g.Endpoint))
				res := client.put(t, box, append(baseEnv(url), way.give(t, box, url, p.roleARN, good)...), url, p.bucket, key, 0)
				if res == nil {
					return
				}
				require.Zero(t, res.code, "%s\n%s", res.stdout, res.stderr)
				assert.Equal(t, putContent, p.object(t, g, key))

				box = newSandbox(t) // without what the client may have kept
				url = box.Serve(t, reverseProxy(t, g.Endpoint))
				res = client.put(t, box, append(baseEnv(url), way.give(t, box, url, p.roleARN, changed)...), url, p.bucket, key+"-tampered", 0)
				require.NotZero(t, res.code)
				text := way.text
				if client.name == "terraform" && way.name == "credential_process" {
					// What a plugin's child writes to standard error is in TF_LOG only.
					text = "error in credential_process: exit status 1"
				}
				assert.Contains(t, res.stderr, text)
				assert.NotContains(t, res.stdout+res.stderr, changed)
				assert.Empty(t, p.object(t, g, key+"-tampered"))
			})
		}
	}
}

// object returns the content of an object in the bucket, as the role reads it,
// whose object it is. Without one it is empty.
func (p *cephPlatform) object(t *testing.T, g *ceph, key string) string {
	t.Helper()
	client := g.s3Client(p.provider(t, g, p.mint(cephAudiences[0])).AWSConfig().Credentials)
	out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &p.bucket, Key: &key})
	var missing *types.NoSuchKey
	if errors.As(err, &missing) {
		return ""
	}
	require.NoError(t, err)
	defer out.Body.Close()
	data, err := io.ReadAll(out.Body)
	require.NoError(t, err)
	return string(data)
}

// shortLived gives what an STS gives whose sessions end after a few seconds.
type shortLived struct {
	next   aws.CredentialsProvider
	length time.Duration

	mu   sync.Mutex
	ends map[string]time.Time // by access key ID
	puts []signedPut
}

type signedPut struct { // an upload: by whom, and after how many exchanges
	id        string
	exchanges int
}

func (s *shortLived) Retrieve(ctx context.Context) (aws.Credentials, error) {
	creds, err := s.next.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, err
	}
	creds.Expires = time.Now().Add(s.length)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ends == nil {
		s.ends = map[string]time.Time{}
	}
	s.ends[creds.AccessKeyID] = creds.Expires
	return creds, nil
}

// guard refuses, in the gateway's place, requests signed with credentials that
// have ended.
func (s *shortLived) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		id, _, _ := strings.Cut(rest, "/")
		s.mu.Lock()
		end := s.ends[id]
		if r.Method == http.MethodPut {
			s.puts = append(s.puts, signedPut{id, len(s.ends)})
		}
		s.mu.Unlock()
		if !time.Now().Before(end) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>`)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// An upload that begins after the credentials of the first one have ended.
func TestAWSClientsRefreshFromTheEndpoint(t *testing.T) {
	const length = 10 * time.Second
	g := gateway(t)
	p := cephPlatforms(t, g)[0]
	for _, client := range awsClients {
		t.Run(client.name, func(t *testing.T) {
			box := newSandbox(t)
			short := &shortLived{next: boxProvider(t, g.Endpoint, p.roleARN, p.mint(cephAudiences[0])), length: length}
			url := box.Serve(t, short.guard(reverseProxy(t, g.Endpoint)))
			e, err := awssts.NewEndpoint(short)
			require.NoError(t, err)
			res := client.put(t, box, append(baseEnv(url), e.Environ(box.Serve(t, e))...), url, p.bucket, "refresh-"+client.name, length+time.Second)
			if res == nil {
				return
			}
			require.Zero(t, res.code, "%s\n%s", res.stdout, res.stderr)
			assert.Equal(t, putContent, p.object(t, g, "refresh-"+client.name))
			assert.Equal(t, putContent, p.object(t, g, "refresh-"+client.name+"-2"))
			require.Len(t, short.puts, 2, "an upload with ended credentials would be one more")
			first, second := short.puts[0], short.puts[1]
			assert.NotEqual(t, first.id, second.id)
			assert.Equal(t, first.exchanges+1, second.exchanges)
			assert.Len(t, short.ends, second.exchanges, "none after the last upload")
		})
	}
}
