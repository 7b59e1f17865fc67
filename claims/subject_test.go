package claims_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
)

const (
	orgID     = "2f1a9e5c-6a53-4f2b-8b63-0c6d1d8e4f01"
	projectID = "66666666-aaaa-4bbb-8ccc-000000000006"
	userID    = "88888888-aaaa-4bbb-8ccc-000000000008"
	subjectV1 = "org/" + orgID + "/project/" + projectID + "/user/" + userID
)

func TestParseCircleCISubject(t *testing.T) {
	job := claims.CircleCISubject{OrganizationID: orgID, ProjectID: projectID, UserID: userID}
	with := func(origin, ref string) claims.CircleCISubject {
		s := job
		s.VCSOrigin, s.VCSRef = origin, ref
		return s
	}
	for name, c := range map[string]struct {
		in   string
		want claims.CircleCISubject
		err  error
	}{
		"first form":             {subjectV1, job, nil},
		"branch":                 {subjectV1 + "/vcs-origin/github.com/acme/deployer/vcs-ref/refs/heads/main", with("github.com/acme/deployer", "refs/heads/main"), nil},
		"branch with a slash":    {subjectV1 + "/vcs-origin/github.com/acme/deployer/vcs-ref/refs/heads/feature/x", with("github.com/acme/deployer", "refs/heads/feature/x"), nil},
		"tag":                    {subjectV1 + "/vcs-origin/gitlab.com/a/b/c/vcs-ref/refs/tags/v1", with("gitlab.com/a/b/c", "refs/tags/v1"), nil},
		"audit log":              {"org/" + orgID + "/file-streaming/audit-logs", claims.CircleCISubject{OrganizationID: orgID, AuditLog: true}, nil},
		"branch made to deceive": {subjectV1 + "/vcs-origin/github.com/acme/deployer/vcs-ref/refs/heads/x/vcs-ref/refs/heads/main", job, claims.ErrAmbiguousSubject},
		"group made to deceive":  {subjectV1 + "/vcs-origin/gitlab.com/a/vcs-ref/refs/heads/main/b/vcs-ref/refs/heads/x", job, claims.ErrAmbiguousSubject},
		"one reading only":       {subjectV1 + "/vcs-origin/github.com/a/b/vcs-ref/refs/heads/x/vcs-ref/y", with("github.com/a/b", "refs/heads/x/vcs-ref/y"), nil},
		"empty":                  {"", claims.CircleCISubject{}, claims.ErrSubject},
		"no UUID":                {"org/acme/project/x/user/y", claims.CircleCISubject{}, claims.ErrSubject},
		"UUID cut":               {subjectV1[:len(subjectV1)-1], claims.CircleCISubject{}, claims.ErrSubject},
		"UUID longer":            {subjectV1 + "0", claims.CircleCISubject{}, claims.ErrSubject},
		"no user":                {strings.TrimSuffix(subjectV1, "/user/"+userID), claims.CircleCISubject{}, claims.ErrSubject},
		"something behind":       {subjectV1 + "/else", claims.CircleCISubject{}, claims.ErrSubject},
		"no ref":                 {subjectV1 + "/vcs-origin/github.com/a/b", claims.CircleCISubject{}, claims.ErrSubject},
		"ref not full":           {subjectV1 + "/vcs-origin/github.com/a/b/vcs-ref/main", claims.CircleCISubject{}, claims.ErrSubject},
		"origin without path":    {subjectV1 + "/vcs-origin/github.com/vcs-ref/refs/heads/main", claims.CircleCISubject{}, claims.ErrSubject},
		"origin without host":    {subjectV1 + "/vcs-origin//a/vcs-ref/refs/heads/main", claims.CircleCISubject{}, claims.ErrSubject},
		"origin, empty path":     {subjectV1 + "/vcs-origin/github.com//vcs-ref/refs/heads/main", claims.CircleCISubject{}, claims.ErrSubject},
		"ref without name":       {subjectV1 + "/vcs-origin/github.com/a/b/vcs-ref/refs/heads/", claims.CircleCISubject{}, claims.ErrSubject},
		"no organization":        {"org//project/" + projectID + "/user/" + userID, claims.CircleCISubject{}, claims.ErrSubject},
		"empty project":          {"org/" + orgID + "/project//user/" + userID, claims.CircleCISubject{}, claims.ErrSubject},
		"empty user":             {"org/" + orgID + "/project/" + projectID + "/user/", claims.CircleCISubject{}, claims.ErrSubject},
		"audit log and more":     {"org/" + orgID + "/file-streaming/audit-logs/x", claims.CircleCISubject{}, claims.ErrSubject},
		"GitLab's":               {"project_path:a/b:ref_type:branch:ref:main", claims.CircleCISubject{}, claims.ErrSubject},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := claims.ParseCircleCISubject(c.in)
			require.ErrorIs(t, err, c.err)
			assert.Equal(t, c.want, got)
		})
	}
	c := claims.CircleCI{Registered: claims.Registered{Subject: subjectV1 + "/vcs-origin/h/a/b/vcs-ref/refs/heads/x/vcs-ref/refs/heads/main"}}
	assert.Equal(t, userID, c.UserID(), "the user comes before what is ambiguous")
	c.Subject = "job_5"
	assert.Empty(t, c.UserID())
}

