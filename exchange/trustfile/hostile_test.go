package trustfile

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A provider whose URL is made of itself several times comes to an end.
func TestCircle(t *testing.T) {
	docs, err := Read("x.yaml", []byte("Resources:\n  P:\n    Type: AWS::IAM::OIDCProvider\n    Properties:\n"+
		"      Url: !Join ['', [!GetAtt P.Arn, !GetAtt P.Arn, !GetAtt P.Arn]]\n"))
	require.NoError(t, err)
	require.Len(t, docs, 1)
	require.NotEmpty(t, docs[0].Unresolved)
	assert.Equal(t, "references that lead in a circle", docs[0].Unresolved[0].Name)
}

// The default of a list is not its value, nor is that of a parameter elsewhere.
func TestParameterTypes(t *testing.T) {
	for kind, known := range map[string]bool{
		"String": true, "CommaDelimitedList": false, "AWS::SSM::Parameter::Value<String>": false, "List<Number>": false,
	} {
		docs, err := Read("x.yaml", []byte("Parameters:\n  A: {Type: '"+kind+"', Default: 'x,y'}\nResources:\n  P:\n    Type: AWS::IAM::OIDCProvider\n"+
			"    Properties: {Url: https://gitlab.com, ClientIdList: !Ref A}\n"))
		require.NoError(t, err)
		require.Len(t, docs, 1)
		if known {
			assert.Empty(t, docs[0].Unresolved, kind)
			continue
		}
		require.Len(t, docs[0].Unresolved, 1, kind)
		assert.Equal(t, "A", docs[0].Unresolved[0].Name, kind)
	}
}

// Terraform's JSON syntax is told to be what it is, and not passed over.
func TestTerraformJSON(t *testing.T) {
	_, err := Read("x.TF.json", []byte(`{"resource": {}}`))
	var bad *Error
	require.ErrorAs(t, err, &bad)
	assert.Contains(t, bad.Problem, "Terraform's JSON syntax")
}

// Roles that a template makes in a loop are not known, and not passed over.
func TestForEach(t *testing.T) {
	docs, err := Read("x.yaml", []byte("AWSTemplateFormatVersion: '2010-09-09'\nResources:\n  Fn::ForEach::R:\n  - N\n  - [a]\n  - R${N}:\n      Type: AWS::IAM::Role\n"+
		"      Properties: {AssumeRolePolicyDocument: {Statement: [{Action: 'sts:AssumeRoleWithWebIdentity'}]}}\n"))
	require.NoError(t, err)
	require.Len(t, docs, 1)
	assert.Equal(t, []Reference{{"Fn::ForEach::R", Position{Line: 3, Column: 3}}}, docs[0].Unresolved)
}
