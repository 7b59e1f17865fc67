package googlests

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests/internal/member"
	"github.com/cioidc/cioidc/internal/cloudnames"
	"github.com/cioidc/cioidc/internal/peek"
)

// clockError is more than the clock of a job is wrong by: one that is off further
// does not get this far, for certificates.
const clockError = time.Hour

// precheck refuses what Google certainly refuses. What it may take goes to it.
func (p *provider) precheck(token *peek.Token) error {
	fail := func(words string, c exchange.Cause) error {
		p.known.add(&c, token)
		return &exchange.Error{Service: serviceName, Stage: exchange.StageExchange, Causes: []exchange.Cause{c}, Err: errors.New(words)}
	}
	switch {
	case token.ExpiresAt != 0 && time.Since(token.ExpiresAt.Time()) > clockError:
		return fail("the token expired long ago, and was not sent", expiredCause(token))
	case p.known.tooLong(token):
		return fail("google.subject would be longer than Google takes, and the token was not sent", subjectCause(token))
	}
	return nil
}

// members returns by what names Google knows the job.
func (p *provider) members(token *peek.Token) *member.Members {
	pool, ok := cloudnames.PoolOf(p.name)
	if !ok {
		return nil
	}
	m := &member.Members{Assumed: true}
	if expression := p.known.Mapping["google.subject"]; expression != "" {
		_, subject, plain := mapped(expression, token)
		m.Assumed = false
		if plain {
			m.Subject = pool.Principal(subject)
		}
	} else {
		m.Subject = pool.Principal(token.Subject)
	}
	for _, name := range slices.Sorted(maps.Keys(p.known.Mapping)) {
		attribute, ok := strings.CutPrefix(name, "attribute.")
		if _, value, plain := mapped(p.known.Mapping[name], token); ok && plain {
			m.Sets = append(m.Sets, pool.PrincipalSet(attribute, value))
		}
	}
	return m
}
