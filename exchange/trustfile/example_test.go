package trustfile_test

import (
	"fmt"

	"github.com/cioidc/cioidc/exchange/awstrust"
	"github.com/cioidc/cioidc/exchange/trustfile"
)

func ExampleRead() {
	template := `Resources:
  Deploy:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Federated: "arn:aws:iam::123456789012:oidc-provider/gitlab.com"}
            Action: sts:AssumeRoleWithWebIdentity
            Condition:
              StringEquals:
                gitlab.com:sub: project_path:*
`
	docs, err := trustfile.Read("template.yaml", []byte(template))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range docs {
		policy, err := awstrust.Parse(d.Text)
		if err != nil {
			fmt.Println(err)
			return
		}
		sub := policy.Statements[0].Conditions[0]
		fmt.Printf("%s %s: %s is at line %s\n", d.Kind, d.Name, sub.Key, d.At(trustfile.Position(sub.Position)))
	}
	// Output: aws-role Deploy: gitlab.com:sub is at line 13:17
}
