package awstrust

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const laidOut = `{
  "Version": "2012-10-17",
  "Id": "trust",
  "Statement": [
    {
      "Sid": "Main",
      "Effect": "Allow",
      "Principal": {"Federated": ["arn:aws:iam::123456789012:oidc-provider/gitlab.com"], "AWS": "123456789012"},
      "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
      "Condition": {
        "StringEquals": {
          "gitlab.com:aud": "https://deploy.example",
          "gitlab.com:sub": ["a", "é", 5]
        },
        "Bool": {"é": true, "aws:SecureTransport": "true"}
      }
    },
    {"Effect": "Deny", "NotPrincipal": {"Federated": "*"}, "NotAction": "sts:*"}
  ]
}`

// Everything that is written is kept, with its place.
func TestParse(t *testing.T) {
	d, err := Parse([]byte(laidOut))
	require.NoError(t, err)
	assert.Equal(t, "2012-10-17", d.Version)
	assert.Equal(t, "trust", d.ID)
	assert.Empty(t, d.Repeated)
	require.Len(t, d.Statements, 2)
	main := d.Statements[0]
	assert.Equal(t, Position{Line: 5, Column: 5}, main.Position)
	assert.Equal(t, "Main", main.Sid)
	assert.Equal(t, Allow, main.Effect)
	assert.Equal(t, []Principal{
		{"Federated", "arn:aws:iam::123456789012:oidc-provider/gitlab.com", Position{Line: 8, Column: 35}}, {"AWS", "123456789012", Position{Line: 8, Column: 97}},
	}, main.Principals)
	assert.Equal(t, []Value{{"sts:AssumeRoleWithWebIdentity", Position{Line: 9, Column: 18}}, {"sts:TagSession", Position{Line: 9, Column: 51}}}, main.Actions)
	equals := Operator{Name: "StringEquals"}
	assert.Equal(t, []Condition{
		{Operator: equals, Key: "gitlab.com:aud", Values: []Value{{"https://deploy.example", Position{Line: 12, Column: 29}}}, Position: Position{Line: 12, Column: 11}},
		{Operator: equals, Key: "gitlab.com:sub", Values: []Value{{"a", Position{Line: 13, Column: 30}}, {"é", Position{Line: 13, Column: 35}}, {"5", Position{Line: 13, Column: 40}}}, Position: Position{Line: 13, Column: 11}},
		{Operator: Operator{Name: "Bool"}, Key: "é", Values: []Value{{"true", Position{Line: 15, Column: 23}}}, Position: Position{Line: 15, Column: 18}},
		{Operator: Operator{Name: "Bool"}, Key: "aws:SecureTransport", Values: []Value{{"true", Position{Line: 15, Column: 52}}}, Position: Position{Line: 15, Column: 29}},
	}, main.Conditions)
	other := d.Statements[1]
	assert.Equal(t, Position{Line: 18, Column: 5}, other.Position)
	assert.Equal(t, Deny, other.Effect)
	assert.Empty(t, other.Principals)
	assert.Equal(t, []Principal{{"Federated", "*", Position{Line: 18, Column: 54}}}, other.NotPrincipals)
	assert.Empty(t, other.Actions)
	assert.Equal(t, []Value{{"sts:*", Position{Line: 18, Column: 73}}}, other.NotActions)
}

// What AWS takes in more than one form.
func TestParseForms(t *testing.T) {
	d, err := Parse([]byte(`{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Condition":{}}}`))
	require.NoError(t, err)
	assert.Empty(t, d.Version)
	require.Len(t, d.Statements, 1)
	assert.Equal(t, []Principal{{"", "*", Position{Line: 1, Column: 44}}}, d.Statements[0].Principals)
	assert.Empty(t, d.Statements[0].Conditions)
	assert.Equal(t, 76, d.Characters)

	d, err = Parse([]byte("\n { \"Statement\" :\t[ {\"Sid\":\"a b\\\" c\",\"Effect\":\"Deny\",\"Principal\":{\"AWS\":\"*\"},\"Action\":\"sts:AssumeRole\"} ] } "))
	require.NoError(t, err)
	assert.Equal(t, len(`{"Statement":[{"Sid":"a b\" c","Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`), d.Characters)
}

