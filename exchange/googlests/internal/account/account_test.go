package account_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cioidc/cioidc/exchange/googlests/internal/account"
)

func TestProblem(t *testing.T) {
	for name, says := range map[string]string{
		"deployer@shop-prod.iam.gserviceaccount.com":         "",
		"123456789012-compute@developer.gserviceaccount.com": "",
		"shop-prod@appspot.gserviceaccount.com":              "",
		"":                                                   "it is required",
		"serviceAccount:deployer@shop-prod.iam.gserviceaccount.com":     "leave out serviceAccount:",
		"projects/-/serviceAccounts/deployer@x.iam.gserviceaccount.com": "give the email alone",
		"112233445566778899001": "it is the account's unique ID",
		"deployer@example.com":  "it is not a service account's email",
		"deployer@shop-prod.iam.gserviceaccount.com:generateIdToken":            "it is not a service account's email",
		"deployer@shop-prod.iam.gserviceaccount.com/../x@y.gserviceaccount.com": "it is not a service account's email",
		"deployer@shop-prod.iam.gserviceaccount.com\n":                          "it is not a service account's email",
	} {
		if says == "" {
			assert.Empty(t, account.Problem(name), name)
			continue
		}
		assert.Contains(t, account.Problem(name), says, name)
	}
}
