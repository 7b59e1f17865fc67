package awstrust

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each operator with a key that is there, one that is not, and lists on either
// side. "@:" stands for the provider's prefix.
func TestOperators(t *testing.T) {
	const accepted, rejected, open = Accepted, Rejected, Indeterminate
	known := &Request{
		Time: time.Unix(1790000100, 0), SourceIP: netip.MustParseAddr("192.0.2.7"), SessionName: "deploy",
	}
	for _, tt := range []struct {
		condition string
		want      Outcome
	}{
		{`{}`, accepted},
		{`{"StringEquals":{}}`, accepted},
		{`{"StringEquals":{"@:project_id":[]}}`, open},

		// Equality is of every byte, and wildcards are none.
		{`{"StringEquals":{"@:project_id":"67890"}}`, accepted},
		{`{"StringEquals":{"@:project_id":67890}}`, accepted},
		{`{"StringEquals":{"@:project_id":"6789"}}`, rejected},
		{`{"StringEquals":{"@:project_id":["1","67890"]}}`, accepted},
		{`{"StringEquals":{"@:project_id":["1","2"]}}`, rejected},
		{`{"StringEquals":{"@:sub":"project_path:acme/payments:ref_type:branch:ref:*"}}`, rejected},
		{`{"StringEquals":{"@:sub":"project_path:acme/payments:ref_type:branch:ref:MAIN"}}`, rejected},
		{`{"StringEquals":{"@:ref_protected":true}}`, accepted},
		{`{"StringEquals":{"@:environment":"production"}}`, rejected}, // a claim, but no key
		{`{"StringEqualsIfExists":{"@:environment":"anything"}}`, accepted},
		{`{"StringEqualsIfExists":{"@:project_id":"1"}}`, rejected},

		// The opposite holds without the key, and of no value in a list.
		{`{"StringNotEquals":{"@:project_id":"1"}}`, accepted},
		{`{"StringNotEquals":{"@:project_id":"67890"}}`, rejected},
		{`{"StringNotEquals":{"@:project_id":["1","67890"]}}`, rejected},
		{`{"StringNotEquals":{"@:environment":"production"}}`, accepted},
		{`{"StringNotEqualsIfExists":{"@:environment":"production"}}`, accepted},

		{`{"StringEqualsIgnoreCase":{"@:user_login":"CHRIS"}}`, accepted},
		{`{"StringEqualsIgnoreCase":{"@:user_login":"CHRI*"}}`, rejected},
		{`{"StringEqualsIgnoreCase":{"@:user_login":"chriſ"}}`, open}, // equal by Unicode only
		{`{"StringEqualsIgnoreCase":{"@:user_login":"é"}}`, rejected},
		{`{"StringNotEqualsIgnoreCase":{"@:user_login":"CHRIS"}}`, rejected},
		{`{"StringNotEqualsIgnoreCase":{"@:user_login":"SAM"}}`, accepted},

		{`{"StringLike":{"@:sub":"project_path:acme/*:ref:main"}}`, accepted}, // * crosses / and :
		{`{"StringLike":{"@:sub":"*"}}`, accepted},
		{`{"StringLike":{"@:sub":"project_path:acme/payments:ref_type:branch:ref:ma?n"}}`, accepted},
		{`{"StringLike":{"@:sub":"project_path:acme/payments:ref_type:branch:ref:main?"}}`, rejected},
		{`{"StringLike":{"@:sub":"project_path:acme/payments:ref_type:branch:ref:main*"}}`, accepted},
		{`{"StringLike":{"@:sub":"project_path:acme/payments"}}`, rejected}, // the whole value
		{`{"StringLike":{"@:sub":"PROJECT_PATH:*"}}`, rejected},
		{`{"StringLike":{"@:sub":["x","*:main"]}}`, accepted},
		{`{"StringLike":{"@:user_login":"chris?"}}`, rejected},
		{`{"StringLike":{"@:user_id":"7?"}}`, open}, // how many ? a 😀 takes is not documented
		{`{"StringLike":{"@:user_id":"7*"}}`, accepted},
		{`{"StringNotLike":{"@:sub":"*:ref:dev"}}`, accepted},
		{`{"StringNotLike":{"@:sub":["*:ref:dev","*:ref:main"]}}`, rejected},
		{`{"StringNotLike":{"@:environment":"*"}}`, accepted},

		// A key with one value is a set of one.
		{`{"ForAnyValue:StringEquals":{"@:project_id":["1","67890"]}}`, accepted},
		{`{"ForAnyValue:StringEquals":{"@:project_id":"1"}}`, rejected},
		{`{"ForAnyValue:StringEquals":{"@:environment":"production"}}`, rejected},
		{`{"ForAnyValue:StringEqualsIfExists":{"@:environment":"production"}}`, accepted},
		{`{"ForAnyValue:StringNotEquals":{"@:environment":"x"}}`, rejected},
		{`{"ForAllValues:StringEquals":{"@:project_id":"67890"}}`, accepted},
		{`{"ForAllValues:StringEquals":{"@:project_id":"1"}}`, rejected},
		{`{"ForAllValues:StringEquals":{"@:iss":"whatever"}}`, accepted}, // no key: true of nothing
		{`{"ForAllValues:StringNotLike":{"@:iss":"*"}}`, accepted},

		// A key that is a list: amr is ["pwd","otp"] here.
		{`{"StringEquals":{"@:amr":"pwd"}}`, rejected},
		{`{"StringNotEquals":{"@:amr":"x"}}`, open},
		{`{"ForAnyValue:StringEquals":{"@:amr":"otp"}}`, accepted},
		{`{"ForAnyValue:StringEquals":{"@:amr":"x"}}`, rejected},
		{`{"ForAnyValue:StringNotEquals":{"@:amr":"otp"}}`, accepted},
		{`{"ForAnyValue:StringNotLike":{"@:amr":"*"}}`, rejected},
		{`{"ForAllValues:StringEquals":{"@:amr":["otp","pwd","x"]}}`, accepted},
		{`{"ForAllValues:StringEquals":{"@:amr":"otp"}}`, rejected},
		{`{"ForAllValues:StringNotEquals":{"@:amr":"x"}}`, accepted},
		{`{"ForAllValues:StringNotEquals":{"@:amr":"otp"}}`, rejected},

		// An empty value: user_email here.
		{`{"StringEquals":{"@:user_email":""}}`, accepted},
		{`{"StringLike":{"@:user_email":"*"}}`, accepted},
		{`{"ForAllValues:StringEquals":{"@:user_email":"x"}}`, accepted},
		{`{"ForAnyValue:StringEquals":{"@:user_email":""}}`, rejected},
		{`{"Null":{"@:user_email":"false"}}`, open},

		{`{"Null":{"@:environment":"true"}}`, accepted},
		{`{"Null":{"@:environment":"false"}}`, rejected},
		{`{"Null":{"@:sub":"true"}}`, rejected},
		{`{"Null":{"@:sub":false}}`, accepted},
		{`{"Null":{"@:sub":["true","false"]}}`, accepted},
		{`{"Null":{"@:sub":"no"}}`, open},

		// Types that are not those of the key.
		{`{"Bool":{"@:ref_protected":true}}`, open},
		{`{"Bool":{"@:environment_protected":true}}`, rejected}, // no such key
		{`{"BoolIfExists":{"@:environment_protected":true}}`, accepted},
		{`{"NumericEquals":{"@:project_id":"67890"}}`, open},
		{`{"NumericNotEquals":{"@:iid":"1"}}`, accepted},
		{`{"DateLessThan":{"@:sub":"2030-01-01T00:00:00Z"}}`, open},
		{`{"BinaryEquals":{"@:sub":"cHJvamVjdA=="}}`, open},
		{`{"IpAddress":{"@:sub":"192.0.2.0/24"}}`, open},

		// What is no ARN matches no ARN.
		{`{"ArnLike":{"@:sub":"*"}}`, rejected},
		{`{"ArnEquals":{"@:sub":"arn:aws:iam::123456789012:role/x"}}`, rejected},
		{`{"ArnNotLike":{"@:sub":"arn:aws:iam::123456789012:role/x"}}`, open},
		{`{"ArnNotEquals":{"@:environment":"arn:aws:iam::123456789012:role/x"}}`, accepted},
		{`{"ArnLike":{"aws:userid":"arn:aws:iam::*:oidc-provider/*"}}`, accepted},
		{`{"ArnEquals":{"aws:userid":"arn:*:oidc-provider/gitlab.com"}}`, open}, // * stays in its part
		{`{"ArnLike":{"aws:userid":"arn:aws:iam::999999999999:oidc-provider/*"}}`, rejected},
		{`{"ArnLike":{"aws:userid":"arn:aws:iam::*:oidc-provider/gitlab.com:x"}}`, rejected},
		{`{"ArnNotLike":{"aws:userid":"arn:aws:iam::999999999999:oidc-provider/*"}}`, accepted},

		// Keys of the request.
		{`{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","192.0.2.0/24"]}}`, accepted},
		{`{"IpAddress":{"aws:SourceIp":"192.0.2.7"}}`, accepted},
		{`{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, rejected},
		{`{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, accepted},
		{`{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`, rejected},
		{`{"IpAddress":{"aws:SourceIp":"office"}}`, open},
		{`{"DateLessThan":{"aws:CurrentTime":"2027-01-01T00:00:00Z"}}`, accepted},
		{`{"DateGreaterThan":{"aws:CurrentTime":"2027-01-01T00:00:00Z"}}`, rejected},
		{`{"DateGreaterThan":{"aws:CurrentTime":1790000100}}`, rejected},
		{`{"DateGreaterThanEquals":{"aws:CurrentTime":1790000100}}`, accepted},
		{`{"DateLessThanEquals":{"aws:CurrentTime":1790000099}}`, rejected},
		{`{"DateEquals":{"aws:EpochTime":"1790000100"}}`, accepted},
		{`{"DateNotEquals":{"aws:EpochTime":"1790000100"}}`, rejected},
		{`{"DateLessThan":{"aws:CurrentTime":"tomorrow"}}`, open},
		{`{"NumericGreaterThan":{"aws:EpochTime":"1790000099.5"}}`, accepted},
		{`{"NumericLessThan":{"aws:EpochTime":1790000100}}`, rejected},
		{`{"NumericLessThanEquals":{"aws:EpochTime":1790000100}}`, accepted},
		{`{"NumericGreaterThanEquals":{"aws:EpochTime":1790000101}}`, rejected},
		{`{"StringLike":{"sts:RoleSessionName":"dep*"}}`, accepted},
		{`{"StringEquals":{"aws:PrincipalAccount":"123456789012"}}`, accepted},
		{`{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}`, open},

		// Several operators and keys must all hold.
		{`{"StringEquals":{"@:project_id":"67890","@:namespace_id":"12345"},"StringLike":{"@:sub":"*:main"}}`, accepted},
		{`{"StringEquals":{"@:project_id":"67890","@:namespace_id":"1"},"StringLike":{"@:sub":"*:main"}}`, rejected},
		{`{"StringEquals":{"@:project_id":"67890"},"StringLike":{"@:sub":"*:dev"}}`, rejected},
		{`{"StringEquals":{"@:project_id":"1"},"IpAddress":{"aws:SourceIp":"office"}}`, rejected}, // whatever the other is
	} {
		t.Run(tt.condition, func(t *testing.T) {
			payload := tokenOf(t, gitLab, claimSet{"amr": []string{"pwd", "otp"}, "user_email": "", "user_id": "7😀"})
			got := Simulate(documentOf(t, statementOf(gitLab, tt.condition)), payload, gitLab, known)
			require.Equal(t, tt.want, got.Outcome, got)
			if tt.want == Indeterminate {
				assert.NotEmpty(t, got.Assumptions)
				assert.NotContains(t, got.Assumptions, "")
			} else {
				assert.Empty(t, got.Assumptions)
			}
		})
	}
}

// Without what the request would have said, its keys decide nothing.
func TestRequestUnknown(t *testing.T) {
	for condition, assumption := range map[string]string{
		`{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`:                       "the source address of the request fits",
		`{"DateLessThan":{"aws:CurrentTime":"2027-01-01T00:00:00Z"}}`:         "the time of the request fits",
		`{"StringEquals":{"sts:RoleSessionName":"deploy"}}`:                   "the session name of the request fits",
		`{"Bool":{"aws:SecureTransport":"true"}}`:                             `the request meets the condition on "aws:securetransport", which the token does not decide`,
		`{"Bool":{"sts:RoleAuthorizedByIdp":"true"}}`:                         "AWS sets sts:RoleAuthorizedByIdp for a token that lists no roles",
		`{"StringEquals":{"@:oaud":"x"}}`:                                     `AWS sets "gitlab.com:oaud" for this issuer, which is documented for accounts.google.com only`,
		`{"StringLike":{"${var.host}:sub":"*"}}`:                              `the key "${var.host}:sub", which is a template that nobody filled in, names something of the token`,
		`{"NumericLessThan":{"@:project_id":"99999"}}`:                        "NumericLessThan compares with a key that is of another type",
		`{"StringEquals":{"@:sub":["x"]},"StringEqualsIfExists":{"a:b":"c"}}`: "",
	} {
		got := Simulate(documentOf(t, statementOf(gitLab, condition)), tokenOf(t, gitLab, nil), gitLab, nil)
		if assumption == "" {
			assert.Equal(t, Rejected, got.Outcome, condition)
			continue
		}
		assert.Equal(t, Indeterminate, got.Outcome, condition)
		assert.Equal(t, []string{assumption}, got.Assumptions, condition)
		assert.Empty(t, got.Code)
	}
	// A key of the request that is always there is there, whatever its value.
	for condition, want := range map[string]Outcome{
		`{"Null":{"aws:SourceIp":"false"}}`: Accepted, `{"Null":{"aws:SourceIp":"true"}}`: Rejected,
		`{"Null":{"aws:PrincipalArn":"true"}}`: Accepted, `{"Null":{"sts:SourceIdentity":"true"}}`: Accepted,
	} {
		assert.Equal(t, want, Simulate(documentOf(t, statementOf(gitLab, condition)), tokenOf(t, gitLab, nil), gitLab, nil).Outcome, condition)
	}
}
