package oauth

import (
	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/peek"
)

// causes explains a refusal of the token that says said.
func (x *exchanger) causes(*exchange.Error, *peek.Token) []exchange.Cause { return nil }
