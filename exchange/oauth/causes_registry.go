package oauth

import (
	"net/http"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/cause"
)

// publisher explains what package registries say when no trusted publisher
// matches.
func (r *refused) publisher() []exchange.Cause {
	identity := []exchange.Evidence{r.issuer(), r.subject()}
	if name := r.said.Identity.Repository; name != "" {
		identity = append(identity, exchange.Evidence{Name: "repository", Token: name})
	}
	switch r.of(cause.Registry) {
	case "pypi-publisher":
		return []exchange.Cause{{
			ID:       "pypi-publisher",
			Summary:  "the token is valid, but no trusted publisher matches it",
			Action:   "compare the publisher's project, workflow and environment with the token's claims",
			Certain:  true,
			Evidence: identity,
		}}
	case "npm-publisher":
		if r.StatusCode != http.StatusNotFound {
			return nil
		}
		// The registry tells neither from the other, nor lets anyone ask.
		return []exchange.Cause{{
			ID:       "npm-publisher",
			Summary:  "the package has no trusted publisher that matches the token",
			Action:   "compare the package's trusted publisher with the token's claims, and add it anew",
			Evidence: identity,
		}, {
			ID:       "npm-package",
			Summary:  "the registry has no such package yet, or it has another name",
			Action:   "publish the first version by other means: a trusted publisher is added to a package that exists",
			Evidence: []exchange.Evidence{{Name: "TokenURL", Configured: r.TokenURL}},
		}}
	}
	return nil
}
