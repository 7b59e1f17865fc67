package relyingparty

// Kind says which check a token failed.
type Kind int

// The kinds of refusal.
const (
	KindMalformed Kind = iota + 1 // not a JWT, or an algorithm that is not accepted
	KindKeys                      // the issuer's keys cannot be had, or none is the token's
	KindSignature                 // the key does not verify the signature
	KindExpired                   // exp is past
	KindNotYet                    // nbf or iat lies ahead; Claim says which
	KindClaim                     // Claim is missing or of the wrong type
)

// String returns the kind in words.
func (k Kind) String() string {
	switch k {
	case KindMalformed:
		return "malformed token"
	case KindKeys:
		return "no verification key"
	case KindSignature:
		return "wrong signature"
	case KindExpired:
		return "expired"
	case KindNotYet:
		return "not yet valid"
	case KindClaim:
		return "missing or invalid claim"
	}
	return "unknown refusal"
}

// Error reports why a token is refused. It never holds the token.
type Error struct {
	Kind  Kind
	Claim string // the claim concerned; empty if none is
	Err   error  // the cause; may be nil
}

func (e *Error) Error() string {
	s := "relyingparty: " + e.Kind.String()
	if e.Claim != "" {
		s += ": " + e.Claim
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
