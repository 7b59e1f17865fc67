//go:build linux

package interop

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
)

// plantedFault is a token with one thing wrong, and the first cause that is to
// be named for it.
type plantedFault struct {
	name, token string
	cause       string
	certain     bool
	// evidence is the cause's first; of times only the name is compared.
	evidence exchange.Evidence
	action   string // a part of the cause's
}

// named asserts that err names the fault, and returns it.
func (f *plantedFault) named(t *testing.T, err error) *exchange.Error {
	t.Helper()
	var refusal *exchange.Error
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, exchange.StageExchange, refusal.Stage)
	require.NotEmpty(t, refusal.Causes, "%v", refusal)
	first := refusal.Causes[0]
	require.Equal(t, f.cause, first.ID, "%+v", refusal)
	assert.Equal(t, f.certain, first.Certain)
	require.NotEmpty(t, first.Evidence)
	if f.evidence.Token == "" && f.evidence.Configured == "" {
		assert.Equal(t, f.evidence.Name, first.Evidence[0].Name)
		assert.NotEmpty(t, first.Evidence[0].Token)
	} else {
		assert.Equal(t, f.evidence, first.Evidence[0])
	}
	assert.Contains(t, first.Action, f.action)
	line := refusal.Error()
	assert.Contains(t, line, first.Summary, "the one line has the first cause")
	assert.NotContains(t, line, f.token[strings.LastIndexByte(f.token, '.')+1:])
	t.Log(line)
	return refusal
}
