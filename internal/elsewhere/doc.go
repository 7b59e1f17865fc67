// Package elsewhere holds every exchange of this module to asking nobody but its
// own endpoint, above all when it explains a refusal. The whole package is tests.
// They are not in package cause, whose table they go through: all exchanges
// import that, and who uses one would have the sums of all in its go.sum.
package elsewhere
