package cause

// googleRows are the answers of Google's Security Token Service and IAM, and of
// its clients ("Troubleshoot workload identity federation", and users' reports).
func googleRows() []Row {
	return []Row{
		{
			ID: "G1", Service: Google, Answers: []Answer{{Code: "invalid_grant", Text: "The audience in ID Token"}, {Code: "invalid_grant", Text: "audience"}},
			Means:  "The pool provider does not accept the token's audience. A provider with allowed audiences of its own no longer accepts the default one, https: and its name. CircleCI's tokens are for the organization's ID unless another audience is asked for.",
			Do:     "Give the job a token for https://iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER, or add the token's audience to the provider's allowed audiences.",
			Causes: []string{"google-audience"},
		},
		{
			ID: "G2", Service: Google, Answers: []Answer{{Code: "invalid_grant", Text: "The issuer in ID Token"}},
			Means:  "The provider is configured for another issuer than the token's.",
			Do:     "Set the provider's issuer to the token's iss exactly, path and final slash included. CircleCI's has the organization in its path.",
			Causes: []string{"google-issuer"},
		},
		{
			ID: "G3", Service: Google, Answers: []Answer{{Code: "invalid_grant", Text: "Error connecting to the given credential's issuer"}},
			Means:  "Google could not fetch the keys of the token's issuer: it is not on the internet, or the provider's issuer is spelled wrongly.",
			Do:     "Make the issuer's /.well-known/openid-configuration and keys reachable, or upload the keys to the provider with --jwk-json-path.",
			Causes: []string{"google-issuer-unreachable"},
		},
		{
			ID: "G4", Service: Google, Answers: []Answer{{Code: "invalid_grant", Text: "stale to sign-in"}},
			Means:  "The token has expired, or was issued too long ago.",
			Do:     "Exchange it earlier in the job, or let the source get a fresh one. On GitLab, raise the job's timeout, for which its tokens live.",
			Causes: []string{"google-expired"},
		},
		{
			ID: "G5", Service: Google, Answers: []Answer{{Code: "unauthorized_client", Text: "rejected by the attribute condition"}},
			Means:  "The token is valid, and the provider's attribute condition is false for its claims. GitLab's booleans are strings: assertion.ref_protected == 'true'.",
			Do:     "Compare the condition with the claims that the error lists.",
			Causes: []string{"google-condition"},
		},
		{
			ID: "G6", Service: Google, Answers: []Answer{{Text: "The size of mapped attribute google.subject exceeds the 127 bytes limit"}, {Text: "google.subject exceeds"}},
			Means:  "The provider maps google.subject to something longer than 127 bytes. The sub of CIRCLE_OIDC_TOKEN has exactly 127, that of CIRCLE_OIDC_TOKEN_V2 more; GitLab's grows with the branch's name.",
			Do:     "Map google.subject to something shorter, such as assertion.project_id + '::' + assertion.job_id on GitLab or assertion['oidc.circleci.com/project-id'] on CircleCI, or send CIRCLE_OIDC_TOKEN.",
			Causes: []string{"google-subject-length"},
		},
		{
			ID: "G7", Service: Google, Answers: []Answer{{Text: "Could not obtain a value for google.subject"}, {Text: "google.subject"}},
			Means:  "The provider's mapping of google.subject reads a claim that the token does not have.",
			Do:     "Map google.subject to a claim that is always there, such as assertion.sub.",
			Causes: []string{"google-subject-missing"},
		},
		{
			ID: "G8", Service: Google, Answers: []Answer{{Code: "invalid_request", Text: `Invalid value for "audience"`}, {Code: "invalid_request", Text: `"audience"`}},
			Means:  "Google does not take the audience of the request for the name of a pool provider.",
			Do:     "The name is //iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER: without https:, with the project's number and not its ID. googlests.ProviderName makes it.",
			Causes: []string{"google-provider-name"},
		},
		{
			ID: "G9", Service: Google, Answers: []Answer{{Code: "invalid_target"}},
			Means:  "The pool or the provider does not exist under this project number, is disabled, or was deleted. A deleted one keeps its name for 30 days.",
			Do:     "Compare the name with what gcloud iam workload-identity-pools providers describe prints.",
			Causes: []string{"google-provider"},
		},
		{
			ID: "G10", Service: Google, Answers: []Answer{{Code: "PERMISSION_DENIED", Text: "iam.serviceAccounts."}},
			Means:  "The federated token is good, and the service account does not let this identity act as it, or does not exist.",
			Do:     "Grant roles/iam.workloadIdentityUser on the service account to the principal:// or principalSet:// that the provider makes of the token; the error has them as far as they are known. A grant takes minutes to take effect.",
			Causes: []string{"google-impersonation"},
		},
		{
			ID: "G11", Service: Google, Answers: []Answer{{Code: "INVALID_ARGUMENT", Text: "lifetime"}},
			Means:  "The lifetime asked for is more than the hour that a service account's tokens may have.",
			Do:     "Leave Config.Lifetime at zero, or list the account in the organization policy iam.allowServiceAccountCredentialLifetimeExtension.",
			Causes: []string{"google-lifetime"},
		},
		{
			ID: "G12", Service: Google, Answers: []Answer{{Code: "UNAUTHENTICATED", Text: "Request had invalid authentication credentials", Elsewhere: true}},
			Means: "The API that was called does not take federated tokens.",
			Do:    "Act as a service account: with package impersonate, or --impersonate in the credential configuration.",
		},
		{
			ID: "G13", Service: Google, Answers: []Answer{{Text: "executables need to be explicitly allowed", Elsewhere: true}},
			Means: "The credential configuration has an executable as its source, and Google's clients run one only if the environment says so.",
			Do:    "Set GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1 in the job.",
		},
		{
			ID: "G14", Service: Google, Answers: []Answer{{Text: "provided subject_token_field_name not found in credentials", Elsewhere: true}},
			Means: "The credential configuration says that the token is in a JSON file, under a name that the file does not have. A member called path is not read.",
			Do:    "Use a text file, or name the member in credential_source.format.subject_token_field_name. googlests writes such files.",
		},
		{
			ID: "G15", Service: Google, Answers: []Answer{{Text: "could not find default credentials", Elsewhere: true}},
			Means: "GOOGLE_APPLICATION_CREDENTIALS is not set in this step, or names a file that is not there any more.",
			Do:    "Export the variable to later steps of the job as well, and write the file where these see it. In Go, googlests needs no file.",
		},
	}
}
