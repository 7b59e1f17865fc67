package fakeaws_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakeissuer"
)

// Which claims AWS makes condition keys of depends on the issuer.
func TestConditionKeys(t *testing.T) {
	circleci := fakeissuer.CircleCIURL(fakeissuer.CircleCIOrganizationID)
	tests := []struct {
		name, issuer, key, value string
		want                     bool
	}{
		{"subject", "https://gitlab.com", "sub", "project_path:acme/webshop:ref_type:branch:ref:main", true},
		{"audience", "https://gitlab.com", "aud", audience, true},
		{"GitLab's project ID", "https://gitlab.com", "project_id", fakeissuer.GitLabProjectID, true},
		{"GitLab's protected ref", "https://gitlab.com", "ref_protected", "true", true},
		{"GitLab claim that is no key", "https://gitlab.com", "project_path", fakeissuer.GitLabProjectPath, false},
		{"self-managed GitLab's subject", "https://gitlab.example.com", "sub", "project_path:acme/webshop:ref_type:branch:ref:main", true},
		{"self-managed GitLab's project ID", "https://gitlab.example.com", "project_id", fakeissuer.GitLabProjectID, false},
		{"GitLab in a subpath", "https://example.com/gitlab", "sub", "project_path:acme/webshop:ref_type:branch:ref:main", true},
		{"CircleCI's project ID", circleci, "oidc.circleci.com/project-id", fakeissuer.CircleCIProjectID, true},
		{"CircleCI's project ID without its prefix", circleci, "project-id", fakeissuer.CircleCIProjectID, false},
		{"CircleCI claim that is no key", circleci, "oidc.circleci.com/vcs-ref", "refs/heads/main", false},
		{"CircleCI's root issuer", fakeissuer.CircleCIRootURL, "oidc.circleci.com/project-id", fakeissuer.CircleCIProjectID, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			host := strings.TrimPrefix(tt.issuer, "https://")
			f := newFixture(t, tt.issuer, trust(host, `{"StringEquals":{"`+host+":"+tt.key+`":"`+tt.value+`"}}`))
			mint := f.issuer.GitLab
			if f.issuer.Platform() == fakeissuer.CircleCIPlatform {
				mint = f.issuer.CircleCI
			}
			_, err := f.assume(mint(audience))
			if tt.want {
				require.NoError(t, err)
				return
			}
			assertRefused(t, err, 403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
		})
	}
	// azp takes the place of aud, which is then oaud.
	f := newFixture(t, "https://gitlab.com", trust("gitlab.com", `{"StringEquals":{"gitlab.com:aud":"second","gitlab.com:oaud":"`+audience+`"}}`))
	out, err := f.assume(f.issuer.GitLab(audience, func(c fakeissuer.Claims) { c["azp"] = "second" }))
	require.NoError(t, err)
	assert.Equal(t, "second", *out.Audience)
}