// AWS drops a member that comes again without a word. The reader tells.
func TestParseRepeated(t *testing.T) {
	d, err := Parse([]byte(`{"Statement":[{"Effect":"Deny","Effect":"Allow",
"Principal":{"Federated":"x","Federated":"y"},"Action":"sts:AssumeRole","Action":"sts:AssumeRoleWithWebIdentity",
"Condition":{"Null":{"x:early":"true"}},
"Condition":{
"StringEquals":{"x:aud":"one"},
"StringLike":{"x:sub":"first","x:sub":"second","X:SUB":"third"},
"StringEquals":{"x:sub":"two"}}}]}`))
	require.NoError(t, err)
	assert.Equal(t, []Repeated{
		{Name: "Effect", First: Position{Line: 1, Column: 16}, Again: Position{Line: 1, Column: 32}},
		{Name: "Action", First: Position{Line: 2, Column: 47}, Again: Position{Line: 2, Column: 73}},
		{Name: "Condition", First: Position{Line: 3, Column: 1}, Again: Position{Line: 4, Column: 1}},
		{Name: "Federated", First: Position{Line: 2, Column: 14}, Again: Position{Line: 2, Column: 30}},
		{Name: "StringEquals", First: Position{Line: 5, Column: 1}, Again: Position{Line: 7, Column: 1}},
		{Name: "x:sub", First: Position{Line: 6, Column: 15}, Again: Position{Line: 6, Column: 31}},
		{Name: "x:sub", First: Position{Line: 6, Column: 15}, Again: Position{Line: 6, Column: 48}, CaseOnly: true},
	}, d.Repeated)
	st := d.Statements[0]
	assert.Equal(t, Allow, st.Effect)
	assert.Equal(t, []Principal{{"Federated", "y", Position{Line: 2, Column: 42}}}, st.Principals)
	assert.Equal(t, "sts:AssumeRoleWithWebIdentity", st.Actions[0].Text)
	type kept struct {
		key, value string
		superseded bool
	}
	var got []kept
	for _, c := range st.Conditions {
		got = append(got, kept{c.Key, c.Values[0].Text, c.Superseded})
	}
	assert.Equal(t, []kept{
		{"x:early", "true", true}, {"x:aud", "one", true}, {"x:sub", "first", true}, {"x:sub", "second", false}, {"X:SUB", "third", false}, {"x:sub", "two", false},
	}, got)
}

