package jose

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A coordinate that begins with a zero is written with it, and none with a zero
// that it does not have.
func TestCoordinatesHaveOneLength(t *testing.T) {
	text := base64.RawURLEncoding.EncodeToString
	for {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		point, err := key.PublicKey.Bytes()
		require.NoError(t, err)
		x, y := point[1:33], point[33:]
		if x[0] != 0 || x[1] == 0 {
			continue
		}
		for name, c := range map[string]struct {
			x, y []byte
			ok   bool
		}{
			"whole":        {x, y, true},
			"x without it": {x[1:], y, false},
			"x with two":   {append([]byte{0}, x...), y, false},
			"y with one":   {x, append([]byte{0}, y...), false},
		} {
			keys, skipped, err := ParseKeySet(rfcSet(ecJWK("P-256", text(c.x), text(c.y), "")))
			require.NoError(t, err)
			if c.ok {
				assert.Len(t, keys, 1, name)
				assert.Empty(t, skipped, name)
				continue
			}
			assert.Empty(t, keys, name)
			assert.Equal(t, []Skipped{{Reason: "its x or y is not of 32 bytes"}}, skipped, name)
		}
		return
	}
}
