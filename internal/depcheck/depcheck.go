// Package depcheck holds the rules of what each package of this module may
// link. Its test is the whole of it: programs that import a small package must
// not carry the SDKs of the large ones, and the trust in each dependency must
// stay where it was placed.
package depcheck
