package impersonate

import (
	"strings"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests/internal/answer"
	"github.com/cioidc/cioidc/exchange/googlests/internal/member"
	"github.com/cioidc/cioidc/internal/cause"
	"github.com/cioidc/cioidc/internal/safetext"
)

// causes explains a refusal of the IAM Credentials API, by its status first
// and its text second. An unknown text has no cause rather than a wrong one.
func (c *caller) causes(r answer.Refusal, job *member.Members) []exchange.Cause {
	account := safetext.Quote(c.config.ServiceAccount)
	target := exchange.Evidence{Name: "service account", Configured: c.config.ServiceAccount}
	row, _ := cause.Find(cause.Google, r.Code, r.Description)
	switch row.ID {
	case "G10":
		// Who may become the account may not sign as it: workloadIdentityUser has
		// neither of the two permissions (IAM roles reference).
		role, what := "roles/iam.workloadIdentityUser", "act as it"
		if strings.Contains(r.Description, "iam.serviceAccounts.sign") {
			role, what = "roles/iam.serviceAccountTokenCreator", "sign as it"
		}
		if len(c.config.Delegates) > 0 {
			return []exchange.Cause{{
				ID:      "google-impersonation",
				Summary: "one account of the chain to " + account + " does not let the one before it act as itself, or does not exist",
				Action:  "grant roles/iam.workloadIdentityUser on the first to the job's principal, and on each next one roles/iam.serviceAccountTokenCreator to the one before",
				Evidence: []exchange.Evidence{
					{Name: "delegates", Configured: strings.Join(c.config.Delegates, ", ")},
					target,
				},
			}}
		}
		refused := exchange.Cause{
			ID:       "google-impersonation",
			Summary:  account + " does not let the job's identity " + what + ", or does not exist",
			Action:   "grant " + role + " on it to the principal or principalSet that the provider makes of the token; a grant takes effect within minutes",
			Evidence: []exchange.Evidence{target},
		}
		if job != nil && job.Subject != "" {
			refused.Evidence = append(refused.Evidence, exchange.Evidence{Name: "principal", Token: job.Subject})
			refused.Action = "grant " + role + " on it to " + safetext.Quote(job.Subject)
			if job.Assumed {
				refused.Action += ", if the provider maps google.subject to assertion.sub,"
			}
			refused.Action += " or to a principalSet of the provider's attributes; a grant takes effect within minutes"
		}
		if job != nil {
			for _, set := range job.Sets {
				refused.Evidence = append(refused.Evidence, exchange.Evidence{Name: "principalSet", Token: set})
			}
		}
		return []exchange.Cause{refused}
	case "G11":
		return []exchange.Cause{{
			ID:       "google-lifetime",
			Summary:  "the lifetime asked for is more than the service account may have",
			Action:   "leave Config.Lifetime at zero, or list the account in the organization policy iam.allowServiceAccountCredentialLifetimeExtension",
			Certain:  true,
			Evidence: []exchange.Evidence{{Name: "lifetime", Configured: c.config.Lifetime.String()}},
		}}
	}
	return nil
}
