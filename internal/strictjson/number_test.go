package strictjson

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Numbers that no double can hold are read in more ways than one. Those that
// lose digits, or become zero, are no matter of structure.
func TestNumbersTooLarge(t *testing.T) {
	nines := strings.Repeat("9", 308)
	for _, number := range []string{
		"1e308", "-1E+308", "1.7976931348623157e308", "1e-400", "0e999999999", "-0.0e+999", nines, "-" + nines, nines + "." + nines,
		"0." + strings.Repeat("0", 400) + "1", "1" + strings.Repeat("0", 308), "123456789012345678901234567890",
	} {
		o, err := Parse(`{"x":` + number + `}`)
		require.NoError(t, err, number)
		value, _ := o.Lookup("x")
		assert.Equal(t, number, value)
	}
	for _, number := range []string{
		"1e309", "-1E+309", "1.7976931348623159e308", "1e999999999999999999999", "9" + nines, "-9" + nines, "1" + strings.Repeat("0", 309), nines + "9.5",
	} {
		for text, at := range map[string]int{`{"x":` + number + `}`: 5, `{"x":[` + number + `]}`: 6, `{"x":{"y":` + number + `}}`: 10} {
			_, err := Parse(text)
			var e *SyntaxError
			require.ErrorAs(t, err, &e, number)
			assert.Equal(t, SyntaxError{Offset: at, Problem: "number too large"}, *e)
		}
	}
}
