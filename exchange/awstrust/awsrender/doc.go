// Package awsrender writes the trust policy of an AWS role for a rule of a
// policy of package policy, so that both mean the same jobs.
//
//	p, err := policy.Parse(file, nil)
//	...
//	r, err := awsrender.Render(p, "prod-from-main", &awsrender.Target{AccountID: "123456789012"})
//	...
//	fmt.Println(r.JSON)
//
// AWS sees of a token only its issuer, aud, sub and, for some issuers, a few
// claims more ([awstrust.Keys]). What the rule says beyond that is a [Gap], never
// dropped silently: one that lets in more than the rule is an error unless
// [Target.AllowWider] gives a written reason.
//
// Where no widening gap is left, whatever [awstrust.Simulate] accepts of the
// document, [policy.Policy.Evaluate] allows. That is so for tokens as the
// platforms make them, of which these are used: sub is made of the token's other
// claims; GitLab's refs and paths have no colon; the project of the runner
// (job_project_id) differs from that of the code only in pipelines of merge
// requests; a repository's name at CircleCI has no /vcs-ref/ in it.
//
// A star is never written before something fixed: in CircleCI's sub a branch's
// name could take the part of what follows. IDs of users are masked character by
// character instead.
package awsrender
