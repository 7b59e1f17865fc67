package cloudnames

import "strings"

// MaxSubject is the most that google.subject may have, in bytes.
const MaxSubject = 127

// Pool is a workload identity pool, in which Google knows a token by what the
// provider maps its claims to.
type Pool struct {
	// Project is the project's number. Empty stands for "<project-number>".
	Project string
	// ID is the pool's ID. Empty stands for "<pool>".
	ID string
}

// PoolOf returns the pool of a provider by the provider's full name
// (//iam.googleapis.com/projects/NUMBER/...), and whether that is one.
func PoolOf(provider string) (Pool, bool) {
	part := strings.Split(strings.TrimPrefix(provider, "//"), "/")
	if len(part) != 9 || part[1] != "projects" || part[5] != "workloadIdentityPools" || part[7] != "providers" {
		return Pool{}, false
	}
	return Pool{Project: part[2], ID: part[6]}, true
}

// Principal returns the member of a role binding that is one subject alone: the
// token whose google.subject is mapped to it.
func (p Pool) Principal(subject string) string {
	return "principal://" + p.path() + "/subject/" + subject
}

// PrincipalSet returns the member of a role binding that is every token whose
// custom attribute has this value.
func (p Pool) PrincipalSet(attribute, value string) string {
	return "principalSet://" + p.path() + "/attribute." + attribute + "/" + value
}

// Group returns the member of a role binding that is every token whose
// google.groups has this group.
func (p Pool) Group(group string) string { return "principalSet://" + p.path() + "/group/" + group }

// Everyone returns the member of a role binding that is every token of the
// pool's providers.
func (p Pool) Everyone() string { return "principalSet://" + p.path() + "/*" }

func (p Pool) path() string {
	project, id := p.Project, p.ID
	if project == "" {
		project = "<project-number>"
	}
	if id == "" {
		id = "<pool>"
	}
	return "iam.googleapis.com/projects/" + project + "/locations/global/workloadIdentityPools/" + id
}
