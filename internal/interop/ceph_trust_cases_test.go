//go:build linux

package interop

import (
	"github.com/cioidc/cioidc/exchange/awstrust"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

const (
	yes  = awstrust.Accepted
	no   = awstrust.Rejected
	open = awstrust.Indeterminate
)

// Why the gateway differs, where it does in more than one case.
const (
	negatedNeedsKey = "the gateway takes every condition on a missing key for false, negated ones too"
	negatedAny      = "the gateway lets a negated operator hold if one of its values differs, not all"
	starStops       = "the gateway's * ends at the first character that is the next one of the pattern, and does not go on from there"
	nullIsTrue      = "the gateway takes the value of Null for true, whatever it is"
	keepsBoth       = "the gateway keeps both of two members with one name, so that both must hold"
	everyClaim      = "the gateway makes a condition key of every claim; AWS has a list for each issuer"
)

func stringTrustCases() []trustCase {
	return []trustCase{
		{name: "none", statements: `{}`, want: yes},
		{name: "equal", statements: `{"StringEquals":{"@:project_id":"58210"}}`, want: yes},
		{name: "another", statements: `{"StringEquals":{"@:project_id":"5821"}}`, want: no},
		{name: "longer", statements: `{"StringEquals":{"@:project_id":"582100"}}`, want: no},
		{name: "one of a list", statements: `{"StringEquals":{"@:project_id":["1","58210"]}}`, want: yes},
		{name: "none of a list", statements: `{"StringEquals":{"@:project_id":["1","2"]}}`, want: no},
		{name: "case of a value", statements: `{"StringEquals":{"@:user_login":"JDOE"}}`, want: no},
		{name: "star is literal", statements: `{"StringEquals":{"@:sub":"project_path:acme/webshop:*"}}`, want: no},
		{name: "question mark is literal", statements: `{"StringEquals":{"@:project_id":"5821?"}}`, want: no},
		{name: "missing key", statements: `{"StringEquals":{"@:nothing":"x"}}`, want: no},
		{name: "not another", statements: `{"StringNotEquals":{"@:project_id":"1"}}`, want: yes},
		{name: "not this", statements: `{"StringNotEquals":{"@:project_id":"58210"}}`, want: no},
		{name: "not, missing key", statements: `{"StringNotEquals":{"@:nothing":"x"}}`, want: yes, gateway: no, because: negatedNeedsKey},
		{name: "not one of a list", statements: `{"StringNotEquals":{"@:project_id":["1","58210"]}}`, want: no, gateway: yes, because: negatedAny},
		{name: "not any of a list", statements: `{"StringNotEquals":{"@:project_id":["1","2"]}}`, want: yes},
		{name: "any case", statements: `{"StringEqualsIgnoreCase":{"@:user_login":"JDoe"}}`, want: yes},
		{name: "any case, another", statements: `{"StringEqualsIgnoreCase":{"@:user_login":"JDo"}}`, want: no},
		{name: "not in any case", statements: `{"StringNotEqualsIgnoreCase":{"@:user_login":"JDoe"}}`, want: no},
		{name: "not in any case, another", statements: `{"StringNotEqualsIgnoreCase":{"@:user_login":"SAM"}}`, want: yes},
		{name: "like all", statements: `{"StringLike":{"@:sub":"*"}}`, want: yes},
		{name: "like a start", statements: `{"StringLike":{"@:sub":"project_path:acme/webshop:*"}}`, want: yes},
		{name: "like an end", statements: `{"StringLike":{"@:sub":"*:ref:main"}}`, want: yes, gateway: no, because: starStops},
		{name: "star over slashes and colons", statements: `{"StringLike":{"@:sub":"project*webshop:ref_type:branch:ref:main"}}`, want: yes},
		{name: "star for nothing", statements: `{"StringLike":{"@:project_id":"58210*"}}`, want: yes},
		{name: "two stars", statements: `{"StringLike":{"@:sub":"*webshop*branch*"}}`, want: yes},
		{name: "stars that must go back", statements: `{"StringLike":{"@:sub":"*e*:ref:main"}}`, want: yes, gateway: no, because: starStops},
		{name: "two stars in a row", statements: `{"StringLike":{"@:project_id":"**0"}}`, want: yes, gateway: no, because: starStops},
		{name: "question mark", statements: `{"StringLike":{"@:project_id":"5?2?0"}}`, want: yes},
		{name: "question mark for nothing", statements: `{"StringLike":{"@:project_id":"58210?"}}`, want: no},
		{name: "like without a wildcard", statements: `{"StringLike":{"@:project_id":"58210"}}`, want: yes},
		{name: "like a part", statements: `{"StringLike":{"@:sub":"acme/webshop"}}`, want: no},
		{name: "like in another case", statements: `{"StringLike":{"@:user_login":"JD*"}}`, want: no},
		{name: "like one of a list", statements: `{"StringLike":{"@:sub":["x*","*:main"]}}`, want: yes, gateway: no, because: starStops},
		{name: "like one of a list, whose star need not go back", statements: `{"StringLike":{"@:sub":["x*","*webshop:*"]}}`, want: yes},
		{name: "like, missing key", statements: `{"StringLike":{"@:nothing":"*"}}`, want: no},
		{name: "not like", statements: `{"StringNotLike":{"@:sub":"*:ref:dev"}}`, want: yes},
		{name: "not like this", statements: `{"StringNotLike":{"@:sub":"*webshop:*"}}`, want: no},
		{name: "not like one of a list", statements: `{"StringNotLike":{"@:sub":["*webshop:*:ref:dev","*webshop:*"]}}`, want: no, gateway: yes, because: negatedAny},
		{name: "not like, missing key", statements: `{"StringNotLike":{"@:nothing":"*"}}`, want: yes, gateway: no, because: negatedNeedsKey},
		{name: "if it exists, missing", statements: `{"StringEqualsIfExists":{"@:nothing":"x"}}`, want: yes},
		{name: "if it exists, equal", statements: `{"StringEqualsIfExists":{"@:project_id":"58210"}}`, want: yes},
		{name: "if it exists, another", statements: `{"StringEqualsIfExists":{"@:project_id":"1"}}`, want: no},
		{name: "like if it exists, missing", statements: `{"StringLikeIfExists":{"@:nothing":"x"}}`, want: yes},
		{name: "not if it exists, missing", statements: `{"StringNotEqualsIfExists":{"@:nothing":"x"}}`, want: yes},
		{name: "empty claim", statements: `{"StringEquals":{"@:user_email":""}}`, with: with("user_email", ""), want: yes},
		{name: "beyond ASCII", statements: `{"StringEquals":{"@:user_login":"zoë"}}`, with: with("user_login", "zoë"), want: yes},
		{name: "question mark beyond ASCII", statements: `{"StringLike":{"@:user_login":"zo?"}}`, with: with("user_login", "zoë"), want: yes, gateway: no, because: "the gateway's ? is one byte"},
		{name: "variable", statements: `{"StringEquals":{"@:user_login":"${@:user_login}"}}`, want: yes},
		{name: "variable of another key", statements: `{"StringEquals":{"@:user_id":"${@:user_login}"}}`, want: no},
		{name: "variable in a text", statements: `{"StringLike":{"@:user_email":"${@:user_login}@*"}}`, want: yes, malformed: true,
			because: "the gateway takes variables that are a whole value only"},
		{name: "variable without a value", statements: `{"StringEquals":{"@:sub":"${@:nothing}"}}`, want: no},
	}
}

func setTrustCases() []trustCase {
	amr := with("amr", []string{"pwd", "otp"})
	return []trustCase{
		{name: "any of a set of one", statements: `{"ForAnyValue:StringEquals":{"@:project_id":["1","58210"]}}`, want: yes},
		{name: "any of a set of one, another", statements: `{"ForAnyValue:StringEquals":{"@:project_id":"1"}}`, want: no},
		{name: "any, missing key", statements: `{"ForAnyValue:StringEquals":{"@:nothing":"x"}}`, want: no},
		{name: "any like", statements: `{"ForAnyValue:StringLike":{"@:sub":"*webshop:*"}}`, want: yes},
		{name: "any like another", statements: `{"ForAnyValue:StringLike":{"@:sub":"*:dev"}}`, want: no},
		{name: "any in any case", statements: `{"ForAnyValue:StringEqualsIgnoreCase":{"@:user_login":"JDOE"}}`, want: yes},
		{name: "all of a set of one", statements: `{"ForAllValues:StringEquals":{"@:project_id":"58210"}}`, want: yes},
		{name: "all of a set of one, another", statements: `{"ForAllValues:StringEquals":{"@:project_id":"1"}}`, want: no},
		{name: "all, missing key", statements: `{"ForAllValues:StringEquals":{"@:nothing":"x"}}`, want: yes},
		{name: "all like, missing key", statements: `{"ForAllValues:StringLike":{"@:nothing":"x"}}`, want: yes},
		{name: "all like", statements: `{"ForAllValues:StringLike":{"@:sub":"*webshop:*"}}`, want: yes},
		{name: "all in any case", statements: `{"ForAllValues:StringEqualsIgnoreCase":{"@:user_login":"JDOE"}}`, want: yes},
		{name: "any of a list", statements: `{"ForAnyValue:StringEquals":{"@:amr":"otp"}}`, with: amr, want: yes},
		{name: "any of a list, none", statements: `{"ForAnyValue:StringEquals":{"@:amr":"x"}}`, with: amr, want: no},
		{name: "any like of a list", statements: `{"ForAnyValue:StringLike":{"@:amr":"o*"}}`, with: amr, want: yes},
		{name: "all of a list", statements: `{"ForAllValues:StringEquals":{"@:amr":["otp","pwd","x"]}}`, with: amr, want: yes},
		{name: "all of a list, one more", statements: `{"ForAllValues:StringEquals":{"@:amr":"otp"}}`, with: amr, want: no},
		{name: "all like of a list", statements: `{"ForAllValues:StringLike":{"@:amr":["o*","p*"]}}`, with: amr, want: yes},
		{name: "no set operator on a list", statements: `{"StringEquals":{"@:amr":"pwd"}}`, with: amr, want: no, gateway: yes, because: "the gateway looks into a list without a set operator"},
	}
}

func typedTrustCases() []trustCase {
	return []trustCase{
		{name: "null of a missing key", statements: `{"Null":{"@:nothing":"true"}}`, want: yes},
		{name: "null of a key", statements: `{"Null":{"@:sub":"true"}}`, want: no},
		{name: "not null of a key", statements: `{"Null":{"@:sub":"false"}}`, want: yes, gateway: no, because: nullIsTrue},
		{name: "not null of a missing key", statements: `{"Null":{"@:nothing":"false"}}`, want: no, gateway: yes, because: nullIsTrue},
		{name: "bool of a text", statements: `{"Bool":{"@:ref_protected":"true"}}`, want: open, gateway: yes, because: "the gateway reads a text as a boolean; AWS does not say whether it does"},
		{name: "bool of another text", statements: `{"Bool":{"@:ref_protected":"false"}}`, want: open, gateway: no, because: "the gateway reads a text as a boolean; AWS does not say whether it does"},
		{name: "bool of a missing key", statements: `{"Bool":{"@:nothing":"true"}}`, want: no},
		{name: "bool if it exists", statements: `{"BoolIfExists":{"@:nothing":"true"}}`, want: yes},
		{name: "number of a text", statements: `{"NumericEquals":{"@:project_id":"58210"}}`, want: open, gateway: yes, because: "the gateway reads a text as a number; AWS does not say whether it does"},
		{name: "number of a missing key", statements: `{"NumericLessThan":{"@:nothing":"5"}}`, want: no},
		{name: "date of a missing key", statements: `{"DateLessThan":{"@:nothing":"2100-01-01T00:00:00Z"}}`, want: no},
		{name: "time has come", statements: `{"DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}`, want: yes},
		{name: "time has not come", statements: `{"DateGreaterThan":{"aws:CurrentTime":"2100-01-01T00:00:00Z"}}`, want: no},
		{name: "time has not passed", statements: `{"DateLessThan":{"aws:CurrentTime":"2100-01-01T00:00:00Z"}}`, want: yes},
		{name: "time has passed", statements: `{"DateLessThanEquals":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}`, want: no},
		{name: "seconds have come", statements: `{"NumericGreaterThan":{"aws:EpochTime":"1600000000"}}`, want: yes, gateway: no, because: "the gateway's aws:EpochTime is no number"},
		{name: "seconds have not come", statements: `{"NumericGreaterThanEquals":{"aws:EpochTime":"4100000000"}}`, want: no},
		{name: "address", statements: `{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}`, want: yes},
		{name: "another address", statements: `{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`, want: no},
		{name: "not an address", statements: `{"NotIpAddress":{"aws:SourceIp":"127.0.0.1"}}`, want: no},
		{name: "not another address", statements: `{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`, want: yes},
		{name: "ARN of what is none", statements: `{"ArnLike":{"@:sub":"arn:aws:iam::*:role/*"}}`, want: no},
	}
}

func statementTrustCases() []trustCase {
	const action = `"Action":"sts:AssumeRoleWithWebIdentity"`
	allow := func(rest string) string { return `{"Effect":"Allow",` + rest + `}` }
	deny := func(rest string) string { return `{"Effect":"Deny",` + rest + `}` }
	const provider = `"Principal":{"Federated":"ARN"},` + action
	condition := func(s string) string { return provider + `,"Condition":` + s }
	return []trustCase{
		{name: "and of keys", statements: `{"StringEquals":{"@:project_id":"58210","@:namespace_id":"917"}}`, want: yes},
		{name: "and of keys, one fails", statements: `{"StringEquals":{"@:project_id":"58210","@:namespace_id":"1"}}`, want: no},
		{name: "and of operators", statements: `{"StringEquals":{"@:project_id":"58210"},"StringLike":{"@:sub":"*webshop:*"}}`, want: yes},
		{name: "and of operators, one fails", statements: `{"StringEquals":{"@:project_id":"58210"},"StringLike":{"@:sub":"*:dev"}}`, want: no},
		{name: "principals in a list", statements: allow(`"Principal":{"Federated":["ARN","arn:aws:iam:::oidc-provider/other.example"]},` + action), want: yes},
		{name: "second principal in a list", statements: allow(`"Principal":{"Federated":["arn:aws:iam:::oidc-provider/other.example","ARN"]},` + action), want: yes,
			gateway: no, because: "the gateway keeps the first of several providers"},
		{name: "principal of another provider", statements: allow(`"Principal":{"Federated":"arn:aws:iam:::oidc-provider/other.example"},` + action), want: no},
		{name: "principal with a slash more", statements: allow(`"Principal":{"Federated":"ARN/"},` + action), want: no},
		{name: "principal AWS star", statements: allow(`"Principal":{"AWS":"*"},` + action), want: no},
		{name: "principal star", statements: allow(`"Principal":"*",` + action), want: open, gateway: no, because: "the gateway takes it for {\"AWS\":\"*\"}; AWS does not say whether it is, for web identities"},
		{name: "action in another case", statements: allow(`"Principal":{"Federated":"ARN"},"Action":"STS:AssumeRoleWithWebIdentity"`), want: yes},
		{name: "action in a list", statements: allow(`"Principal":{"Federated":"ARN"},"Action":["sts:TagSession","sts:AssumeRoleWithWebIdentity"]`), want: yes},
		{name: "action pattern", statements: allow(`"Principal":{"Federated":"ARN"},"Action":"sts:AssumeRole*"`), want: yes},
		{name: "every action", statements: allow(`"Principal":{"Federated":"ARN"},"Action":"sts:*"`), want: yes},
		{name: "another action", statements: allow(`"Principal":{"Federated":"ARN"},"Action":"sts:AssumeRole"`), want: no},
		{name: "second statement", statements: allow(condition(`{"StringEquals":{"@:project_id":"1"}}`)) + "," + allow(condition(`{"StringEquals":{"@:project_id":"58210"}}`)), want: yes},
		{name: "no statement", statements: allow(condition(`{"StringEquals":{"@:project_id":"1"}}`)) + "," + allow(condition(`{"StringEquals":{"@:project_id":"2"}}`)), want: no},
		{name: "principal of one and condition of another", statements: allow(`"Principal":{"Federated":"arn:aws:iam:::oidc-provider/other.example"},`+action) + "," +
			allow(condition(`{"StringEquals":{"@:project_id":"1"}}`)), want: no},
		{name: "deny", statements: allow(provider) + "," + deny(condition(`{"StringEquals":{"@:project_id":"58210"}}`)), want: no},
		{name: "deny before", statements: deny(condition(`{"StringLike":{"@:sub":"*"}}`)) + "," + allow(provider), want: no},
		{name: "deny that does not apply", statements: allow(provider) + "," + deny(condition(`{"StringEquals":{"@:project_id":"1"}}`)), want: yes},
		{name: "deny of a missing key", statements: allow(provider) + "," + deny(condition(`{"StringEquals":{"@:nothing":"x"}}`)), want: yes},
		{name: "deny without a condition", statements: allow(provider) + "," + deny(provider), want: no},
		{name: "deny alone", statements: deny(condition(`{"StringEquals":{"@:project_id":"1"}}`)), want: no},
		{name: "deny of another principal", statements: allow(provider) + "," + deny(`"Principal":{"Federated":"arn:aws:iam:::oidc-provider/other.example"},`+action), want: yes},
		{name: "members twice", statements: `{"StringEquals":{"@:project_id":"1"},"StringEquals":{"@:namespace_id":"917"}}`, want: yes, gateway: no, because: keepsBoth},
		{name: "keys twice", statements: `{"StringEquals":{"@:project_id":"1","@:project_id":"58210"}}`, want: yes, gateway: no, because: keepsBoth},
	}
}

func keyTrustCases() []trustCase {
	var cases []trustCase
	for _, key := range awstrust.Keys("https://gitlab.com") {
		if key.Since == "" {
			continue
		}
		cases = append(cases,
			trustCase{name: key.Claim, statements: `{"StringEquals":{"@:` + key.Claim + `":"this"}}`, with: with(key.Claim, "this"), want: yes},
			trustCase{name: key.Claim + " of another", statements: `{"StringEquals":{"@:` + key.Claim + `":"this"}}`, with: with(key.Claim, "another"), want: no})
	}
	return append(cases,
		trustCase{name: "sub", statements: `{"StringEquals":{"@:sub":"project_path:acme/webshop:ref_type:branch:ref:main"}}`, want: yes},
		trustCase{name: "aud", statements: `{"StringEquals":{"@:aud":"` + cephAudiences[0] + `"}}`, want: yes},
		trustCase{name: "aud of another role", statements: `{"StringEquals":{"@:aud":"` + cephAudiences[1] + `"}}`, want: no},
		trustCase{name: "aud is a list of one", statements: `{"StringEquals":{"@:aud":"` + cephAudiences[0] + `"}}`, with: with("aud", cephAudiences[:1]), want: yes},
		trustCase{name: "email", statements: `{"StringEquals":{"@:email":"a@acme.example"}}`, with: with("email", "a@acme.example"), want: yes},
		trustCase{name: "case of a key", statements: `{"StringEquals":{"@:PROJECT_ID":"58210"}}`, want: yes, gateway: no, because: "the gateway looks at the case of a key"},
		trustCase{name: "key of another provider", statements: `{"StringLike":{"other.example:sub":"*"}}`, want: no},
		trustCase{name: "key without a provider", statements: `{"StringLike":{"sub":"*"}}`, want: no},
		trustCase{name: "ref is no key", statements: `{"StringEquals":{"@:ref":"main"}}`, want: no, gateway: yes, because: everyClaim},
		trustCase{name: "claim that is a number", statements: `{"StringEquals":{"@:user_id":"7"}}`, with: with("user_id", 7), want: open, gateway: yes, because: "the gateway makes a text of a number; AWS does not say whether it does"},
		trustCase{name: "claim that is a boolean", statements: `{"StringEquals":{"@:ref_protected":"true"}}`, with: with("ref_protected", true), want: open, gateway: yes, because: "the gateway makes a text of a boolean; AWS does not say whether it does"},
	)
}

func circleCITrustCases() []trustCase {
	const (
		project = fakeissuer.CircleCIProjectID
		fixed   = "org/" + fakeissuer.CircleCIOrganizationID + "/project/" + project + "/user/"
		suffix  = "/vcs-origin/github.com/acme/webshop/vcs-ref/refs/heads/main"
		mask    = "????????-????-????-????-????????????"
	)
	subject := func(rest string) func(fakeissuer.Claims) { return with("sub", fixed+fakeissuer.CircleCIUserID+rest) }
	crafted := subject("/vcs-origin/github.com/acme/webshop/vcs-ref/refs/heads/x" + suffix)
	return []trustCase{
		{name: "project", statements: `{"StringEquals":{"@:oidc.circleci.com/project-id":"` + project + `"}}`, want: yes},
		{name: "another project", statements: `{"StringEquals":{"@:oidc.circleci.com/project-id":"` + project + `"}}`, with: with("oidc.circleci.com/project-id", newUUID()), want: no},
		{name: "any user", statements: `{"StringLike":{"@:sub":"` + fixed + `*"}}`, with: subject(""), want: yes},
		{name: "any user of another project", statements: `{"StringLike":{"@:sub":"` + fixed + `*"}}`, with: with("sub", "org/x/project/y/user/z"), want: no},
		{name: "branch behind a star", statements: `{"StringLike":{"@:sub":"` + fixed + "*" + suffix + `"}}`, with: subject(suffix), want: yes},
		{name: "crafted branch behind a star", statements: `{"StringLike":{"@:sub":"` + fixed + "*" + suffix + `"}}`, with: crafted, want: yes, gateway: no, because: starStops},
		{name: "branch behind a mask", statements: `{"StringLike":{"@:sub":"` + fixed + mask + suffix + `"}}`, with: subject(suffix), want: yes},
		{name: "crafted branch behind a mask", statements: `{"StringLike":{"@:sub":"` + fixed + mask + suffix + `"}}`, with: crafted, want: no},
		{name: "organization is no key", statements: `{"StringEquals":{"@:oidc.circleci.com/org-id":"` + fakeissuer.CircleCIOrganizationID + `"}}`, want: no, gateway: yes, because: everyClaim},
	}
}