func TestParseErrors(t *testing.T) {
	const prohibited, actions, principal = "Has prohibited field Resource", "AssumeRole policy may only specify STS AssumeRole actions.", "Invalid principal in policy"
	good := `"Effect":"Allow","Principal":{"Federated":"x"},"Action":"sts:AssumeRoleWithWebIdentity"`
	statement := func(s string) string { return `{"Statement":{` + s + `}}` }
	condition := func(s string) string { return statement("\n" + good + ",\n\"Condition\":" + s) }
	for text, want := range map[string]ParseError{
		``:                                      {1, 1, `not JSON: unexpected end of JSON input`, ""},
		"{\"Statement\":\n [,]}":                {2, 3, `not JSON: invalid character ',' looking for beginning of value`, ""},
		`[]`:                                    {1, 1, `a trust policy is one JSON object, not an array`, ""},
		`{}`:                                    {1, 1, `no Statement`, ""},
		`{"Statement":[]}`:                      {1, 14, `an empty Statement: there must be at least one`, ""},
		`{"Statement":"x"}`:                     {1, 14, `a statement must be an object, not a string`, ""},
		`{"Version":"2012-10-18"}`:              {1, 12, `Version must be "2012-10-17" or "2008-10-17", not "2012-10-18"`, ""},
		`{"Version":2012}`:                      {1, 12, `Version must be a string, not a number`, ""},
		`{"Id":1}`:                              {1, 7, `Id must be a string, not a number`, ""},
		`{"version":"2012-10-17"}`:              {1, 2, `"version" is spelled Version`, ""},
		`{"Statements":[]}`:                     {1, 2, `"Statements" is no element of a trust policy, which has Version, Id, Statement`, ""},
		statement(`"Effect":"Allow"`):           {1, 14, `the statement has no Principal`, ""},
		statement(`"Principal":"*"`):            {1, 14, `the statement has no Effect`, ""},
		statement(`"Effect":"allow"`):           {1, 24, `Effect must be Allow or Deny, not "allow"`, ""},
		statement(`"Sid":1`):                    {1, 21, `Sid must be a string, not a number`, ""},
		statement(good + `,"Resource":"*"`):     {1, 103, `Resource has no place in a trust policy, which is about the role it belongs to: remove it`, prohibited},
		statement(good + `,"NotAction":"*"`):    {1, 14, `the statement has both Action and NotAction`, ""},
		statement(good + `,"NotPrincipal":"*"`): {1, 14, `the statement has both Principal and NotPrincipal`, ""},
		statement(`"Effect":"Allow","Principal":{"Federated":"x"}`):                     {1, 14, `the statement has no Action`, ""},
		statement(`"Effect":"Allow","Principal":"arn:aws:iam::1:x"`):                    {1, 44, `a principal that is a string must be "*"; of an identity provider, write {"Federated": its ARN}`, principal},
		statement(`"Effect":"Allow","Principal":["x"]`):                                 {1, 44, `a principal must be an object such as {"Federated": an ARN}, not an array`, ""},
		statement(`"Effect":"Allow","Principal":{}`):                                    {1, 44, `a principal of no kind: name whom the statement is about`, ""},
		statement(`"Effect":"Allow","Principal":{"Federated":[]}`):                      {1, 57, `an empty Federated`, ""},
		statement(`"Effect":"Allow","Principal":{"Federated":[null]}`):                  {1, 58, `Federated must be a string, not null`, ""},
		statement(`"Effect":"Allow","Principal":{"OIDC":"x"}`):                          {1, 45, `"OIDC" is no element of a principal, which has Federated, AWS, Service, CanonicalUser`, ""},
		statement(`"Effect":"Allow","Principal":"*","Action":["sts:*","s3:GetObject"]`): {1, 66, `"s3:GetObject" is no action of STS; for a web identity, write sts:AssumeRoleWithWebIdentity`, actions},
		`{"Statement":[{"Sid":"a",` + good + `},{"Sid":"a",` + good + `}]}`:             {1, 122, `two statements have the Sid "a", which must be unique`, ""},
		condition(`"StringEquals"`):                                                     {3, 13, `a Condition must be an object of operators, not a string`, ""},
		condition(`{"StringEqual":{}}`):                                                 {3, 14, `"StringEqual" is no condition operator`, ""},
		condition(`{"stringEquals":{}}`):                                                {3, 14, `the operator "stringEquals" is spelled StringEquals`, ""},
		condition(`{"foranyvalue:StringLike":{}}`):                                      {3, 14, `the operator "foranyvalue:StringLike" is spelled ForAnyValue:StringLike`, ""},
		condition(`{"NullIfExists":{}}`):                                                {3, 14, `"NullIfExists" is no operator: Null goes without IfExists, ForAnyValue and ForAllValues`, ""},
		condition(`{"ForAnyValue:ForAnyValue:Null":{}}`):                                {3, 14, `"ForAnyValue:ForAnyValue:Null" is no condition operator`, ""},
		condition(`{"null":{}}`):                                                        {3, 14, `the operator "null" is spelled Null`, ""},
		condition(`{"StringEquals":["x"]}`):                                             {3, 29, `StringEquals must be an object of condition keys, not an array`, ""},
		condition(`{"StringEquals":{"x:sub":{"a":"b"}}}`):                               {3, 38, `the value of a condition key must be a string or a list of strings, not an object`, ""},
		condition(`{"StringEquals":{"x:sub":[null]}}`):                                  {3, 39, `the value of a condition key must be a string or a list of strings, not null`, ""},
		strings.Repeat(" ", MaxBytes+1):                                                 {1, 1, `65537 bytes, which is more than the 65536 that are read`, ""},
		statement(`"Sid":"` + strings.Repeat("x", 4096) + `"`):                          {1, 1, `4120 characters without white space; AWS never allows a trust policy more than 4096: split the role`, ""},
	} {
		_, err := Parse([]byte(text))
		var e *ParseError
		if assert.ErrorAs(t, err, &e, text) {
			assert.Equal(t, want, *e, text)
		}
	}
	_, err := Parse([]byte(condition(`{"ForAllValues:Null":{}}`)))
	assert.EqualError(t, err, `awstrust: line 3, column 14: "ForAllValues:Null" is no operator: Null goes without IfExists, ForAnyValue and ForAllValues`)
	_, err = Parse([]byte(statement(good + `,"Resource":"*"`)))
	assert.EqualError(t, err, `awstrust: line 1, column 103: Resource has no place in a trust policy, which is about the role it belongs to: remove it (AWS: "Has prohibited field Resource")`)
	_, err = Parse(nil)
	assert.EqualError(t, err, "awstrust: line 1, column 1: not JSON: unexpected end of JSON input")
}

// Every operator is read in each of its forms, and written back as it was.
func TestParseOperator(t *testing.T) {
	for _, name := range operatorNames() {
		forms := []string{name, name + "IfExists", "ForAnyValue:" + name, "ForAllValues:" + name + "IfExists"}
		if name == "Null" {
			forms = forms[:1]
		}
		for _, form := range forms {
			o, _, ok := parseOperator(form)
			require.True(t, ok, form)
			assert.Equal(t, form, o.String())
			assert.Equal(t, name, o.Name)
		}
	}
	for _, bad := range []string{"", "IfExists", "ForAnyValue:", "StringEqualsIfExistsIfExists", "ForAnyValue:ForAnyValue:StringLike", "StringEquals ", "ForSomeValues:StringLike"} {
		_, _, ok := parseOperator(bad)
		assert.False(t, ok, bad)
	}
}
