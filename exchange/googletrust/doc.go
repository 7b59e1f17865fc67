// Package googletrust reads the providers of Google Cloud's workload identity
// pools and the role bindings of their members.
package googletrust
