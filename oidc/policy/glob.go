package policy

// maxGlob bounds a pattern, so that matching needs no memory of its own.
const maxGlob = 255

// glob reports whether pattern matches all of s: * is any text without / and :,
// ** is any text, every other byte is itself. Its time is bounded by the product
// of the lengths, whatever they hold. With fold the pattern is lower already.
func glob(pattern, s string, fold bool) bool {
	// at[i] says that pattern[:i] has matched what was read of s.
	var at [maxGlob + 1]bool
	n := len(pattern)
	if n > maxGlob {
		return false
	}
	at[0] = true
	for i := 0; i < n && pattern[i] == '*'; i++ { // stars match nothing as well
		at[i+1] = true
	}
	for j := range len(s) {
		c := s[j]
		if fold && 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		prev := at
		at = [maxGlob + 1]bool{}
		for i := range n {
			if pattern[i] != '*' {
				at[i+1] = prev[i] && pattern[i] == c
				continue
			}
			double := i > 0 && pattern[i-1] == '*' || i+1 < n && pattern[i+1] == '*'
			// A star takes c, or nothing at all.
			at[i+1] = at[i] || (prev[i] || prev[i+1]) && (double || c != '/' && c != ':')
		}
	}
	return at[n]
}
