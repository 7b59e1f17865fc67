// Package policy decides what the job that a verified token speaks for may do,
// and says why.
package policy
