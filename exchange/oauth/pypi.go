package oauth

import "github.com/cioidc/cioidc/exchange"

// PyPI returns the exchange of a Python package index for trusted publishing.
// index is its base URL. What comes back is an API token for upload, to be sent
// as the password of the user __token__: [Config.Client] does not fit.
//
// The project needs a trusted publisher that matches the token's claims. The
// token's audience is "pypi"; for the test index change SourceAudience to
// "testpypi".
//
// Source: the page "Internals and technical details" of the index's
// documentation on trusted publishers, and warehouse issue 18235 for expires;
// not seen against the index.
func PyPI(index string, source exchange.TokenSource) Config {
	return Config{
		TokenURL:       base(index) + "/_/oidc/mint-token",
		Grant:          NoGrant,
		Source:         source,
		SourceAudience: "pypi",
		Request:        Request{Body: JSON, TokenField: "token"},
		Response:       Response{TokenPath: "token", ExpiresPath: "expires"},
	}
}
