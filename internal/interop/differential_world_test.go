package interop

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"
	gojwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/fakeissuer"
	"github.com/cioidc/cioidc/oidc"
)

const (
	differentialAudience = "https://deploy.acme.example"
	differentialOrg      = fakeissuer.CircleCIOrganizationID
	differentialNow      = 1790000000
	differentialHeader   = `{"kid":"k","typ":"JWT","alg":"EdDSA"}`
)

// The primes of the key of RFC 7515 appendix A.2: known to everybody and the
// same for all time, so that a corpus stays of use.
const (
	differentialP = "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2" +
		"KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc"
	differentialQ = "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_" +
		"HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc"
)

// differential is two keys, and three verifiers that trust them: this module's,
// one on go-jose, and one on the standard library alone. A signature by the RSA
// key takes much longer than all else here, so most tokens have the other.
type differential struct {
	rsa  *rsa.PrivateKey
	ed   ed25519.PrivateKey
	ours *oidc.Verifier
}

func newDifferential(t testing.TB) *differential {
	t.Helper()
	prime := func(text string) *big.Int {
		b, err := base64.RawURLEncoding.DecodeString(text)
		require.NoError(t, err)
		return new(big.Int).SetBytes(b)
	}
	p, q, one, e := prime(differentialP), prime(differentialQ), big.NewInt(1), big.NewInt(65537)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	d := &differential{ed: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), rsa: &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537}, D: new(big.Int).ModInverse(e, phi), Primes: []*big.Int{p, q},
	}}
	d.rsa.Precompute()
	require.NoError(t, d.rsa.Validate())
	issuers := []oidc.Issuer{
		oidc.GitLab("https://gitlab.com"), oidc.CircleCI(differentialOrg), oidc.CircleCIRoot(differentialOrg),
		oidc.CircleCIServer("https://ci.example", differentialOrg), oidc.IssuerOf[claims.Registered]("https://x.example"),
	}
	for i := range issuers {
		issuers[i].Algorithms = []oidc.Algorithm{oidc.RS256, oidc.EdDSA}
		issuers[i].Keys = oidc.StaticKeySet{
			{ID: "k", Algorithm: oidc.RS256, Public: &d.rsa.PublicKey}, {ID: "k", Algorithm: oidc.EdDSA, Public: d.ed.Public()},
		}
	}
	var err error
	d.ours, err = oidc.NewVerifier(oidc.Config{
		Issuers: issuers, Audiences: []string{differentialAudience}, AllowForks: true, AllowSSHRerun: true,
		Now: func() time.Time { return time.Unix(differentialNow, 0) },
	})
	require.NoError(t, err)
	return d
}

// sign returns the token of this header and this payload, whatever they are, by
// the key that the header seems to name.
func (d *differential) sign(t testing.TB, header, payload string) string {
	t.Helper()
	var key crypto.Signer = d.ed
	if strings.Contains(header, "S256") {
		key = d.rsa
	}
	raw, err := fakeissuer.Compact(key, header, payload)
	require.NoError(t, err)
	return raw
}

// agree asserts that the other two accept what this module accepts, and read
// the same out of it. It reports whether there was something to agree on.
func (d *differential) agree(t testing.TB, raw string) bool {
	t.Helper()
	tok, err := d.ours.Verify(t.Context(), raw)
	if err != nil {
		require.Nil(t, tok)
		var (
			token  *oidc.TokenError
			denied *oidc.DeniedError
		)
		require.True(t, errors.As(err, &token) || errors.As(err, &denied), "%T", err)
		return false
	}
	byGoJOSE, err := d.goJOSE(raw)
	require.NoError(t, err, "go-jose: %q", raw)
	byStandard, payload, err := d.standard(raw)
	require.NoError(t, err, "standard library: %q", raw)
	require.Equal(t, payload, []byte(tok.Payload()))
	for reader, sent := range map[string]map[string]any{"go-jose": byGoJOSE, "standard library": byStandard} {
		require.Empty(t, differences(reflect.ValueOf(tok.Claims()).Elem(), sent), "%s: %s", reader, payload)
	}
	// A struct of the same type, as encoding/json fills it, case folding and all.
	again := reflect.New(reflect.TypeOf(tok.Claims()).Elem())
	require.NoError(t, json.Unmarshal(payload, again.Interface()))
	ours, err := json.Marshal(tok.Claims())
	require.NoError(t, err)
	theirs, err := json.Marshal(again.Interface())
	require.NoError(t, err)
	require.Equal(t, string(theirs), string(ours), "%s", payload)
	return true
}

