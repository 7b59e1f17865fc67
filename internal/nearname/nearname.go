// Package nearname tells how far apart two names are, for errors that say which
// one may have been meant.
package nearname

import "math"

// longest is how long a name may be, in bytes: what is longer is no typing error,
// and the work grows with the product of both lengths.
const longest = 64

// Far is the distance of names that are not compared: more than any other.
const Far = math.MaxInt

// Distance returns how many bytes to insert, delete or replace to make b of a
// (the Levenshtein distance), or [Far] if one is longer than 64 bytes.
func Distance(a, b string) int {
	if len(a) > longest || len(b) > longest {
		return Far
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