func TestParseGitLabSubject(t *testing.T) {
	for in, want := range map[string]claims.GitLabSubject{
		"project_path:a/b:ref_type:branch:ref:main":                          {{"project_path", "a/b"}, {"ref_type", "branch"}, {"ref", "main"}},
		"project_path:a/b":                                                   {{"project_path", "a/b"}},
		"project_id:42:ref_type:tag:ref:v1.0/x":                              {{"project_id", "42"}, {"ref_type", "tag"}, {"ref", "v1.0/x"}},
		"project_path:a/b:ref:main:ref_protected:true":                       {{"project_path", "a/b"}, {"ref", "main"}, {"ref_protected", "true"}},
		"project_path:a/b:environment_protected::deployment_tier:production": {{"project_path", "a/b"}, {"environment_protected", ""}, {"deployment_tier", "production"}},
	} {
		got, err := claims.ParseGitLabSubject(in)
		require.NoError(t, err, in)
		assert.Equal(t, want, got, in)
	}
	s, err := claims.ParseGitLabSubject("project_id:42:ref:main")
	require.NoError(t, err)
	id, ok := s.Get("project_id")
	assert.True(t, ok)
	assert.Equal(t, "42", id)
	_, ok = s.Get("project_path")
	assert.False(t, ok)

	for _, in := range []string{
		"", "job_1234", "12345", "project_path", "project_path:", "project_path:a/b:ref", "ref:main:project_path:a/b",
		"project_path:a/b:ref:x:ref:main", "project_path:a/b:Ref:x", "project_path:a/b::x", subjectV1,
	} {
		got, err := claims.ParseGitLabSubject(in)
		assert.ErrorIs(t, err, claims.ErrSubject, in)
		assert.Nil(t, got)
	}

	many := func(n int) string {
		s := "project_path:a/b"
		for i := range n - 1 {
			s += ":n" + strings.Repeat("n", i) + ":x"
		}
		return s
	}
	s, err = claims.ParseGitLabSubject(many(32))
	require.NoError(t, err)
	assert.Len(t, s, 32)
	_, err = claims.ParseGitLabSubject(many(33))
	assert.ErrorIs(t, err, claims.ErrSubject)
}

func TestIsUUID(t *testing.T) {
	assert.True(t, claims.IsUUID(orgID))
	assert.True(t, claims.IsUUID(strings.ToUpper(orgID)))
	for _, no := range []string{"", orgID[1:], orgID + "0", "{" + orgID + "}", strings.Replace(orgID, "-", "a", 1), strings.Replace(orgID, "a", "g", 1), strings.Replace(orgID, "2f", "2/", 1)} {
		assert.False(t, claims.IsUUID(no), no)
	}
}

// What is parsed can be put together again, so nothing of a subject is lost and
// no two subjects parse alike.
func FuzzSubjects(f *testing.F) {
	f.Add(subjectV1 + "/vcs-origin/github.com/a/b/vcs-ref/refs/heads/main")
	f.Add("project_path:a/b:ref_type:branch:ref:main")
	f.Fuzz(func(t *testing.T, in string) {
		if s, err := claims.ParseCircleCISubject(in); err == nil && !s.AuditLog {
			out := "org/" + s.OrganizationID + "/project/" + s.ProjectID + "/user/" + s.UserID
			if s.VCSOrigin != "" {
				out += "/vcs-origin/" + s.VCSOrigin + "/vcs-ref/" + s.VCSRef
			}
			require.Equal(t, in, out)
		}
		if s, err := claims.ParseGitLabSubject(in); err == nil {
			parts := make([]string, 0, 2*len(s))
			for _, c := range s {
				parts = append(parts, c.Name, c.Value)
			}
			require.Equal(t, in, strings.Join(parts, ":"))
		}
	})
}
