package awssts

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/peek"
)

func TestSessionName(t *testing.T) {
	const a, b, c = "0d94e7b8-1c52-4a6f-8e3d-7b60f5a2c491", "4a8b6e10-5d7c-4f29-b3e1-c92f08d7a654", "c0586f3d-7e91-4ab2-8d54-e6f19b0a7c38"
	tests := []struct {
		name  string
		token *peek.Token
		want  string
	}{
		{"GitLab", &peek.Token{Identity: claims.Identity{Platform: "gitlab", Project: "1", Pipeline: "22", Run: "333"}}, "gitlab-1-22-333"},
		{"CircleCI", &peek.Token{Identity: claims.Identity{Platform: "circleci", Project: a, Pipeline: b, Run: c}}, "circleci-0d94e7b8-4a8b6e10-" + c},
		{"without a job", &peek.Token{Identity: claims.Identity{Platform: "circleci", Project: a, Pipeline: b}}, "circleci-0d94e7b8-" + b},
		{"project alone", &peek.Token{Identity: claims.Identity{Platform: "circleci", Project: a}}, "circleci-" + a},
		{"characters that STS refuses", &peek.Token{Identity: claims.Identity{Platform: "gitlab", Project: "g/p r:é", Run: "a,b=c.d@e_f+g-h"}}, "gitlab-g_p_r__-a,b=c.d@e_f+g-h"},
		{"too long", &peek.Token{Identity: claims.Identity{Platform: "gitlab", Project: "0123456789012345678901234567890123456789", Run: "0123456789012345678901234567890123456789"}}, "gitlab-0123456789012345678901234567890123456789-0123456789012345"},
		{"neither platform", &peek.Token{Issuer: "https://i.example", Subject: "s"}, "cioidc-7d2fbbc9b3518fad"},
		{"unreadable token", nil, "cioidc-e3b0c44298fc1c14"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := sessionName(tt.token)
			assert.Equal(t, tt.want, got)
			assert.Regexp(t, sessionNamePattern, got)
		})
	}
}

func FuzzSessionName(f *testing.F) {
	f.Add("gitlab", "1", "2", "3", "i", "s")
	f.Add("", "/", "", "\xff", "", "")
	f.Fuzz(func(t *testing.T, platform, project, pipeline, run, iss, sub string) {
		tok := &peek.Token{Issuer: iss, Subject: sub, Identity: claims.Identity{Platform: platform, Project: project, Pipeline: pipeline, Run: run}}
		name := sessionName(tok)
		if !sessionNamePattern.MatchString(name) {
			t.Fatalf("%q is no session name", name)
		}
		if name != sessionName(tok) {
			t.Fatal("another name for the same token")
		}
	})
}
