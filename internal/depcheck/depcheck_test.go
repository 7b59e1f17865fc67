package depcheck

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/cioidc/cioidc"

type pkg struct {
	ImportPath string
	Dir        string
	Name       string
	GoFiles    []string
	Imports    []string
	Deps       []string
}

// packages returns all packages of the module, with what they link.
func packages(t *testing.T) map[string]pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Name,GoFiles,Imports,Deps", module+"/...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	all := map[string]pkg{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		all[strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")] = p
	}
	require.Greater(t, len(all), 10)
	return all
}

// standard reports whether an import path is the standard library's: its first
// element has no dot.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// links lists, for each package that programs import, the modules outside of
// the standard library and of this module that it may link, as prefixes. A
// package that is not listed here fails the test.
var links = map[string]struct {
	may    []string
	reason string
}{
	"":                                     {nil, "the root holds documentation; a facade would link every cloud"},
	"claims":                               {nil, "models are data; whoever reads a claim needs no cryptography"},
	"ciplatform":                           {nil, "a job that reads its token needs no SDK"},
	"exchange":                             {nil, "the types that all exchanges share must cost nothing"},
	"oidc":                                 {jwx, "a verifier links the one library that checks signatures"},
	"oidc/policy":                          {[]string{"go.yaml.in/yaml/v3"}, "a policy reads claims; whoever writes none of its conditions in CEL must not link CEL"},
	"oidc/oidcgrpc":                        {append(slices.Clone(jwx), grpc...), "gRPC only: whoever verifies over HTTP must not link it"},
	"oidc/policy/policytest":               {[]string{"go.yaml.in/yaml/v3"}, "it is policy for tests"},
	"oidc/replay":                          {jwx, "it stands on oidc and needs nothing else: one process is its own store"},
	"oidc/replay/redisreplay":              {append(slices.Clone(jwx), "github.com/redis/go-redis/v9", "github.com/cespare/xxhash/v2", "github.com/dgryski/go-rendezvous", "go.uber.org/atomic"), "Redis only: whoever has one process must not link its client"},
	"oidc/policy/celcond":                  {cel, "the leaf for those who write conditions in CEL: nothing of a cloud"},
	"oidc/oidctest":                        {append(slices.Clone(jwx), "golang.org/x/sys/"), "the fake issuer stands on oidc"},
	"exchange/awssts":                      {aws, "AWS only: whoever deploys to AWS must not link Google"},
	"exchange/awstrust":                    {nil, "it reads documents and claims; whoever tests a role's trust needs no SDK"},
	"exchange/awstrust/awsrender":          {[]string{"go.yaml.in/yaml/v3"}, "it reads a policy; whoever exchanges a token links awstrust and must not link that"},
	"exchange/awstrust/awstrusttest":       {nil, "it is awstrust for tests"},
	"exchange/trustfile":                   {[]string{"go.yaml.in/yaml/v3"}, "it reads JSON and YAML: whoever gives it a plan needs no reader of Terraform's language"},
	"exchange/trustfile/trusthcl":          {hcl, "the leaf for Terraform's language, by HashiCorp's own parser"},
	"exchange/googletrust":                 {cel, "it reads documents and claims and evaluates CEL; whoever only exchanges tokens must not link it"},
	"exchange/googletrust/googletrusttest": {cel, "it is googletrust for tests"},
	"exchange/oauth":                       {[]string{"golang.org/x/oauth2"}, "the token type that Go's clients take, and no cloud's SDK"},
	"exchange/googlests":                   {googleAuth, "Google's credential types only: no gRPC, no API client"},
	"exchange/googlests/impersonate":       {iamCredentials, "it calls the IAM Credentials API by Google's own client"},
	"exchange/okta":                        {[]string{"golang.org/x/oauth2"}, "an interface for signers, and no cloud's SDK"},
	"exchange/okta/kmssigner":              {aws, "AWS only: whoever signs there must not link Google"},
	"exchange/okta/googlesigner":           {iamCredentials, "it signs by the IAM Credentials API: whoever signs there must not link AWS"},
}

var (
	jwx = []string{"github.com/lestrrat-go/", "github.com/goccy/go-json", "github.com/segmentio/asm", "github.com/decred/dcrd/dcrec/secp256k1/v4",
		"golang.org/x/crypto/", "golang.org/x/sys/cpu"}
	cel = []string{"cel.dev/", "github.com/antlr4-go/antlr/v4", "go.yaml.in/yaml/v3", "google.golang.org/protobuf", "google.golang.org/genproto/googleapis/",
		"golang.org/x/exp/", "golang.org/x/text/"}
	hcl = []string{"github.com/hashicorp/hcl/v2", "github.com/zclconf/go-cty", "github.com/agext/levenshtein", "github.com/apparentlymart/go-textseg/",
		"github.com/mitchellh/go-wordwrap", "golang.org/x/text/", "go.yaml.in/yaml/v3"}
	grpc           = []string{"google.golang.org/grpc", "google.golang.org/genproto/googleapis/rpc", "google.golang.org/protobuf", "golang.org/x/net/", "golang.org/x/sys/", "golang.org/x/text/"}
	aws            = []string{"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go"}
	googleAuth     = []string{"cloud.google.com/go/auth", "cloud.google.com/go/compute/metadata", "golang.org/x/oauth2", "github.com/googleapis/gax-go/v2/internallog"}
	iamCredentials = append(slices.Clone(googleAuth), "google.golang.org/", "go.opentelemetry.io/", "github.com/google/", "github.com/googleapis/",
		"golang.org/x/", "github.com/go-logr/", "github.com/felixge/httpsnoop", "github.com/cespare/xxhash/v2", "cloud.google.com/go/")
)

