package awssts

import (
	"errors"
	"strings"
	"time"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/safetext"
)

// clockError is more than the clock of a job is wrong by: one that is off further
// does not get this far, for certificates. It comes on top of the five minutes
// that AWS tolerates.
const clockError = time.Hour

// precheck refuses what AWS certainly refuses, before it is sent: nil if that is
// not certain. Other services that speak AWS's protocol are asked.
func (p *Provider) precheck(t *peek.Token) *exchange.Error {
	if t == nil || p.cfg.Client != nil || p.cfg.Endpoint != "" {
		return nil
	}
	fail := func(words string, causes []exchange.Cause) *exchange.Error {
		return &exchange.Error{Service: service, Stage: exchange.StageExchange, Causes: causes, Err: errors.New(words)}
	}
	switch {
	case t.Algorithm == "" || strings.EqualFold(t.Algorithm, "none") || strings.HasPrefix(t.Algorithm, "HS"):
		return fail("the token is not signed by an issuer, and was not sent", []exchange.Cause{{
			ID: "token-malformed", Certain: true, Evidence: []exchange.Evidence{{Name: "alg", Token: safetext.Cut(t.Algorithm)}},
			Summary: "the token is not signed with a public key, as those of CI platforms are",
			Action:  "check that the source returns the ID token of the job, unchanged",
		}})
	case len(t.Audience) > 1 && authorizedParty(t) == "":
		return fail("the token has several audiences, and was not sent", p.severalAudiences(t))
	case t.ExpiresAt != 0 && p.cfg.Now().Sub(t.ExpiresAt.Time()) > tolerance+clockError:
		return fail("the token expired long ago, and was not sent", p.expired(t))
	}
	return nil
}
