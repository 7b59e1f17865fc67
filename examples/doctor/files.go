package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cioidc/cioidc/examples/doctor/internal/checkup"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/exchange/googletrust"
)

// maxFile is more than any token or trust policy has, in bytes.
const maxFile = 64 << 10

// files is a flag that may come more than once.
type files []string

func (f *files) String() string { return strings.Join(*f, ", ") }

func (f *files) Set(path string) error {
	*f = append(*f, path)
	return nil
}

// known adds to cfg what the files say of the clouds.
func (o *options) known(cfg *checkup.Config) error {
	if o.awsTrustPolicy != "" || len(o.awsProviders) > 0 {
		cfg.AWSKnown = &awssts.Known{}
	}
	if o.awsTrustPolicy != "" {
		text, err := readFile(o.awsTrustPolicy, "trust policy")
		if err != nil {
			return err
		}
		cfg.AWSKnown.TrustPolicy = []byte(text)
	}
	for _, path := range o.awsProviders {
		var p struct {
			URL          string `json:"Url"`
			ClientIDList []string
		}
		if err := readJSON(path, "provider", &p); err != nil {
			return err
		}
		if p.URL == "" {
			return fmt.Errorf("%s holds no Url: it must be what aws iam get-open-id-connect-provider prints", path)
		}
		cfg.AWSKnown.Providers = append(cfg.AWSKnown.Providers, awssts.KnownProvider{URL: p.URL, ClientIDs: p.ClientIDList})
	}
	if o.googleConfiguration == "" {
		return nil
	}
	text, err := readFile(o.googleConfiguration, "provider")
	if err != nil {
		return err
	}
	p, err := googletrust.ParseProvider([]byte(text))
	if err != nil {
		return fmt.Errorf("%s must be what gcloud iam workload-identity-pools providers describe --format=json prints: %w", o.googleConfiguration, err)
	}
	cfg.GoogleProvider = []byte(text)
	cfg.GoogleKnown = &googlests.Known{IssuerURL: p.IssuerURI.Text, Condition: p.Condition.Text, Mapping: map[string]string{}}
	for _, a := range p.AllowedAudiences {
		cfg.GoogleKnown.AllowedAudiences = append(cfg.GoogleKnown.AllowedAudiences, a.Text)
	}
	for _, a := range p.Mapping {
		cfg.GoogleKnown.Mapping[a.Name] = a.Expression.Text
	}
	return nil
}

func readJSON(path, what string, into any) error {
	text, err := readFile(path, what)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func readFile(path, what string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than any %s", path, what)
	}
	return string(data), err
}