// everywhere is what no package for production may link, and why.
var everywhere = map[string]string{
	"testing":                       "it registers flags and has no place in a program",
	"github.com/stretchr/testify":   "it is for tests",
	module + "/internal/fakeissuer": "it is for tests and examples",
	module + "/internal/fakecloud":  "it is for tests and examples",
	"expvar":                        "it registers an HTTP handler",
	"net/http/pprof":                "it registers HTTP handlers",
}

func TestWhatPackagesLink(t *testing.T) {
	all := packages(t)
	for path := range links {
		_, ok := all[path]
		assert.True(t, ok, "package %q has rules here but does not exist", path)
	}
	for path, p := range all {
		if strings.HasPrefix(path, "internal/") || strings.HasPrefix(path, "examples/") || strings.Contains(path, "/internal/") {
			continue
		}
		rule, ok := links[path]
		if !assert.True(t, ok, "package %q has no rule here", path) {
			continue
		}
		for _, dep := range p.Deps {
			if standard(dep) || strings.HasPrefix(dep, module) {
				continue
			}
			allowed := slices.ContainsFunc(rule.may, func(prefix string) bool { return strings.HasPrefix(dep, prefix) })
			assert.True(t, allowed, "%s links %s, but: %s", path, dep, rule.reason)
		}
		if path == "oidc/oidctest" || path == "oidc/policy/policytest" || path == "exchange/awstrust/awstrusttest" || path == "exchange/googletrust/googletrusttest" {
			continue // They are for tests.
		}
		for banned, reason := range everywhere {
			for _, dep := range p.Deps {
				if dep == banned || strings.HasPrefix(dep, banned+"/") && banned != "testing" {
					t.Errorf("%s links %s: %s", path, dep, reason)
				}
			}
		}
	}
}

// TestWhereDependenciesAreUsed holds each library to the one place that was
// chosen for it.
func TestWhereDependenciesAreUsed(t *testing.T) {
	only := map[string][]string{
		"github.com/lestrrat-go/":               {"internal/jose"},
		"cloud.google.com/go/iam":               {"exchange/googlests/impersonate"},
		"github.com/aws/aws-sdk-go-v2/service/": {"exchange/awssts", "exchange/okta/kmssigner", "examples/"},
		"github.com/aws/":                       {"exchange/awssts", "exchange/okta/kmssigner", "internal/fakecloud/fakeaws", "examples/"},
		"golang.org/x/oauth2":                   {"exchange/googlests", "exchange/oauth"},
		"github.com/hashicorp/":                 {"exchange/trustfile/trusthcl"},
		"github.com/zclconf/":                   {"exchange/trustfile/trusthcl"},
		"cel.dev/cel-go/":                       {"oidc/policy/celcond", "exchange/googletrust"},
		"google.golang.org/":                    {"exchange/googlests/impersonate", "oidc/oidcgrpc", "examples/"},
		"github.com/redis/":                     {"oidc/replay/redisreplay", "examples/"},
		"testing":                               {"oidc/oidctest", "oidc/policy/policytest", "exchange/awstrust/awstrusttest", "exchange/googletrust/googletrusttest"},
		"net/http/httptest":                     {},
		"unsafe":                                {},
		"reflect":                               {"claims", "oidc", "internal/tokensource", "oidc/policy/celcond"}, // the last two for a nil pointer in an interface, and a type in a signature
	}
	for path, p := range packages(t) {
		for _, imported := range p.Imports {
			for prefix, places := range only {
				if imported != prefix && !strings.HasPrefix(imported, prefix) {
					continue
				}
				ok := slices.ContainsFunc(places, func(place string) bool {
					return path == place || strings.HasSuffix(place, "/") && strings.HasPrefix(path, place)
				})
				assert.True(t, ok, "%s imports %s, which only %v may", path, imported, places)
			}
		}
	}
}

// TestWhatOfJWXIsUsed allows the few functions of jwx that read bytes or check
// a raw signature. Its JWT parser and key cache follow other rules than ours.
func TestWhatOfJWXIsUsed(t *testing.T) {
	allowed := []string{"jwk.ParseKey", "jws.NewVerifier", "jws.Verifier", "jwa.SignatureAlgorithm", "jwa.RS256", "jwa.ES256", "jwa.EdDSA"}
	all := packages(t)
	seen := 0
	for path, p := range all {
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		require.NoError(t, err)
		for _, name := range files {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			if !bytes.Contains(text, []byte(`"github.com/lestrrat-go/`)) {
				continue
			}
			if path == "internal/depcheck" {
				continue
			}
			assert.Equal(t, "internal/jose", path, name)
			for _, use := range regexp.MustCompile(`\b(?:jwk|jws|jwa|jwt|jwe)\.[A-Z]\w*`).FindAllString(string(text), -1) {
				assert.Contains(t, allowed, use, name)
				seen++
			}
		}
	}
	assert.GreaterOrEqual(t, seen, len(allowed), "the test has lost sight of what it checks")
}

// TestNoPackageHasState looks for what this module does without: init
// functions and functional options.
func TestNoPackageHasState(t *testing.T) {
	initFunc := regexp.MustCompile(`(?m)^func init\(\)`)
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			require.NoError(t, err)
			assert.False(t, initFunc.Match(text), "%s/%s has an init function", p.ImportPath, name)
		}
	}
}
