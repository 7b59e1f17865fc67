package cause

// otherRows are the answers of other services.
func otherRows() []Row {
	return []Row{
		{
			ID: "E1", Service: Entra, Answers: []Answer{{Code: "AADSTS700211"}},
			Means:  "No federated credential of the application has the token's issuer.",
			Do:     "Add one whose issuer is the token's iss exactly, without a slash at the end that iss does not have.",
			Causes: []string{"entra-issuer"},
		},
		{
			ID: "E2", Service: Entra, Answers: []Answer{{Code: "AADSTS700212"}},
			Means:  "The federated credential does not have the token's audience.",
			Do:     "Let the credential's audience and the token's be the same; api://AzureADTokenExchange is what Entra recommends.",
			Causes: []string{"entra-audience"},
		},
		{
			ID: "E3", Service: Entra, Answers: []Answer{{Code: "AADSTS700213"}},
			Means:  "No federated credential of the application has the token's subject. CircleCI's names the user who started the pipeline, so each user needs a credential.",
			Do:     "Set a credential's subject to the token's sub exactly, case included.",
			Causes: []string{"entra-subject"},
		},
		{
			ID: "E5", Service: Entra, Answers: []Answer{{Code: "AADSTS70021"}},
			Means:  "No federated credential of the application matches the token: its issuer, its subject or its audience differs, or the credential was made within the last five minutes.",
			Do:     "Compare a credential's issuer, subject and audience with the token's, or wait for some minutes if it is new.",
			Causes: []string{"entra-credential", "entra-new-credential"},
		},
		{
			ID: "E4", Service: Entra, Answers: []Answer{{Code: "AADSTS700016"}},
			Means:  "The tenant has no application with this client ID.",
			Do:     "Compare the client ID and the tenant in the token URL with the application's overview page.",
			Causes: []string{"entra-application", "entra-tenant"},
		},
		{
			ID: "V1", Service: Vault, Answers: []Answer{
				{Text: "invalid audience (aud) claim", Cause: "vault-audience"},
				{Text: "invalid issuer (iss) claim", Cause: "vault-issuer"},
				{Text: "invalid subject (sub) claim", Cause: "vault-subject"},
				{Text: "invalid expiration time (exp) claim", Cause: "vault-expired"}, {Text: "token is expired", Cause: "vault-expired"},
				{Text: "does not match any associated bound claim values", Cause: "vault-claim"}, {Text: "is missing", Cause: "vault-claim-missing"},
				{Text: "error verifying token signature", Cause: "vault-signature"},
			},
			Means:  "The claim that is named is not what the auth method or the role demands: bound_audiences, bound_issuer, bound_subject, the expiry, or bound_claims. Values are compared as text, so a boolean of GitLab's is \"true\". Of a signature: Vault could not fetch the issuer's keys, or none of them has signed the token.",
			Do:     "Compare the role with the token's claim, which the error shows; for a signature, the auth method's jwks_url or oidc_discovery_url with the token's iss.",
			Causes: []string{"vault-audience", "vault-issuer", "vault-subject", "vault-expired", "vault-claim", "vault-claim-missing", "vault-keys", "vault-signature"},
		},
		{
			ID: "V2", Service: Vault, Answers: []Answer{{Text: "could not be found", Cause: "vault-role"}, {Text: "permission denied"}},
			Means:  "The auth method at this mount has no such role; or, as permission denied says of all three, there is no auth method at this mount, or it is in another namespace.",
			Do:     "Compare the role and the mount with what vault list auth/MOUNT/role prints, and the namespace of the address.",
			Causes: []string{"vault-mount", "vault-namespace", "vault-role"},
		},
		{
			ID: "O1", Service: Okta, Answers: []Answer{{Text: "Okta's token endpoint takes no CI token", Elsewhere: true}, {Text: "a CI token can never be one", Elsewhere: true}},
			Means:  "Okta exchanges tokens of its own only. No configuration there makes it take a CI token.",
			Do:     "Use package okta, whose client assertions are signed by a key that the job reaches by its CI token, or okta.Workload for Okta Privileged Access.",
			Causes: []string{"okta-ci-token", "okta-foreign-token"},
		},
		{
			ID: "O2", Service: Okta, Answers: []Answer{{Text: "the sft command failed", Elsewhere: true}, {Text: "there is no sft command on PATH", Elsewhere: true}},
			Means:  "The workload connection is a draft or inactive, or demands other claims than the token has; or Okta's client is not in the image.",
			Do:     "Have a security admin activate the connection, which takes up to five minutes, and compare its required claims with the token's.",
			Causes: []string{"okta-workload", "okta-workload-claims", "okta-no-sft"},
		},
		{
			ID: "O3", Service: Okta, Answers: []Answer{
				{Code: "invalid_client", Text: "client_assertion JWT kid is invalid", Cause: "okta-key-id"},
				{Code: "invalid_client", Text: "client_assertion signature is invalid", Cause: "okta-key"},
				{Code: "invalid_client", Text: "audience claim for client_assertion", Cause: "okta-audience"},
				{Code: "invalid_client", Text: "client_assertion token is expired", Cause: "okta-clock"},
				{Code: "invalid_client", Text: "expiration too far into the future", Cause: "okta-clock"},
				{Code: "invalid_client", Text: "client_assertion token has already been used", Cause: "okta-replay"},
			},
			Means:  "Okta does not accept the assertion by which the client proves who it is: its key is not registered at the app, it is for another address, the clock of this machine is wrong, or it came twice.",
			Do:     "Register the signing key's public half at the app under its kid; set the domain under which Okta itself serves the token endpoint; set the clock by NTP.",
			Causes: []string{"okta-key-id", "okta-key", "okta-audience", "okta-clock", "okta-replay"},
		},
		{
			ID: "O4", Service: Okta, Answers: []Answer{{Code: "invalid_dpop_proof", Cause: "okta-dpop"}, {Code: "access_denied", Text: "Policy evaluation failed", Cause: "okta-policy"}, {Code: "invalid_scope", Text: "scopes are not configured", Cause: "okta-scope"}},
			Means:  "The client is known, and may not have what it asks for: the app demands DPoP, no access policy lets it have the scopes, or the authorization server has no such scope.",
			Do:     "Turn DPoP off in the app's general settings; add a rule with the client credentials grant and the scopes; check the names of the scopes and of the authorization server.",
			Causes: []string{"okta-dpop", "okta-policy", "okta-scope"},
		},
		{
			ID: "K1", Service: KMS, Answers: []Answer{{Code: "AccessDeniedException", Elsewhere: true}, {Code: "NotFoundException", Elsewhere: true}, {Code: "DisabledException", Elsewhere: true}, {Code: "KMSInvalidStateException", Elsewhere: true}, {Code: "InvalidKeyUsageException", Elsewhere: true}},
			Means:  "The key cannot sign: the role may not use it, it is not in this account and region, it is disabled, or it is for another use.",
			Do:     "Grant kms:Sign on the key to the job's role; check the key and the client's region; enable it; use a key for SIGN_VERIFY with the algorithm of the configuration.",
			Causes: []string{"kms-permission", "kms-key", "kms-key-state", "kms-key-usage"},
		},
		{
			ID: "N1", Service: Registry, Answers: []Answer{{Text: "OIDC token exchange error - package not found"}, {Text: "package not found"}},
			Means:  "The registry has no such package, or the package has no trusted publisher that matches the token; it says the same of both.",
			Do:     "Publish the first version by other means, and compare the trusted publisher with the token's project and, on CircleCI, its pipeline definition and context.",
			Causes: []string{"npm-publisher", "npm-package"},
		},
		{
			ID: "N2", Service: Registry, Answers: []Answer{{Code: "invalid-publisher"}},
			Means:  "PyPI finds the token valid, and no trusted publisher matches it.",
			Do:     "Compare the publisher's project, workflow and environment with the token's claims.",
			Causes: []string{"pypi-publisher"},
		},
		{
			ID: "R1", Service: OAuth, Answers: []Answer{{Code: "invalid_client"}},
			Means:  "The endpoint does not know the client, or does not accept how it proves who it is.",
			Do:     "Compare ClientID, ClientSecret and ClientAuth with the client's registration, and with a client assertion the issuer, subject and audience that it may have.",
			Causes: []string{"oauth-client"},
		},
		{
			ID: "R2", Service: OAuth, Answers: []Answer{{Code: "unsupported_grant_type"}, {Code: "unauthorized_client"}},
			Means:  "The endpoint does not offer this grant, or not to this client.",
			Do:     "Allow the grant for the client, or use another.",
			Causes: []string{"oauth-grant"},
		},
		{
			ID: "R3", Service: OAuth, Answers: []Answer{{Code: "invalid_scope"}},
			Means:  "The endpoint does not give one of the scopes.",
			Do:     "Compare Scopes with what the client may have.",
			Causes: []string{"oauth-scope"},
		},
		{
			ID: "R4", Service: OAuth, Answers: []Answer{{Code: "invalid_target"}},
			Means:  "The endpoint gives no token for this audience or resource.",
			Do:     "Compare Audiences and Resources with what it serves.",
			Causes: []string{"oauth-target"},
		},
	}
}

