package googlests

import (
	"context"
	"encoding/json"
	"path/filepath"
	"time"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests/internal/account"
	"github.com/cioidc/cioidc/internal/httpx"
	"github.com/cioidc/cioidc/internal/privatefile"
)

// The files that [CredentialFile.Write] makes in its folder.
const (
	// CredentialFileName is the configuration that Google's clients read.
	CredentialFileName = "credentials.json"
	// TokenFileName is the CI token that it refers to.
	TokenFileName = "token"
)

// CredentialFile writes the configuration with which programs that use Google's
// clients, such as gcloud, terraform and scripts, make the exchange themselves:
// a file of the type external_account (https://google.aip.dev/auth/4117).
//
// Where the clients get the CI token from is up to the fields: from a file
// beside it, which is the default and which [CredentialFile.Keep] renews; from
// Endpoint, so that no token is on disk; or from a program, Executable. Config
// is required.
type CredentialFile struct {
	// Config is the exchange. HTTPClient is not used, and Scopes must be empty:
	// each client has its own. Source is not needed with Endpoint or Executable.
	Config Config
	// ServiceAccount is the email of the account to become. Empty means none:
	// the clients act as the job's own principal.
	ServiceAccount string
	// Lifetime is the lifetime of the service account's access tokens: whole
	// seconds, 10 minutes to 12 hours, and more than one hour only with an
	// organization policy. Zero means one hour. Without ServiceAccount it must
	// be zero: Google decides.
	Lifetime time.Duration
	// Endpoint serves the CI token at EndpointURL, an https URL or, on
	// loopback, http. Nil means that it does not.
	Endpoint    *SubjectEndpoint
	EndpointURL string
	// Executable is the program that prints the CI token. Nil means none.
	Executable *Executable
	// ImpersonationEndpoint is the URL of the IAM Credentials API, https or, to
	// loopback, http. Empty means https://iamcredentials.googleapis.com, in the
	// universe of Config.
	ImpersonationEndpoint string
	// IntrospectionEndpoint is where gcloud asks whom it acts for, https or, to
	// loopback, http. Empty means https://sts.googleapis.com/v1/introspect, in
	// the universe of Config.
	IntrospectionEndpoint string
}

// Executable is a program that answers with [WriteExecutableResponse]. Command
// is required.
type Executable struct {
	// Command is the program and its arguments, separated by single spaces.
	// Clients split it in different ways, so that no quotes are allowed.
	Command string
	// Timeout is how long the program may take, in whole milliseconds from 5
	// seconds to 2 minutes. Zero means the clients' own 30 seconds.
	Timeout time.Duration
}

// Write writes the configuration into dir, as credentials.json, and returns its
// absolute path. The file has mode 0600 and replaces an older one at once. A
// dir that does not exist is made, with mode 0700; one that belongs to another
// user, or that others can write to, is refused.
//
// Without Endpoint and Executable it first gets a CI token from the source and
// writes it, likewise, to the file token in dir, with nothing after it: not all
// clients take a line break off. With Endpoint the configuration holds the
// endpoint's secret, which is worth nothing once the endpoint's process has
// ended; with Executable it holds no secret.
//
// Its error is an *[exchange.ConfigError] before anything is done, an
// *[exchange.Error] of [exchange.StageSource] if there is no usable CI token,
// or a file system error.
func (f CredentialFile) Write(ctx context.Context, dir string) (path string, err error) {
	p, err := f.provider()
	if err != nil {
		return "", err
	}
	if dir == "" {
		return "", configError("dir", "it is required: name the folder to write to")
	}
	var token string
	if f.Endpoint == nil && f.Executable == nil {
		if token, _, err = p.freshSubject(ctx); err != nil {
			return "", err
		}
	}
	// Absolute, for clients may run in other folders.
	if dir, err = makeFolder(dir); err != nil {
		return "", err
	}
	if token != "" {
		if err := privatefile.Replace(filepath.Join(dir, TokenFileName), []byte(token)); err != nil {
			return "", err
		}
	}
	data, err := json.MarshalIndent(f.file(p, dir), "", "  ")
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, CredentialFileName)
	if err := privatefile.Replace(path, append(data, '\n')); err != nil {
		return "", err
	}
	return path, nil
}

// Environ returns the variables, as "name=value" pairs, that make Google's
// clients and gcloud use the configuration at path. With Executable one of them
// allows the clients to run programs that such a file names, which they do not
// do unasked.
//
// With Endpoint, a client whose environment also names a proxy needs the
// endpoint's host in NO_PROXY: some send it requests to loopback as well.
func (f CredentialFile) Environ(path string) []string {
	env := []string{
		"GOOGLE_APPLICATION_CREDENTIALS=" + path,
		"CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE=" + path,
	}
	if f.IntrospectionEndpoint != "" {
		// gcloud does not read it from the file.
		env = append(env, "CLOUDSDK_AUTH_TOKEN_INTROSPECTION_ENDPOINT="+f.IntrospectionEndpoint)
	}
	if f.Executable != nil {
		env = append(env, "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1")
	}
	return env
}

// unused stands for the source that a configuration without a token file does
// not need.
type unused struct{}

func (unused) IDToken(context.Context, string) (string, error) { return "", nil }

