package celcond_test

import (
	"context"
	"fmt"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/oidc/policy/celcond"
)

func ExampleCompiler_Compile() {
	var compiler celcond.Compiler // for policy.Options.Conditions
	recent, err := compiler.Compile("gitlab", "claims.environment == 'production' && claims.exp - claims.iat <= duration('1h')")
	if err != nil {
		fmt.Println(err)
		return
	}
	c, _ := claims.Decode[claims.GitLab]([]byte(`{"environment": "production", "iat": 1790000000, "exp": 1790003600}`))
	fmt.Println(recent.Evaluate(context.Background(), c))
	c, _ = claims.Decode[claims.GitLab]([]byte(`{"iat": 1790000000, "exp": 1790003600}`))
	fmt.Println(recent.Evaluate(context.Background(), c))

	_, err = compiler.Compile("gitlab", "claims.enviroment == 'production'")
	fmt.Println(err)
	// Output:
	// true <nil>
	// false celcond: environment: the claim was not sent
	// celcond: line 1, column 7: there is no claim "enviroment"; is "environment" meant?
}