// localRows are what fails before the other side sees a token.
func localRows() []Row {
	return []Row{
		{
			ID: "X1", Service: Transport, Answers: []Answer{{Text: "no such host", Elsewhere: true}, {Text: "certificate signed by unknown authority", Elsewhere: true}, {Text: "connection refused", Elsewhere: true}},
			Means:  "The host was not reached: its name is not known here, something on the way shows a certificate of its own, or nothing answers. A runner behind a proxy, and a region or an endpoint that is misspelled, look like this.",
			Do:     "Check the host that the error names: that this machine resolves it, that a proxy lets it through, and that the proxy's authority is trusted here.",
			Causes: []string{"host-unknown", "host-certificate", "host-unreachable", "aws-endpoint", "aws-region-name"},
		},
		{
			ID: "X2", Service: Transport, Answers: []Answer{{Text: "the endpoint redirects", Elsewhere: true}},
			Means:  "The token endpoint answered with a redirect, which no token is sent along: from http to https, or to a login page.",
			Do:     "Configure the address it wants to be asked at, if that is the service's own.",
			Causes: []string{"endpoint-redirects"},
		},
		{
			ID: "X3", Service: Transport, Answers: []Answer{{Text: "the answer is not one of STS: check the endpoint", Elsewhere: true}},
			Means:  "An answer that refuses, without a code that AWS has. A proxy on the way gives such answers, and so does a service that speaks AWS's protocol: Ceph's gateway has one answer for whatever is wrong with a token.",
			Do:     "Look for a proxy. If the service itself answers, give Config.Known what it knows of the issuer and the role: the exchange then holds the token's claims against it, and says which of them it is that does not fit.",
			Causes: []string{"aws-provider", "aws-issuer", "aws-audience", "token-expired", "aws-trust-policy", "token-signature"},
		},
		{
			ID: "J1", Service: Job, Answers: []Answer{{Text: "the source returned an empty token", Elsewhere: true}, {Text: "the source returned something that is not a JWT", Elsewhere: true}},
			Means:  "The job has no token, or what stands in its place is something else: CI_JOB_TOKEN, the name of a variable that was not expanded, or a token in quotes.",
			Do:     "On GitLab add id_tokens to the job. On CircleCI, builds of forked pull requests have no token unless the project passes secrets to them.",
			Causes: []string{"token-empty", "token-malformed"},
		},
		{
			ID: "J2", Service: Job, Answers: []Answer{{Text: "the source gives the same token again, and it expires", Elsewhere: true}},
			Means:  "The source gives the same token again, and it has come to its end: GitLab renews none during a job.",
			Do:     "Exchange it earlier, or raise the job's timeout, for which its tokens live.",
			Causes: []string{"token-not-renewed"},
		},
		{
			ID: "J4", Service: Job, Answers: []Answer{{Text: "the source's token expired at", Elsewhere: true}, {Text: "the token expired long ago, and was not sent", Elsewhere: true}},
			Means:  "The token's time has been over for longer than any service lets pass, so it was not sent.",
			Do:     "Exchange it earlier in the job, or let the source get a fresh one: CircleCI's do by themselves where its command is there, GitLab's never.",
			Causes: []string{"token-expired", "google-expired"},
		},
		{
			ID: "J3", Service: Job, Answers: []Answer{{Code: invalid, Text: "The web identity token provided could not be validated", Elsewhere: true}},
			Sign:   "Config.Known has a provider with the token's issuer and audience",
			Means:  "The token was changed after it was signed, or the account is not as Config.Known describes it.",
			Do:     "Check that the source gives the token unchanged, and compare Config.Known with what aws iam get-open-id-connect-provider prints.",
			Causes: []string{"token-signature"},
		},
	}
}