// provider checks f and returns the provider of its exchange.
func (f CredentialFile) provider() (*provider, error) {
	if f.Config.Source == nil && (f.Endpoint != nil || f.Executable != nil) {
		f.Config.Source = unused{}
	}
	p, err := f.Config.provider()
	if err != nil {
		return nil, err
	}
	if len(f.Config.Scopes) > 0 {
		return nil, configError("Scopes", "a credential file has none: each client asks for its own")
	}
	if f.ServiceAccount != "" {
		if problem := account.Problem(f.ServiceAccount); problem != "" {
			return nil, configError("ServiceAccount", problem)
		}
	}
	const shortest, longest = 10 * time.Minute, 12 * time.Hour
	switch {
	case f.Lifetime == 0:
	case f.ServiceAccount == "":
		return nil, configError("Lifetime", "it is for a service account's tokens: set ServiceAccount, or leave it at zero")
	case f.Lifetime < shortest || f.Lifetime > longest || f.Lifetime%time.Second != 0:
		return nil, configError("Lifetime", "it must be whole seconds, 10 minutes to 12 hours")
	}
	for _, e := range []struct{ field, url string }{
		{"ImpersonationEndpoint", f.ImpersonationEndpoint},
		{"IntrospectionEndpoint", f.IntrospectionEndpoint},
	} {
		if problem := httpx.Problem(e.url); e.url != "" && problem != "" {
			return nil, configError(e.field, problem)
		}
	}
	if err := f.checkSource(p); err != nil {
		return nil, err
	}
	return p, nil
}

func (f CredentialFile) checkSource(p *provider) error {
	switch {
	case f.Endpoint != nil && f.Executable != nil:
		return configError("Executable", "there is an Endpoint as well: a credential file has one source")
	case f.Endpoint == nil && f.EndpointURL != "":
		return configError("Endpoint", "it is missing, and EndpointURL is set: give what NewSubjectEndpoint returns")
	case f.Endpoint != nil && f.Endpoint.provider == nil:
		return configError("Endpoint", "it was not made by NewSubjectEndpoint")
	case f.Endpoint != nil && f.Endpoint.provider.audience != p.audience:
		return configError("Endpoint", "it serves tokens for another audience: make it with this Config")
	case f.Endpoint != nil:
		if problem := httpx.Problem(f.EndpointURL); problem != "" {
			return configError("EndpointURL", problem)
		}
	case f.Executable != nil:
		return f.Executable.check()
	}
	return nil
}

// externalAccount is the file's content (AIP-4117).
type externalAccount struct {
	Type             string         `json:"type"`
	UniverseDomain   string         `json:"universe_domain,omitempty"`
	Audience         string         `json:"audience"`
	SubjectTokenType string         `json:"subject_token_type"`
	TokenURL         string         `json:"token_url"`
	TokenInfoURL     string         `json:"token_info_url"`
	ImpersonationURL string         `json:"service_account_impersonation_url,omitempty"`
	Impersonation    *impersonation `json:"service_account_impersonation,omitempty"`
	QuotaProject     string         `json:"quota_project_id,omitempty"`
	Source           source         `json:"credential_source"`
}

type impersonation struct {
	Lifetime int64 `json:"token_lifetime_seconds"`
}

type source struct {
	File       string            `json:"file,omitempty"`
	URL        string            `json:"url,omitempty"`
	Headers    map[string]string `json:"headers,omitempty"`
	Executable *executable       `json:"executable,omitempty"`
	Format     *format           `json:"format,omitempty"`
}

type executable struct {
	Command string `json:"command"`
	Timeout int64  `json:"timeout_millis,omitempty"`
}

type format struct {
	Type  string `json:"type"`
	Field string `json:"subject_token_field_name,omitempty"`
}

// file is f's configuration, of which Write has checked everything.
func (f CredentialFile) file(p *provider, dir string) externalAccount {
	universe := f.Config.UniverseDomain
	if universe == "" {
		universe = defaultUniverse
	}
	file := externalAccount{
		Type:             "external_account",
		Audience:         p.name,
		SubjectTokenType: typeJWT,
		TokenURL:         p.endpoint,
		TokenInfoURL:     f.IntrospectionEndpoint,
		QuotaProject:     f.Config.QuotaProject,
	}
	if universe != defaultUniverse {
		file.UniverseDomain = universe
	}
	if file.TokenInfoURL == "" {
		file.TokenInfoURL = "https://sts." + universe + "/v1/introspect"
	}
	if f.ServiceAccount != "" {
		base := f.ImpersonationEndpoint
		if base == "" {
			base = "https://iamcredentials." + universe
		}
		file.ImpersonationURL = trimSlash(base) + "/v1/" + account.NamePrefix + f.ServiceAccount + ":generateAccessToken"
		if f.Lifetime != 0 {
			file.Impersonation = &impersonation{int64(f.Lifetime / time.Second)}
		}
	}
	switch {
	case f.Endpoint != nil:
		file.Source = source{
			URL:     f.EndpointURL,
			Headers: map[string]string{"Authorization": f.Endpoint.authorization()},
			Format:  &format{Type: "json", Field: subjectField},
		}
	case f.Executable != nil:
		file.Source.Executable = &executable{Command: f.Executable.Command, Timeout: f.Executable.Timeout.Milliseconds()}
	default:
		file.Source = source{File: filepath.Join(dir, TokenFileName), Format: &format{Type: "text"}}
	}
	return file
}

// freshSubject is subject for a token that is put down for others, who find out
// only later that it has expired.
func (p *provider) freshSubject(ctx context.Context) (string, time.Time, error) {
	raw, token, err := p.subject(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	expires := token.ExpiresAt.Time()
	if !time.Now().Before(expires) {
		return "", time.Time{}, &exchange.Error{
			Service: serviceName, Stage: exchange.StageSource,
			Causes: []exchange.Cause{expiredCause(token)},
			Err:    errExpired,
		}
	}
	return raw, expires, nil
}
