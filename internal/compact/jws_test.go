package compact

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Five parts are an encrypted token if the header says so: one that is well
// formed and not accepted here. What merely has five parts is broken.
func TestSplitTellsEncryptedTokens(t *testing.T) {
	const detail = "more than three parts; encrypted tokens (JWE) are not accepted"
	for header, kind := range map[string]error{
		`{"alg":"RSA-OAEP","enc":"A256GCM"}`:                            ErrUnsupported,
		`{"alg":"dir","enc":"A128CBC-HS256","zip":"DEF"}`:               ErrUnsupported,
		`{"alg":"PBES2-HS256+A128KW","p2c":1000000000,"enc":"A128GCM"}`: ErrUnsupported,
		`{"alg":"RSA-OAEP"}`:                                            ErrMalformed,
		`{"enc":"A256GCM"}`:                                             ErrMalformed,
		`{"Alg":"RSA-OAEP","enc":"A256GCM"}`:                            ErrMalformed,
		`{"alg":"RSA-OAEP","enc":"A256GCM","enc":"A256GCM"}`:            ErrMalformed,
		`{"alg":"RSA-OAEP","enc":"` + strings.Repeat("x", 4<<10) + `"}`: ErrMalformed,
		`{"alg":"RS256"}`:                                               ErrMalformed,
		``:                                                              ErrMalformed,
	} {
		for _, rest := range []string{".a.b.c.d", "....", "..b.c.d"} {
			_, err := Split(b64(header) + rest)
			requireError(t, err, kind, detail)
		}
		for _, rest := range []string{".a.b.c", ".a.b.c.d.e", "...", "....."} {
			_, err := Split(b64(header) + rest)
			requireError(t, err, ErrMalformed, detail)
		}
	}
}

func TestSplitJWS(t *testing.T) {
	got, err := SplitJWS("ab..c")
	require.NoError(t, err)
	assert.Equal(t, Parts{Header: "ab", Signature: "c", SigningInput: "ab."}, got)
	_, err = Split("ab..c")
	requireError(t, err, ErrMalformed, "the payload is empty")
	// In all else they are one.
	for _, raw := range []string{"", "a.b", "a.b.c.d", ".b.c", "a.b.", "{}", strings.Repeat("a", MaxSize+1), "ab.cde.f"} {
		got, err := SplitJWS(raw)
		want, wantErr := Split(raw)
		assert.Equal(t, want, got)
		assert.Equal(t, wantErr, err)
	}
	_, err = SplitJWS("a..")
	requireError(t, err, ErrMalformed, "the signature is empty")
	_, err = SplitJWS(b64(`{"alg":"none"}`) + "..")
	requireError(t, err, ErrUnsupported, "alg is none; only signed tokens are accepted")
}

// A count of iterations is of use to whoever wants to keep the verifier busy.
func TestHeaderWithIterations(t *testing.T) {
	for _, value := range []string{`1000000000`, `0`, `null`} {
		_, err := ParseHeader(b64(`{"alg":"RS256","p2c":` + value + `}`))
		requireError(t, err, ErrUnsupported, "the header has a p2c member, which is not accepted")
	}
	_, err := ParseHeader(b64(`{"alg":"RS256","P2C":1}`))
	requireError(t, err, ErrMalformed, `the header's member "P2C" differs only by case from "p2c"`)
}

// Members that nothing here acts on are of their types all the same.
func TestHeaderMembersOfOtherTypes(t *testing.T) {
	for _, name := range []string{"nonce", "x5t", "x5t#S256"} {
		_, err := ParseHeader(b64(`{"alg":"RS256","` + name + `":"x"}`))
		require.NoError(t, err)
		for _, value := range []string{`null`, `1`, `true`, `[]`, `{}`, `["x"]`} {
			_, err := ParseHeader(b64(`{"alg":"RS256","` + name + `":` + value + `}`))
			requireError(t, err, ErrMalformed, "the header's "+name+" is not a string")
		}
	}
}
