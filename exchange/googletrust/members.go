package googletrust

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cioidc/cioidc/internal/cloudnames"
	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/internal/trustmodel"
)

// member is a principal of a workload identity pool, taken apart.
type member struct {
	pool cloudnames.Pool
	// kind is "subject", "group" or "*"; or the attribute, such as "attribute.ref".
	kind  string
	value string
}

// parseMember takes a member of a binding apart. The problem says what is wrong
// with one that is meant for a pool and is not right; both are zero for others.
func parseMember(text string) (m member, problem string) {
	scheme, rest, _ := strings.Cut(text, "://")
	if scheme != "principal" && scheme != "principalSet" {
		return member{}, ""
	}
	part := strings.SplitN(rest, "/", 8)
	if len(part) < 7 || part[0] != "iam.googleapis.com" || part[1] != "projects" || part[3] != "locations" || part[4] != "global" || part[5] != "workloadIdentityPools" {
		if strings.Contains(text, "/workforcePools/") {
			return member{}, ""
		}
		return member{}, "it is no principal of a pool: want iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/ and what is meant"
	}
	if part[2] == "" || strings.Trim(part[2], "0123456789") != "" {
		return member{}, safetext.Quote(part[2]) + " is no project number, which it must have in place of the project's ID"
	}
	m.pool = cloudnames.Pool{Project: part[2], ID: part[6]}
	if len(part) == 7 {
		return member{}, "it names the pool and no one in it"
	}
	m.kind, m.value, _ = strings.Cut(part[7], "/")
	switch {
	case scheme == "principal" && m.kind != "subject":
		return member{}, "after principal:// and the pool comes /subject/; sets begin with principalSet://"
	case scheme == "principalSet" && m.kind == "subject":
		return member{}, "a subject alone is a principal://, not a principalSet://"
	case scheme == "principalSet" && m.kind == "*" && part[7] == "*":
		return m, ""
	case m.kind != "subject" && m.kind != "group" && !strings.HasPrefix(m.kind, "attribute."):
		return member{}, "after principalSet:// and the pool comes /group/, /attribute.NAME/ or /*"
	case m.value == "":
		return member{}, "it has no value at the end"
	}
	return m, ""
}

// of reports whether the member is of the provider's pool, as far as that is known.
func (m member) of(p *Provider) bool {
	return (p.ProjectNumber == "" || p.ProjectNumber == m.pool.Project) && (p.Pool == "" || p.Pool == m.pool.ID)
}

// name lists the principals of the token.
func (q *run) name() {
	q.result.Principals = q.principals(q.provider.pool())
}

func (q *run) principals(pool cloudnames.Pool) (all []string) {
	for _, m := range q.result.Mapped {
		for _, v := range m.Values {
			switch m.Name {
			case "google.subject":
				all = append(all, pool.Principal(v))
			case "google.groups":
				all = append(all, pool.Group(v))
			default:
				all = append(all, pool.PrincipalSet(strings.TrimPrefix(m.Name, "attribute."), v))
			}
		}
	}
	return append(all, pool.Everyone())
}

// checkMembers looks for a binding that is for the token.
func (q *run) checkMembers([]byte) bool {
	if q.doc.Bindings == nil {
		q.add(Stage{Name: StageMembers, Passed: True, Unchecked: true, Text: "no role bindings are given: what the token may do in the pool is not known"})
		return true
	}
	var checks []Check
	best := False
	for i, b := range q.doc.Bindings {
		for j, v := range b.Members {
			c := Check{Part: PartBindings, Position: v.Position, Name: "member", Expected: v.Text}
			if !q.checkMember(&c, b) {
				continue
			}
			if c.Holds == True {
				q.result.Granted = append(q.result.Granted, Grant{i, j})
				best = True
			} else if c.Holds == Unknown && best == False {
				best = Unknown
			}
			checks = append(checks, c)
		}
	}
	if best == Unknown {
		for _, c := range checks {
			if c.Holds == Unknown {
				q.assume(c.Assumption)
			}
		}
		q.add(Stage{Name: StageMembers, Passed: Unknown, Text: "it cannot be told whether a binding is for the token", Checks: checks})
		return true
	}
	var no *refusal
	if best == False {
		no = refused("PERMISSION_DENIED", noPermit, "no binding is for the token, whose names are %s", quoted(q.result.Principals))
	}
	// The nearest first: the same kind of member with another value.
	slices.SortStableFunc(checks, func(a, b Check) int { return distance(a) - distance(b) })
	return q.stage(StageMembers, no, fmt.Sprintf("%d members are for the token", len(q.result.Granted)), checks...)
}

// distance is how far a member is from being for the token.
func distance(c Check) int {
	switch {
	case c.Holds == True:
		return 0
	case c.Actual != "":
		return 1
	}
	return 2
}

// checkMember holds one member against the token. It returns false for one that
// is no principal of a pool.
func (q *run) checkMember(c *Check, b Binding) bool {
	m, problem := parseMember(c.Expected)
	switch {
	case problem != "":
		c.Holds, c.Why = False, safetext.Quote(c.Expected)+": "+problem
		return true
	case m == (member{}):
		return false
	case !m.of(q.provider):
		c.Holds, c.Why = False, safetext.Quote(c.Expected)+" is of another pool"
		return true
	}
	c.Holds = trustmodel.TruthOf(slices.Contains(q.principals(m.pool), c.Expected))
	c.Why = safetext.Quote(c.Expected) + " is one of the token's names"
	switch {
	case c.Holds == False:
		q.whyNot(c, m)
	case b.Condition.Text != "":
		c.Holds, c.Assumption = Unknown, "the binding's condition holds: "+plain(b.Condition.Text)
		c.Why += ", and the binding has a condition, which is not evaluated"
	}
	return true
}

func (q *run) whyNot(c *Check, m member) {
	name := map[string]string{"subject": "google.subject", "group": "google.groups"}[m.kind]
	if name == "" {
		name = m.kind
	}
	for _, mapped := range q.result.Mapped {
		if mapped.Name == name {
			c.Actual = strings.Join(mapped.Values, " ")
			c.Why = fmt.Sprintf("%s is %s, and the member wants %s", name, quoted(mapped.Values), safetext.Quote(m.value))
			return
		}
	}
	if assumption, ok := q.open[name]; ok {
		c.Holds, c.Assumption = Unknown, assumption
		c.Why = name + " may have any value"
		return
	}
	c.Why = fmt.Sprintf("%s has no value for the token", name)
	if q.provider.Attribute(name) == nil {
		c.Why = name + " is not mapped, so that no token has it"
	}
}
