package jose

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/cioidc/cioidc/internal/compact"
	"github.com/cioidc/cioidc/internal/strictjson"
)

// Key is a public key that verifies signatures of one algorithm.
type Key struct {
	Index     int    // its position in the set
	ID        string // its kid, empty if it has none
	Algorithm string
	Public    crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// Skipped is a key of a set that cannot be used.
type Skipped struct {
	Index  int    // its position in the set
	ID     string // its kid, if it has one
	Reason string // why, in words for a log
}

// maxKeys bounds what a key set can cost. Platforms publish fewer than ten keys.
const maxKeys = 1000

// ParseKeySet parses a JSON Web Key Set (RFC 7517 section 5). Keys that cannot
// verify a signature here are skipped one by one; a set of which nothing is
// left is for the caller to judge. The error tells of a text that is no key
// set at all, or one of more than 1,000 keys.
func ParseKeySet(data []byte) (keys []Key, skipped []Skipped, err error) {
	o, err := strictjson.Parse(string(data))
	if err != nil {
		return nil, nil, fmt.Errorf("not a JSON Web Key Set: %w", err)
	}
	list, ok := o.Lookup("keys")
	if !ok {
		return nil, nil, errors.New("not a JSON Web Key Set: it has no member keys")
	}
	elements, ok := strictjson.Elements(list)
	if !ok {
		return nil, nil, errors.New("not a JSON Web Key Set: its member keys is not an array")
	}
	if len(elements) > maxKeys {
		return nil, nil, fmt.Errorf("the JSON Web Key Set has %d keys, more than the %d that are read", len(elements), maxKeys)
	}
	for i, e := range elements {
		key, err := parseKey(e)
		key.Index = i
		if err != nil {
			skipped = append(skipped, Skipped{Index: i, ID: key.ID, Reason: err.Error()})
			continue
		}
		keys = append(keys, key)
	}
	return keys, skipped, nil
}

// parseKey parses a JWK. With an error, the key has at most its ID.
func parseKey(text string) (Key, error) {
	o, err := strictjson.Parse(text)
	if err != nil {
		return Key{}, errors.New("it is not an object")
	}
	member := func(name string) string {
		v, _ := o.Lookup(name)
		s, _ := strictjson.Unquote(v)
		return s
	}
	// Cloned, so that keeping a key does not keep the whole text of the set.
	key := Key{ID: strings.Clone(member("kid"))}
	if v, ok := o.Lookup("kid"); ok && (len(v) == 0 || v[0] != '"') {
		return key, errors.New("its kid is not a string")
	}
	if use, ok := o.Lookup("use"); ok && use != `"sig"` {
		return key, errors.New("its use is not sig")
	}
	if ops, ok := o.Lookup("key_ops"); ok && !hasElement(ops, "verify") {
		return key, errors.New("its key_ops do not have verify")
	}
	// A private key in a public place is not one to trust.
	for _, name := range []string{"d", "k"} {
		if _, ok := o.Lookup(name); ok {
			return key, errors.New("it is a private or symmetric key")
		}
	}
	want, numbers := "", []string(nil)
	kty, crv := member("kty"), member("crv")
	// What jwx gets to see is what was checked here, and nothing else.
	checked := map[string]string{"kty": kty, "crv": crv}
	switch {
	case kty == "RSA":
		want, numbers = RS256, []string{"n", "e"}
		delete(checked, "crv")
	case kty == "EC" && crv == "P-256":
		want, numbers = ES256, []string{"x", "y"}
	case kty == "OKP" && crv == "Ed25519":
		want, numbers = EdDSA, []string{"x"}
	default:
		return key, fmt.Errorf("its kty %.32q with crv %.32q is not supported", kty, crv)
	}
	if alg, ok := o.Lookup("alg"); ok && alg != `"`+want+`"` {
		return key, fmt.Errorf("its alg is not %s, the one accepted for its type", want)
	}
	whole := true
	for _, name := range numbers {
		s := member(name)
		n, err := compact.Decode(name, s)
		if s == "" || err != nil {
			return key, fmt.Errorf("its %s is missing or not canonical base64url", name)
		}
		// An exponent of more than 64 bits would lose those above.
		if name == "e" && len(n) > 4 {
			return key, errExponent
		}
		whole = whole && len(n) == 32
		checked[name] = s
	}
	public, err := parsePublic(checked)
	if err != nil {
		return key, err
	}
	if err := CheckNewKey(want, public); err != nil {
		return key, err
	}
	// RFC 7518 section 6.2.1.2: neither a zero less nor one more.
	if want == ES256 && !whole {
		return key, errors.New("its x or y is not of 32 bytes")
	}
	key.Algorithm, key.Public = want, public
	return key, nil
}

func hasElement(array, want string) bool {
	elements, _ := strictjson.Elements(array)
	for _, e := range elements {
		if s, ok := strictjson.Unquote(e); ok && s == want {
			return true
		}
	}
	return false
}

// parsePublic has jwx make the key. A panic on a hostile key must cost that key
// and not the process, so it is turned into an error.
func parsePublic(members map[string]string) (public crypto.PublicKey, err error) {
	defer func() {
		if recover() != nil {
			public, err = nil, errors.New("it could not be parsed")
		}
	}()
	text, err := json.Marshal(members)
	if err != nil {
		return nil, errors.New("it could not be parsed")
	}
	parsed, err := jwk.ParseKey(text)
	if err != nil {
		return nil, errors.New("it could not be parsed")
	}
	var raw any
	if err := parsed.Raw(&raw); err != nil {
		return nil, errors.New("it could not be parsed")
	}
	return raw, nil
}
