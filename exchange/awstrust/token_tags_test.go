package awstrust

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A token that brings tags or a source identity needs them allowed too.
func TestMoreActions(t *testing.T) {
	statement := func(actions string) string {
		return strings.Replace(statementOf(gitLab, `{}`), `"sts:AssumeRoleWithWebIdentity"`, actions, 1)
	}
	tags := claimSet{"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string]any{"team": []string{"a"}}}}
	flat := claimSet{"https://aws.amazon.com/tags/principal_tags/team": "a"}
	source := claimSet{"https://aws.amazon.com/source_identity": "chris"}
	both := `["sts:AssumeRoleWithWebIdentity","sts:TagSession"]`
	for _, tt := range []struct {
		token   claimSet
		actions string
		want    Outcome
	}{
		{tags, `"sts:AssumeRoleWithWebIdentity"`, Rejected},
		{flat, `"sts:AssumeRoleWithWebIdentity"`, Rejected},
		{source, `"sts:AssumeRoleWithWebIdentity"`, Rejected},
		{tags, both, Accepted},
		{flat, both, Accepted},
		{source, both, Rejected},
		{source, `["sts:AssumeRoleWithWebIdentity","sts:SetSourceIdentity"]`, Accepted},
		{tags, `"sts:TagSession"`, Rejected},
	} {
		got := Simulate(documentOf(t, statement(tt.actions)), tokenOf(t, gitLab, tt.token), gitLab, nil)
		assert.Equal(t, tt.want, got.Outcome, "%v with %s: %v", tt.token, tt.actions, got)
	}
	got := Simulate(documentOf(t, statement(`"sts:AssumeRoleWithWebIdentity"`)), tokenOf(t, gitLab, tags), gitLab, nil)
	assert.Contains(t, got.String(), "no statement allows sts:TagSession")

	identity := strings.Replace(statementOf(gitLab, `{"StringEquals":{"sts:SourceIdentity":"chris"}}`), `"sts:AssumeRoleWithWebIdentity"`, `"sts:*"`, 1)
	assert.Equal(t, Accepted, Simulate(documentOf(t, identity), tokenOf(t, gitLab, source), gitLab, nil).Outcome)
	assert.Equal(t, Rejected, Simulate(documentOf(t, identity), tokenOf(t, gitLab, claimSet{"https://aws.amazon.com/source_identity": "sam"}), gitLab, nil).Outcome)
	assert.Equal(t, Indeterminate, Simulate(documentOf(t, identity), tokenOf(t, gitLab, claimSet{"https://aws.amazon.com/source_identity": 5}), gitLab, nil).Outcome)

	// The tags are keys.
	transitive := claimSet{"https://aws.amazon.com/tags": map[string]any{
		"principal_tags": map[string]any{"Team": []string{"a"}, "cost": []string{"b"}}, "transitive_tag_keys": []string{"Team"},
	}}
	for _, tt := range []struct {
		token     claimSet
		condition string
		want      Outcome
	}{
		{transitive, `{"StringEquals":{"aws:RequestTag/team":"a","aws:requesttag/Cost":"b"}}`, Accepted},
		{transitive, `{"StringEquals":{"aws:RequestTag/Team":"A"}}`, Rejected},
		{transitive, `{"ForAllValues:StringEquals":{"aws:TagKeys":["Team","cost"]},"ForAnyValue:StringEquals":{"sts:TransitiveTagKeys":"Team"}}`, Accepted},
		{transitive, `{"ForAllValues:StringEquals":{"aws:TagKeys":"Team"}}`, Rejected},
		{flat, `{"StringEquals":{"aws:RequestTag/team":"a"}}`, Accepted},
		{flat, `{"Null":{"sts:TransitiveTagKeys":"true","aws:RequestTag/cost":"true"}}`, Accepted},
		{nil, `{"Null":{"aws:TagKeys":"true","aws:RequestTag/team":"true"}}`, Accepted},
	} {
		document := documentOf(t, strings.Replace(statementOf(gitLab, tt.condition), `"sts:AssumeRoleWithWebIdentity"`, both, 1))
		got := Simulate(document, tokenOf(t, gitLab, tt.token), gitLab, nil)
		assert.Equal(t, tt.want, got.Outcome, "%s: %v", tt.condition, got)
	}
	for _, bad := range []any{[]string{"a"}, map[string]any{"team": "a"}, map[string]any{"team": []string{"a", "b"}}, map[string]any{"team": []int{1}}} {
		got := Simulate(documentOf(t, statement(both)), tokenOf(t, gitLab, claimSet{"https://aws.amazon.com/tags": map[string]any{"principal_tags": bad}}), gitLab, nil)
		assert.Equal(t, Rejected, got.Outcome, bad)
		assert.Equal(t, "principal_tags passed in claim is not in correct format.", got.Message)
	}
	got = Simulate(documentOf(t, statement(both)), tokenOf(t, gitLab, claimSet{"https://aws.amazon.com/tags/principal_tags/team": 1}), gitLab, nil)
	assert.Equal(t, StageClaims, got.Stages[len(got.Stages)-1].Name)

	roles := claimSet{"https://aws.amazon.com/roles": "arn:aws:iam::1:role/a;arn:aws:iam::1:role/b"}
	request := &Request{RoleARN: "arn:aws:iam::1:role/b"}
	byRoles := documentOf(t, statementOf(gitLab, `{"Bool":{"sts:RoleAuthorizedByIdp":true}}`))
	assert.Equal(t, Accepted, Simulate(byRoles, tokenOf(t, gitLab, roles), gitLab, request).Outcome)
	got = Simulate(byRoles, tokenOf(t, gitLab, roles), gitLab, nil)
	assert.Equal(t, Indeterminate, got.Outcome)
	assert.Len(t, got.Assumptions, 2)
	assert.Contains(t, got.Assumptions, `the role is among those that the token's claim "https://aws.amazon.com/roles" lists`)
}
