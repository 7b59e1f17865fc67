// Package hostile makes, from the claims of one legitimate job, the claims that
// a reviewer of a policy would fear: of another project, of a fork, of a tag
// named like the branch, of a branch whose name is made to deceive. Each is a
// whole claims set as the platform would issue it, in which everything that
// belongs together changes together, the subject included.
//
// Variants are the same each time for the same identity: IDs that are made up
// are derived from those of the identity.
package hostile
