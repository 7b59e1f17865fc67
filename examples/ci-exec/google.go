//go:build linux || darwin

package main

import (
	"context"
	"strings"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/exchange/googlests/impersonate"
)

// insteadOfGoogle are the variables that gcloud and terraform look at before
// the credential file.
var insteadOfGoogle = []string{
	"CLOUDSDK_AUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE",
	"GOOGLE_CREDENTIALS", "GOOGLE_CLOUD_KEYFILE_JSON", "GCLOUD_KEYFILE_JSON", "GOOGLE_OAUTH_ACCESS_TOKEN",
}

// googleAccess gives the command the credentials of a pool's principal or of a
// service account. Its clients make the exchange; what they get from here is the
// job's token.
type googleAccess struct {
	endpoint *googlests.SubjectEndpoint
	file     googlests.CredentialFile
}

// newGoogleAccess makes the exchange once, to see that it works.
func newGoogleAccess(ctx context.Context, o *options, source exchange.TokenSource) (*googleAccess, error) {
	cfg := googlests.Config{Provider: o.googleProvider, Source: source, Audience: o.googleAudience}
	sts := strings.TrimSuffix(o.googleSTS, "/")
	if sts != "" {
		cfg.Endpoint = sts + "/v1/token"
	}
	creds, err := googlests.Credentials(cfg)
	if err != nil {
		return nil, err
	}
	if o.googleAccount != "" {
		creds, err = impersonate.Credentials(impersonate.Config{
			ServiceAccount: o.googleAccount, Base: creds, Endpoint: o.googleIAM,
		})
		if err != nil {
			return nil, err
		}
	}
	if _, err := creds.Token(ctx); err != nil {
		return nil, err
	}
	a := &googleAccess{file: googlests.CredentialFile{
		Config: cfg, ServiceAccount: o.googleAccount, ImpersonationEndpoint: o.googleIAM,
	}}
	if sts != "" {
		a.file.IntrospectionEndpoint = sts + "/v1/introspect"
	}
	if a.endpoint, err = googlests.NewSubjectEndpoint(cfg); err != nil {
		return nil, err
	}
	a.file.Endpoint = a.endpoint
	return a, nil
}

// add writes the credential file, which leads to the endpoint at url, into
// folder, and changes env so that clients use it and nothing else.
func (a *googleAccess) add(ctx context.Context, env *environment, url, folder string) error {
	a.file.EndpointURL = url
	path, err := a.file.Write(ctx, folder)
	if err != nil {
		return err
	}
	env.removeNames(insteadOfGoogle...)
	env.set(a.file.Environ(path)...)
	return nil
}
