package googlests

import (
	"regexp"
	"strings"

	"github.com/cioidc/cioidc/internal/safetext"
)

// ProviderName returns the full name of a workload identity pool provider:
// //iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER.
// The project is given by its number, not its ID. Nothing is checked here;
// [Credentials] refuses a name that Google would.
func ProviderName(projectNumber, pool, provider string) string {
	return "//iam.googleapis.com/projects/" + projectNumber +
		"/locations/global/workloadIdentityPools/" + pool + "/providers/" + provider
}

const wantName = "want //iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER"

var (
	number = regexp.MustCompile(`^[0-9]+$`)
	// Google wants 4 to 32 of these characters; the length is left to Google,
	// which has changed such limits before.
	identifier = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)
)

// checkProvider returns what is wrong with name and how to put it right, or "".
// The forms that are told apart are those that users have been seen to send.
// Google answers most of them with one and the same text.
func checkProvider(name, universe string) string {
	var rest string
	for _, host := range []string{defaultUniverse, universe} {
		if after, ok := strings.CutPrefix(name, "//iam."+host+"/"); ok {
			rest = after
		}
	}
	if rest == "" {
		return wrongStart(name, universe)
	}
	if strings.HasPrefix(rest, "locations/") {
		return "it names a workforce pool, which is for people, not for jobs; " + wantName
	}
	if bare := strings.TrimRight(name, "/"); bare != name && checkProvider(bare, universe) == "" {
		return "it ends in a slash: use " + safetext.Quote(bare)
	}
	part := strings.Split(rest, "/")
	if len(part) == 6 && part[0] == "projects" && part[4] == "workloadIdentityPools" {
		return "it names a pool, not a provider of the pool: append /providers/ and the provider's ID; " + wantName
	}
	if len(part) != 8 || part[0] != "projects" || part[2] != "locations" || part[4] != "workloadIdentityPools" || part[6] != "providers" {
		return wantName
	}
	switch {
	case part[1] == "":
		return "the project number is empty; " + wantName
	case !number.MatchString(part[1]):
		return safetext.Quote(part[1]) + " is not a project number: use the number, not the project ID (gcloud projects describe prints it as projectNumber)"
	case part[3] != "global":
		return "the location is " + safetext.Quote(part[3]) + ", want global"
	case !identifier.MatchString(part[5]):
		return "the pool " + safetext.Quote(part[5]) + " is not a pool ID: lower-case letters, digits and hyphens"
	case !identifier.MatchString(part[7]):
		return "the provider " + safetext.Quote(part[7]) + " is not a provider ID: lower-case letters, digits and hyphens"
	}
	return ""
}

func wrongStart(name, universe string) string {
	// corrected ends a sentence with the name as it should be, if that is known.
	corrected := func(name string) string {
		if checkProvider(name, universe) != "" {
			return "; " + wantName
		}
		return ": use " + safetext.Quote(name)
	}
	scheme, path, _ := strings.Cut(name, ":")
	switch {
	case name == "":
		return "it is required; " + wantName
	case scheme == "https", scheme == "http":
		return "it must begin with //iam.googleapis.com/: leave out the scheme, which belongs to the token's audience only" + corrected(path)
	case strings.HasPrefix(name, "iam.googleapis.com/"):
		return "it must begin with two slashes" + corrected("//"+name)
	case strings.HasPrefix(name, "projects/"):
		return "it must begin with //iam.googleapis.com/: put that in front"
	case strings.HasPrefix(name, "principal"):
		return "it is a principal, the member of a role binding, not a provider; " + wantName
	}
	return wantName
}
