package googlests_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests"
	"github.com/cioidc/cioidc/internal/fakeissuer"
)

func TestKnownIsSetBesideTheToken(t *testing.T) {
	long := strings.Repeat("b", 128)
	const tooLong = `{"error":"invalid_request","error_description":"The size of mapped attribute google.subject exceeds the 127 bytes limit."}`
	const byCondition = `{"error":"unauthorized_client","error_description":"The given credential is rejected by the attribute condition."}`
	tests := map[string]struct {
		answer   string
		known    googlests.Known
		cause    string
		certain  bool
		summary  string
		evidence exchange.Evidence // the last
	}{
		"audiences": {
			`{"error":"invalid_grant","error_description":"The audience in ID Token [a] does not match the expected audience."}`,
			googlests.Known{AllowedAudiences: []string{"one", "two"}}, "google-audience", true, "does not accept the token's audience",
			exchange.Evidence{Name: "allowed audiences", Token: "https:" + gitLabProvider, Configured: "one, two"},
		},
		"issuer": {
			`{"error":"invalid_grant","error_description":"The issuer in ID Token does not match."}`,
			googlests.Known{IssuerURL: "https://gitlab.com/"}, "google-issuer", true, "another issuer",
			exchange.Evidence{Name: "iss", Token: "https://gitlab.com", Configured: "https://gitlab.com/"},
		},
		"condition": {
			byCondition, googlests.Known{Condition: "assertion.ref_protected"}, "google-condition", true, "ref_protected",
			exchange.Evidence{Name: "attribute condition", Configured: "assertion.ref_protected"},
		},
		"claim too long": {
			tooLong, googlests.Known{Mapping: map[string]string{"google.subject": "assertion['my/claim']"}}, "google-subject-length", true, `mapped to the claim "my/claim", which has 128 bytes`,
			exchange.Evidence{Name: "bytes of my/claim", Token: "128", Configured: "at most 127"},
		},
		"mapping that is not plain": {
			tooLong, googlests.Known{Mapping: map[string]string{"google.subject": "assertion.sub + '::' + assertion.ref"}}, "google-subject-length", false, "something longer than 127 bytes",
			exchange.Evidence{Name: "mapping of google.subject", Configured: "assertion.sub + '::' + assertion.ref"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.source.give(func(aud string) string {
				return w.gitlab.GitLab(aud, func(c fakeissuer.Claims) { c["my/claim"] = long })
			})
			w.cloud.Misbehave(answering(400, nil, test.answer))
			cfg := w.config()
			cfg.Known = &test.known
			e := w.fail(t, cfg)
			require.Len(t, e.Causes, 1)
			c := e.Causes[0]
			assert.Equal(t, test.cause, c.ID)
			assert.Equal(t, test.certain, c.Certain)
			assert.Contains(t, c.Summary, test.summary)
			assert.Equal(t, test.evidence, c.Evidence[len(c.Evidence)-1])
		})
	}
}
