package compact

import (
	"strings"

	"github.com/cioidc/cioidc/internal/strictjson"
)

// Header holds the members of a protected header that a verifier acts on.
type Header struct {
	Algorithm string
	KeyID     string // empty if absent
}

// refused are header members that change how a token is read, where its key
// comes from, or how much work it makes. No CI platform sends one, and honouring
// any of them would let the sender choose what the verifier trusts (RFC 8725
// sections 3.10 and 3.1). Absence is the only safe value, whatever the member
// says.
var refused = [...]string{"crit", "b64", "zip", "jku", "x5u", "jwk", "x5c", "enc", "p2c", "cty"}

// parseObject decodes the header part of a token.
func parseObject(part string) (*strictjson.Object, error) {
	if len(part) > maxHeaderSize {
		return nil, malformed("the header has %d bytes, more than the %d that are accepted", len(part), maxHeaderSize)
	}
	data, err := Decode("header", part)
	if err != nil {
		return nil, err
	}
	o, err := strictjson.Parse(string(data))
	if err != nil {
		return nil, malformed("the header: %v", err)
	}
	return o, nil
}

// encrypted reports whether part is the header of an encrypted token: one with
// alg and enc (RFC 7516 sections 4.1.1 and 4.1.2).
func encrypted(part string) bool {
	o, err := parseObject(part)
	if err != nil {
		return false
	}
	_, alg := o.Lookup("alg")
	_, enc := o.Lookup("enc")
	return alg && enc
}

// ParseHeader decodes and checks the header part of a token.
func ParseHeader(part string) (Header, error) {
	o, err := parseObject(part)
	if err != nil {
		return Header{}, err
	}
	var h Header
	for _, m := range o.Members() {
		switch m.Name {
		case "alg":
			s, ok := strictjson.Unquote(m.Value)
			if !ok || s == "" {
				return Header{}, malformed("the header's alg is not a string")
			}
			h.Algorithm = s
		case "kid":
			s, ok := strictjson.Unquote(m.Value)
			if !ok {
				return Header{}, malformed("the header's kid is not a string")
			}
			h.KeyID = s
		default:
			// A name that differs from a known one only by case is read as that
			// one by some and as unknown by others.
			switch f := strictjson.Fold(m.Name); {
			case f != m.Name && known(f):
				return Header{}, malformed("the header's member %.64q differs only by case from %q", m.Name, f)
			case m.Name == "nonce" || m.Name == "x5t" || m.Name == "x5t#S256":
				// Not acted on here, but others refuse what is not of its type.
				if _, ok := strictjson.Unquote(m.Value); !ok {
					return Header{}, malformed("the header's %s is not a string", m.Name)
				}
			case m.Name == "typ":
				s, ok := strictjson.Unquote(m.Value)
				if !ok {
					return Header{}, malformed("the header's typ is not a string")
				}
				// RFC 7519 section 5.1: a media type, so case does not matter.
				if !strings.EqualFold(s, "JWT") {
					return Header{}, unsupported("typ is %.64q; only JWT, or none, is accepted", s)
				}
			}
		}
	}
	if h.Algorithm == "" {
		return Header{}, malformed("the header has no alg")
	}
	for _, name := range refused {
		if _, ok := o.Lookup(name); ok {
			return Header{}, unsupported("the header has a %s member, which is not accepted", name)
		}
	}
	return h, nil
}

func known(name string) bool {
	switch name {
	case "alg", "kid", "typ":
		return true
	}
	for _, r := range refused {
		if r == name {
			return true
		}
	}
	return false
}
