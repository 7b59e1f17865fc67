package nearname

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDistance(t *testing.T) {
	for pair, want := range map[[2]string]int{
		{"", ""}: 0, {"ref", "ref"}: 0, {"ref", ""}: 3, {"", "ref"}: 3, {"ref", "rf"}: 1, {"ref", "reff"}: 1, {"ref", "raf"}: 1,
		{"ruels", "rules"}: 2, {"kitten", "sitting"}: 3,
		{strings.Repeat("a", 64), strings.Repeat("a", 64)}: 0,
		{strings.Repeat("a", 65), "a"}:                     Far,
		{"a", strings.Repeat("a", 65)}:                     Far,
	} {
		assert.Equal(t, want, Distance(pair[0], pair[1]), pair)
	}
}
