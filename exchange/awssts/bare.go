package awssts

import (
	"fmt"
	"net/http"
	"time"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awstrust"
	"github.com/cioidc/cioidc/internal/peek"
)

// tolerance is how long after exp AWS still takes a token. Other services that
// speak its protocol take it for less.
const tolerance = 5 * time.Minute

// bare explains a refusal without a code: Ceph's gateway has none for a token
// that it does not accept, whatever is wrong with it. So what is known of the
// other side is held against the claims, in the order in which a service looks
// at them; without Known only the token's own end can be told.
func (p *Provider) bare(e *exchange.Error, t *peek.Token) []exchange.Cause {
	switch e.StatusCode {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
	default:
		return nil
	}
	provider, found := p.cfg.Known.provider(t, "the account")
	if found && provider.Certain {
		return []exchange.Cause{provider}
	}
	if over := p.cfg.Now().Sub(t.ExpiresAt.Time()); t.ExpiresAt != 0 && over > 0 {
		c := p.expired(t)[0]
		c.Certain = over > tolerance+clockError
		c.Summary = fmt.Sprintf("the token expired %s ago", over.Truncate(time.Second))
		return []exchange.Cause{c}
	}
	if p.cfg.Known == nil {
		return nil
	}
	policy, outcome := p.cfg.Known.trust(t, p)
	switch {
	case outcome == awstrust.Rejected && policy.Evidence[0].Token != "":
		return []exchange.Cause{policy}
	case outcome == awstrust.Accepted && found:
		return []exchange.Cause{provider}
	case outcome == awstrust.Accepted:
		return p.notValidated(t)
	}
	// The policy is not known, or the simulator refuses for a key that AWS does
	// not have and this service may have.
	other := &Provider{cfg: p.cfg}
	other.cfg.Known = nil
	causes := other.denied(t)
	if found {
		causes = append(causes, provider)
	}
	return causes
}
