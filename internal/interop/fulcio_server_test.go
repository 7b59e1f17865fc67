//go:build linux

package interop

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"debug/buildinfo"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// fulcioModule is the certificate authority that install.sh builds.
const fulcioModule = "github.com/sigstore/fulcio"

// fulcio is a running certificate authority that judges tokens by the
// configuration of its public instance.
type fulcio struct {
	Endpoint string
	GitLab   fulcioTemplates
	CircleCI fulcioTemplates

	proc *process
}

// fulcioTemplates say how the claims of one platform become a certificate.
type fulcioTemplates struct {
	Defaults   map[string]string `yaml:"default-template-values"`
	Extensions map[string]string `yaml:"extension-templates"`
	Name       string            `yaml:"subject-alternative-name-template"`
}

// fulcioConfig is Fulcio's configuration file, as far as it is read here.
type fulcioConfig struct {
	Issuers     map[string]map[string]string `yaml:"oidc-issuers,omitempty"`
	MetaIssuers map[string]map[string]string `yaml:"meta-issuers,omitempty"`
	Metadata    map[string]fulcioTemplates   `yaml:"ci-issuer-metadata"`
}

// startFulcio starts the program with its state in dir. The configuration is
// the one that lies beside the program's source, in Go's module cache: what it
// says of gitlab.com holds for gitLabURL, and what it says of CircleCI's
// organizations for those below circleCIBase. The issuers must be up.
func startFulcio(ctx context.Context, dir, program, gitLabURL, circleCIBase string) (*fulcio, error) {
	public, err := publicFulcioConfig(ctx, dir, program)
	if err != nil {
		return nil, err
	}
	gitLab, circleCI := public.Issuers["https://gitlab.com"], public.MetaIssuers["https://oidc.circleci.com/org/*"]
	if gitLab == nil || circleCI == nil {
		return nil, errors.New("interop: fulcio's configuration does not know gitlab.com or CircleCI's organizations")
	}
	gitLab["issuer-url"] = gitLabURL
	private, err := yaml.Marshal(fulcioConfig{
		Issuers:     map[string]map[string]string{gitLabURL: gitLab},
		MetaIssuers: map[string]map[string]string{circleCIBase + "/org/*": circleCI},
		Metadata:    public.Metadata,
	})
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(config, private, 0o600); err != nil {
		return nil, err
	}
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	port := func(i int) string { return fmt.Sprint(ports[i]) }
	f := &fulcio{
		Endpoint: "http://127.0.0.1:" + port(0),
		GitLab:   public.Metadata[gitLab["ci-provider"]],
		CircleCI: public.Metadata[circleCI["ci-provider"]],
	}
	f.proc, err = startProcess(dir, "fulcio", os.Environ(), program, "serve",
		"--ca", "ephemeralca", "--ct-log-url", "", "--config-path", config,
		"--http-host", "127.0.0.1", "--http-port", port(0), "--grpc-host", "127.0.0.1", "--grpc-port", port(1),
		"--metrics-port", port(2), "--legacy-unix-domain-socket", filepath.Join(dir, "legacy.sock"))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return f, f.proc.await(ctx, 100*time.Millisecond, func(ctx context.Context) error {
		_, err := f.call(ctx, http.MethodGet, "/healthz", nil)
		return err
	})
}

// publicFulcioConfig reads the configuration of the version that program was
// built from.
func publicFulcioConfig(ctx context.Context, dir, program string) (*fulcioConfig, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, err
	}
	if info.Main.Path != fulcioModule {
		return nil, fmt.Errorf("interop: %s is %s, not %s", program, info.Main.Path, fulcioModule)
	}
	// With no proxy, Go answers from the module cache, which the build filled.
	env := append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=mod", "GOWORK=off")
	source, err := mustRun(ctx, dir, env, "go", "list", "-m", "-f", "{{.Dir}}", fulcioModule+"@"+info.Main.Version)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(source), "config", "identity", "config.yaml"))
	if err != nil {
		return nil, err
	}
	var c fulcioConfig
	return &c, yaml.Unmarshal(data, &c)
}

// placeholder finds claims in a template, which names them in one of two ways.
var placeholder = regexp.MustCompile(`\{\{\s*\.(\w+)|\s\.(\w+)|index \. "([^"]+)"`)

// claims returns the names of the claims in a template: one without braces is
// itself a name.
func (ft fulcioTemplates) claims(template string) []string {
	if !strings.Contains(template, "{{") {
		return []string{template}
	}
	var names []string
	for _, m := range placeholder.FindAllStringSubmatch(template, -1) {
		names = append(names, m[1]+m[2]+m[3])
	}
	return names
}