// goJOSE verifies raw with go-jose and returns its claims.
func (d *differential) goJOSE(raw string) (map[string]any, error) {
	parsed, err := gojwt.ParseSigned(raw, []gojose.SignatureAlgorithm{gojose.RS256, gojose.EdDSA})
	if err != nil {
		return nil, err
	}
	if len(parsed.Headers) != 1 || parsed.Headers[0].KeyID != "k" {
		return nil, fmt.Errorf("headers %v", parsed.Headers)
	}
	var key crypto.PublicKey = d.ed.Public()
	if parsed.Headers[0].Algorithm == "RS256" {
		key = &d.rsa.PublicKey
	}
	var registered gojwt.Claims
	var all map[string]any
	if err := parsed.Claims(key, &registered, &all); err != nil {
		return nil, err
	}
	expected := gojwt.Expected{AnyAudience: gojwt.Audience{differentialAudience}, Time: time.Unix(differentialNow, 0)}
	if err := registered.ValidateWithLeeway(expected, 30*time.Second); err != nil {
		return nil, err
	}
	// Its own reading of what it validated counts, and not the map's.
	for name, value := range map[string]*gojwt.NumericDate{"exp": registered.Expiry, "nbf": registered.NotBefore, "iat": registered.IssuedAt} {
		if value != nil {
			all[name] = float64(*value)
		}
	}
	all["iss"], all["sub"] = registered.Issuer, registered.Subject
	return all, nil
}

// standard verifies raw with the standard library: as one would who reads RFC
// 7515 section 5.2 and writes it down.
func (d *differential) standard(raw string) (map[string]any, []byte, error) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil, nil, errors.New("not three parts")
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.DecodeString(part); err != nil {
			return nil, nil, err
		}
	}
	var header struct {
		Alg, Kid string
		Crit     []string
	}
	if err := json.Unmarshal(decoded[0], &header); err != nil {
		return nil, nil, err
	}
	if header.Kid != "k" || header.Crit != nil {
		return nil, nil, fmt.Errorf("header %+v", header)
	}
	input := []byte(parts[0] + "." + parts[1])
	switch header.Alg {
	case "RS256":
		digest := sha256.Sum256(input)
		if err := rsa.VerifyPKCS1v15(&d.rsa.PublicKey, crypto.SHA256, digest[:], decoded[2]); err != nil {
			return nil, nil, err
		}
	case "EdDSA":
		if !ed25519.Verify(d.ed.Public().(ed25519.PublicKey), input, decoded[2]) {
			return nil, nil, errors.New("wrong signature")
		}
	default:
		return nil, nil, fmt.Errorf("header %+v", header)
	}
	var all map[string]any
	if err := json.Unmarshal(decoded[1], &all); err != nil {
		return nil, nil, err
	}
	seconds := func(name string) float64 { n, _ := all[name].(float64); return n }
	switch {
	case seconds("exp") <= differentialNow-31: // Whole seconds of exp count here, not its fraction.
		return nil, nil, errors.New("expired")
	case seconds("nbf") >= differentialNow+31, seconds("iat") >= differentialNow+31, seconds("iat") == 0:
		return nil, nil, errors.New("not yet valid")
	}
	return all, decoded[1], nil
}

// differences compares the fields of a struct with the members of an object.
func differences(v reflect.Value, sent map[string]any) (found []string) {
	for _, f := range reflect.VisibleFields(v.Type()) {
		name := f.Tag.Get("json")
		if !f.IsExported() || f.Anonymous || name == "" {
			continue
		}
		ours := v.FieldByIndex(f.Index)
		if !same(ours, sent[name]) {
			found = append(found, fmt.Sprintf("%s: %v, not %v", name, ours.Interface(), sent[name]))
		}
	}
	return found
}

// same reports whether value, of any JSON type, is what ours was read from.
func same(ours reflect.Value, value any) bool {
	switch ours := ours.Interface().(type) {
	case claims.Bool:
		return ours.String() == map[any]string{nil: "absent", "": "absent", true: "true", "true": "true", false: "false", "false": "false"}[scalarOf(value)]
	case claims.NumericDate:
		n, _ := value.(float64)
		return int64(ours) == int64(n)
	case claims.ID:
		switch value := value.(type) {
		case nil:
			return ours == ""
		case string:
			return string(ours) == value
		case float64: // Digits beyond what it can hold are lost there, not here.
			n, ok := new(big.Float).SetString(string(ours))
			f, _ := n.Float64()
			return ok && f == value
		}
		return false
	case claims.Audience:
		if s, ok := value.(string); ok {
			return len(ours) == 1 && ours[0] == s
		}
	}
	switch ours.Kind() {
	case reflect.String:
		s, ok := value.(string)
		return ours.String() == s && (ok || value == nil)
	case reflect.Pointer:
		if value == nil || ours.IsNil() {
			return value == nil && ours.IsNil()
		}
		return same(ours.Elem(), value)
	case reflect.Struct:
		object, ok := value.(map[string]any)
		return (ok || value == nil) && len(differences(ours, object)) == 0
	case reflect.Slice:
		list, ok := value.([]any)
		if !ok && value != nil || len(list) != ours.Len() {
			return false
		}
		for i := range list {
			if !same(ours.Index(i), list[i]) {
				return false
			}
		}
		return true
	}
	return false
}

// scalarOf returns value if it can be the key of a map.
func scalarOf(value any) any {
	switch value.(type) {
	case nil, bool, string:
		return value
	}
	return errors.New("no scalar")
}
