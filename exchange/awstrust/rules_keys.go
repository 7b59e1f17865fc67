package awstrust

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/internal/safetext"
)

// keyRules look for condition keys that AWS does not set.
func keyRules() []rule {
	never := "the key is never there: a plain operator then refuses everybody, and one with Not, IfExists or ForAllValues lets everybody in"
	return []rule{
		{
			id: "AWS015", kind: Broken, story: never,
			fix: "begin the key with the issuer as it is in the principal's ARN",
			statement: eachCondition(func(s *linted, c *Condition, r report) {
				_, ours := s.claimOf(c.Key)
				service, _, colon := strings.Cut(strings.ToLower(c.Key), ":")
				if ours || colon && slices.Contains([]string{"aws", "sts"}, service) || strings.Contains(c.Key, "${") {
					return
				}
				r(c.Position, High, fmt.Sprintf("%s is no key of the provider, whose keys begin with %s", safetext.Quote(c.Key), safetext.Quote(s.prefix+":")))
			}),
		},
		{
			id: "AWS017", kind: Broken, story: never,
			fix: "use a key that AWS sets for the issuer, or have the issuer put the claim into the subject",
			statement: onUnsetKey(func(s *linted, claim string) bool {
				return !s.gitLabKey(claim) && claim != "environment" || s.platform == gitHub
			}, func(s *linted, key string) string {
				return fmt.Sprintf("AWS does not set %s", safetext.Quote(key))
			}),
		},
		{
			id: "AWS018", kind: Broken, story: never,
			fix: "use sub, and have the instance put the IDs into it (ci_id_token_sub_claim_components)",
			statement: onUnsetKey(func(s *linted, claim string) bool { return s.gitLabKey(claim) }, func(s *linted, key string) string {
				return fmt.Sprintf("AWS sets %s for gitlab.com only, not for another instance", safetext.Quote(key))
			}),
		},
		{
			id: "GL008", kind: Broken, story: never,
			fix: "have GitLab put environment_protected and deployment_tier into the subject (GitLab 18.7), or pin a protected branch for each environment",
			statement: onUnsetKey(func(s *linted, claim string) bool { return claim == "environment" && s.platform != gitHub }, func(_ *linted, key string) string {
				return fmt.Sprintf("AWS does not set %s: the environment is no condition key", safetext.Quote(key))
			}),
		},
		{
			id: "GL008", kind: Broken,
			story: "the subject has no environment unless it was configured so, and AWS sees nothing else of it",
			fix:   "have GitLab put environment_protected and deployment_tier into the subject (GitLab 18.7), or pin a protected branch for each environment",
			statement: func(s *linted, r report) {
				for _, w := range s.wants("sub") {
					if _, ok := w.part("environment"); ok && s.gitLab() {
						r(w.at, Medium, fmt.Sprintf("%s asks the subject for an environment", safetext.Quote(w.text)))
					}
				}
			},
		},
	}
}

// onUnsetKey applies to the conditions on keys of the provider that AWS does not set,
// of claims for which which is true.
func onUnsetKey(which func(s *linted, claim string) bool, problem func(s *linted, key string) string) func(*linted, report) {
	return eachCondition(func(s *linted, c *Condition, r report) {
		claim, ours := s.claimOf(c.Key)
		if !ours || !which(s, claim) {
			return
		}
		if _, known := s.key(claim); !known {
			r(c.Position, High, problem(s, c.Key))
		}
	})
}

// gitLabKey reports whether a claim is one that AWS makes a key of for
// gitlab.com, and the statement is about another instance.
func (s *linted) gitLabKey(claim string) bool {
	return s.platform == otherPlatform && slices.ContainsFunc(Keys("https://"+gitLabHost), func(k Key) bool { return k.Since != "" && k.Claim == claim })
}
