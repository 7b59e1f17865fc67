// Package relyingparty verifies CI identity tokens for the fake clouds.
//
// It shares no code with package oidc on purpose: a fake cloud that judged
// tokens with the library under test would repeat the library's mistakes. It
// uses the standard library's cryptography and nothing else.
//
// A caller first reads the claims with [Unverified], decides whether it trusts
// the issuer they name, and only then calls [Party.Verify], which fetches that
// issuer's keys. Audience and subject are the caller's to compare: clouds
// differ there. Nothing is cached, so a rotated key is seen at once.
package relyingparty

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Party verifies tokens. Its zero value is usable.
type Party struct {
	// HTTPClient fetches discovery documents and keys. Nil means
	// [http.DefaultClient]. A fetch has 5 seconds.
	HTTPClient *http.Client
	// Now returns the current time. Nil means [time.Now].
	Now func() time.Time
	// Skew is how long after exp, and how long before nbf and iat, a token is
	// still accepted. Zero means none.
	Skew time.Duration
}

// Unverified returns the claims that raw makes, without any check of its
// signature. Its error is an *[Error] of [KindMalformed].
func Unverified(raw string) (map[string]any, error) {
	t, err := parse(raw)
	if err != nil {
		return nil, err
	}
	return t.claims, nil
}

// Verify returns the claims of raw after checking its form, its algorithm
// (RS256 or ES256), its signature by a key that its issuer publishes, and exp,
// nbf and iat. exp is required; iss must have been checked by the caller.
// Numbers are [json.Number]. Its error is an *[Error].
func (p *Party) Verify(ctx context.Context, raw string) (map[string]any, error) {
	t, err := parse(raw)
	if err != nil {
		return nil, err
	}
	iss, ok := t.claims["iss"].(string)
	if !ok || iss == "" {
		return nil, &Error{Kind: KindClaim, Claim: "iss"}
	}
	keys, err := p.keys(ctx, iss)
	if err != nil {
		return nil, &Error{Kind: KindKeys, Err: err}
	}
	key, err := t.key(keys)
	if err != nil {
		return nil, &Error{Kind: KindKeys, Err: err}
	}
	if err := t.verify(key); err != nil {
		return nil, err
	}
	if err := p.checkTimes(t.claims); err != nil {
		return nil, err
	}
	return t.claims, nil
}

func (p *Party) checkTimes(claims map[string]any) error {
	now := time.Now()
	if p.Now != nil {
		now = p.Now()
	}
	exp, ok, err := seconds(claims, "exp")
	switch {
	case err != nil:
		return err
	case !ok:
		return &Error{Kind: KindClaim, Claim: "exp"}
	case !now.Before(exp.Add(p.Skew)):
		return &Error{Kind: KindExpired, Claim: "exp"}
	}
	for _, name := range []string{"nbf", "iat"} {
		at, ok, err := seconds(claims, name)
		if err != nil {
			return err
		}
		if ok && now.Before(at.Add(-p.Skew)) {
			return &Error{Kind: KindNotYet, Claim: name}
		}
	}
	return nil
}

// seconds reads a time claim. Whole seconds only, as a number or in a string:
// both are accepted by clouds, fractions are not.
func seconds(claims map[string]any, name string) (time.Time, bool, error) {
	v, present := claims[name]
	if !present || v == nil {
		return time.Time{}, false, nil
	}
	var text string
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return time.Time{}, false, &Error{Kind: KindClaim, Claim: name, Err: errors.New("not whole seconds")}
	}
	return time.Unix(n, 0), true, nil
}

type token struct {
	alg, kid  string
	claims    map[string]any
	signed    string
	signature []byte
}

func parse(raw string) (*token, error) {
	malformed := func(why string) (*token, error) {
		return nil, &Error{Kind: KindMalformed, Err: errors.New(why)}
	}
	parts := strings.Split(raw, ".")
	if strings.ContainsAny(raw, "\r\n") { // encoding/base64 skips them, even when strict
		return malformed("line break in the token")
	}
	if len(parts) != 3 {
		return malformed("not three parts")
	}
	var header struct {
		Alg  string          `json:"alg"`
		Kid  string          `json:"kid"`
		Crit json.RawMessage `json:"crit"`
	}
	head, err := base64.RawURLEncoding.Strict().DecodeString(parts[0])
	if err != nil || json.Unmarshal(head, &header) != nil {
		return malformed("header is not base64url of a JSON object")
	}
	if header.Crit != nil {
		return malformed("header has crit")
	}
	if header.Alg != "RS256" && header.Alg != "ES256" {
		return malformed("alg is neither RS256 nor ES256")
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil {
		return malformed("payload is not base64url")
	}
	t := &token{alg: header.Alg, kid: header.Kid, signed: parts[0] + "." + parts[1]}
	dec := json.NewDecoder(bytes.NewReader(payload))
	dec.UseNumber()
	if err := dec.Decode(&t.claims); err != nil || t.claims == nil {
		return malformed("payload is not a JSON object")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return malformed("payload has trailing data")
	}
	if t.signature, err = base64.RawURLEncoding.Strict().DecodeString(parts[2]); err != nil {
		return malformed("signature is not base64url")
	}
	return t, nil
}

// key picks the token's key. A token without kid may only mean the one key of
// a set that has one.
func (t *token) key(keys []jwk) (crypto.PublicKey, error) {
	var found []crypto.PublicKey
	for _, k := range keys {
		if (t.kid == "" || k.Kid == t.kid) && k.Kid != "" && (k.Use == "" || k.Use == "sig") && (k.Alg == "" || k.Alg == t.alg) {
			if pub := k.public(); pub != nil {
				found = append(found, pub)
			}
		}
	}
	if len(found) != 1 {
		return nil, errors.New("the issuer publishes " + strconv.Itoa(len(found)) + " keys that fit the token's kid, not one")
	}
	return found[0], nil
}

func (t *token) verify(key crypto.PublicKey) error {
	sum := sha256.Sum256([]byte(t.signed))
	ok := false
	switch key := key.(type) {
	case *rsa.PublicKey:
		ok = t.alg == "RS256" && rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], t.signature) == nil
	case *ecdsa.PublicKey:
		if t.alg == "ES256" && len(t.signature) == 64 {
			r, s := new(big.Int).SetBytes(t.signature[:32]), new(big.Int).SetBytes(t.signature[32:])
			ok = ecdsa.Verify(key, sum[:], r, s)
		}
	}
	if !ok {
		return &Error{Kind: KindSignature}
	}
	return nil
}