// required returns the claims for which the configuration has no default, in
// alphabetical order, each with the extensions it goes into.
func (ft fulcioTemplates) required() map[string][]string {
	out := map[string][]string{}
	add := func(extension, template string) {
		for _, claim := range ft.claims(template) {
			if _, ok := ft.Defaults[claim]; !ok && !slices.Contains(out[claim], extension) {
				out[claim] = append(out[claim], extension)
			}
		}
	}
	for extension, template := range ft.Extensions {
		add(extension, template)
	}
	add(certName, ft.Name)
	for _, extensions := range out {
		slices.Sort(extensions)
	}
	return out
}

// fulcioError is a refusal.
type fulcioError struct {
	StatusCode int
	Message    string `json:"message"`
}

func (e *fulcioError) Error() string {
	return fmt.Sprintf("interop: fulcio: status %d: %s", e.StatusCode, e.Message)
}

// call makes a request; a status but 200 is a *fulcioError.
func (f *fulcio) call(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, f.Endpoint+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		refusal := &fulcioError{StatusCode: resp.StatusCode}
		_ = json.Unmarshal(answer, refusal) // a body that is not JSON has no message
		return nil, refusal
	}
	return answer, nil
}

// certName is the key of the certificate's name among its extensions.
const certName = "subject-alternative-name"

// fulcioOID is the arc of Fulcio's certificate extensions, by the document
// oid-info of its project; fulcioExtensions are those of builds.
var (
	fulcioOID        = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1}
	fulcioExtensions = map[int]string{
		8: "issuer", 9: "build-signer-uri", 10: "build-signer-digest", 11: "runner-environment",
		12: "source-repository-uri", 13: "source-repository-digest", 14: "source-repository-ref",
		15: "source-repository-identifier", 16: "source-repository-owner-uri", 17: "source-repository-owner-identifier",
		18: "build-config-uri", 19: "build-config-digest", 20: "build-trigger", 21: "run-invocation-uri",
		22: "source-repository-visibility-at-signing", 23: "deployment-environment", 24: "subject",
	}
)

// sign asks for a certificate for a new key, with the key's signature of
// subject as the proof that it is ours. It returns what the certificate says of
// the build, by the names of the configuration. A refusal is a *fulcioError.
func (f *fulcio) sign(ctx context.Context, token, subject string) (map[string]string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256([]byte(subject))
	proof, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	request, err := json.Marshal(map[string]any{
		"credentials": map[string]any{"oidcIdentityToken": token},
		"publicKeyRequest": map[string]any{
			"publicKey":         map[string]any{"algorithm": "ECDSA", "content": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))},
			"proofOfPossession": proof,
		},
	})
	if err != nil {
		return nil, err
	}
	answer, err := f.call(ctx, http.MethodPost, "/api/v2/signingCert", request)
	if err != nil {
		return nil, err
	}
	var certs struct {
		Signed struct {
			Chain struct {
				Certificates []string `json:"certificates"`
			} `json:"chain"`
		} `json:"signedCertificateDetachedSct"`
	}
	if err := json.Unmarshal(answer, &certs); err != nil {
		return nil, err
	}
	if len(certs.Signed.Chain.Certificates) < 2 {
		return nil, fmt.Errorf("interop: fulcio answered %d certificates, not a chain", len(certs.Signed.Chain.Certificates))
	}
	block, _ := pem.Decode([]byte(certs.Signed.Chain.Certificates[0]))
	if block == nil {
		return nil, errors.New("interop: fulcio's certificate is not PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		return nil, errors.New("interop: fulcio certified another key")
	}
	return buildFacts(cert)
}

func buildFacts(cert *x509.Certificate) (map[string]string, error) {
	if len(cert.URIs) != 1 {
		return nil, fmt.Errorf("interop: the certificate has %d names, not 1", len(cert.URIs))
	}
	facts := map[string]string{certName: cert.URIs[0].String()}
	for _, e := range cert.Extensions {
		n := len(fulcioOID)
		if len(e.Id) != n+1 || !e.Id[:n].Equal(fulcioOID) {
			continue
		}
		name, ok := fulcioExtensions[e.Id[n]]
		if !ok {
			continue
		}
		var value string
		if _, err := asn1.UnmarshalWithParams(e.Value, &value, "utf8"); err != nil {
			return nil, fmt.Errorf("interop: extension %s: %w", name, err)
		}
		facts[name] = value
	}
	return facts, nil
}
