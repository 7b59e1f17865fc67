// Package awstrust reads the trust policies of AWS roles and says, without
// asking AWS, which tokens of a CI job they let in.
//
// A trust policy is tried out by deploying it, as a rule, and the answer of STS
// is one sentence for every mistake. Here it is a value:
//
//	doc, err := awstrust.Parse(text)
//	...
//	result := awstrust.Simulate(doc, payload, awstrust.Provider{
//		URL:       "https://gitlab.com",
//		ClientIDs: []string{"https://deploy.example"},
//	}, nil)
//	fmt.Println(result) // each check, with its line and column
//
// [Parse] is strict. It keeps where everything stands, and what AWS would drop
// silently: a member that comes twice. [Simulate] makes the checks that STS
// makes in the order in which STS makes them, with the operators of IAM and the
// condition keys that AWS sets for the issuer; [Keys] lists those. The result is
// [Accepted], [Rejected] or [Indeterminate]: where AWS's behaviour is not
// documented, or depends on what is not given, the simulation does not guess but
// names the assumption.
//
// # Findings
//
// [Lint] looks for what makes trust policies too broad or broken: AWS001 to
// AWS031 are about the document itself, GL... about GitLab's tokens and CC...
// about CircleCI's. Given the claims of a job that the role is for, it holds
// every finding that the role is too broad against the tokens of others: of
// another project, of a branch whose name is made to deceive, of a tag that is
// called like the branch. A finding that none of them proves is left out, TRUST001
// is a document that refuses the job itself, and TRUST002 a token of others that
// is let in for a reason that has no rule.
//
// What no document can help is a note: CC007, CC013 and GL015. Rules of the
// catalogue that are not here are about what a single trust policy does not show:
// AWS028 a role's age, AWS030 two roles with one identity, CC008, GL004 and GL011
// expressions and principals of Google and Azure, GL013 the provider's URL, and
// GL016, which there is nothing to find for.
//
// The package awstrusttest makes a test of that, in one line.
//
// # Fixes
//
// [Fix] returns the document with a finding put right. Where a program may do so
// without asking, the fix is certain, and [Fixed.Edits] makes it in the text with
// all else left as it is:
//
//	fixed, err := awstrust.Fix(doc, finding, nil)
//	...
//	if fixed.Certain {
//		edits, err := fixed.Edits(text)
//		...
//		text = awstrust.ApplyEdits(text, edits)
//	}
//
// After that the positions are others: parse and lint anew before the next one.
// To narrow a role that is too broad takes the claims of a job that it is for, and
// is a proposal: the role may be for other jobs as well.
//
// # What is not simulated
//
// The signature of the token, which is taken to be good. Policies of
// organizations and of sessions, which can only refuse more. IAM's controls for
// identity providers that many share, which refuse to save some documents. The
// few seconds that a change takes to be seen everywhere.
package awstrust
