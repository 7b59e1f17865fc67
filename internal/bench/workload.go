package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/cioidc/cioidc/internal/fakeissuer"
)

const (
	audience = "https://deploy.acme.example"
	// ringSize is how many different tokens each contestant verifies in turn,
	// so that none is measured remembering the last one.
	ringSize = 64
	// lifetime of the tokens: longer than any run, shorter than what any
	// contestant takes.
	lifetime = 12 * time.Hour
)

// workload is one kind of token to verify.
type workload struct {
	Name    string
	Issuer  *served
	Key     *rsa.PublicKey
	Project string // that a good token names
	Claims  int    // of a good token

	Good   []string // the ring
	Signed []signed // the ring, decoded for the references
	Bad    []badToken
}

// badToken is a token that every contestant must refuse as it is configured.
type badToken struct{ Name, Raw string }

// signed is a token taken apart.
type signed struct{ Whole, Input, Signature []byte }

// newWorkloads starts an issuer for each kind of token. Call closeAll after.
func newWorkloads() (all []*workload, err error) {
	defer func() {
		if err != nil {
			closeAll(all)
		}
	}()
	for _, kind := range []struct {
		name, platform string
		bits           int
	}{
		{"GitLab, RSA-2048", fakeissuer.GitLabPlatform, 2048},
		{"GitLab, RSA-4096", fakeissuer.GitLabPlatform, 4096},
		{"CircleCI, RSA-2048", fakeissuer.CircleCIPlatform, 2048},
	} {
		s, err := serve(kind.platform)
		if err != nil {
			return all, err
		}
		w := &workload{Name: kind.name, Issuer: s, Project: fakeissuer.GitLabProjectID}
		if kind.platform == fakeissuer.CircleCIPlatform {
			w.Project = fakeissuer.CircleCIProjectID
		}
		all = append(all, w)
		if err := w.fill(kind.bits); err != nil {
			return all, err
		}
	}
	return all, nil
}

func closeAll(all []*workload) {
	for _, w := range all {
		w.Issuer.close()
	}
}

// fill makes the tokens. The issuer's own keys have 2048 bits; for other sizes
// it gets one more key, and the tokens are signed anew with that one.
func (w *workload) fill(bits int) error {
	sign := func(raw string) (string, error) { return raw, nil }
	if bits == 2048 {
		key, ok := w.Issuer.PublicKey().(*rsa.PublicKey)
		if !ok || key.N.BitLen() != bits {
			return errors.New("bench: the issuer's key is not RSA of 2048 bits")
		}
		w.Key = key
	} else {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			return fmt.Errorf("bench: make key: %w", err)
		}
		w.Key = &key.PublicKey
		id := fmt.Sprintf("bench-rsa-%d", bits)
		w.Issuer.Publish(fmt.Sprintf(`{"kty":"RSA","use":"sig","alg":"RS256","kid":%q,"n":%q,"e":%q}`, id,
			encode(key.N.Bytes()), encode(big.NewInt(int64(key.E)).Bytes())))
		sign = func(raw string) (string, error) {
			header, payload, _, err := split(raw)
			if err != nil {
				return "", err
			}
			return fakeissuer.Compact(key, strings.Replace(header, w.Issuer.KeyID(), id, 1), payload)
		}
	}
	for n := range ringSize {
		raw, err := sign(jobToken(w.Issuer.Issuer, audience, func(c fakeissuer.Claims) { renumber(c, n) }))
		if err != nil {
			return err
		}
		_, payload, signature, err := split(raw)
		if err != nil {
			return err
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(payload), &members); err != nil {
			return fmt.Errorf("bench: payload: %w", err)
		}
		w.Claims = len(members)
		w.Good = append(w.Good, raw)
		w.Signed = append(w.Signed, signed{[]byte(raw), []byte(raw[:strings.LastIndexByte(raw, '.')]), signature})
	}
	return w.fillBad(sign)
}

func (w *workload) fillBad(sign func(string) (string, error)) error {
	issuer := w.Issuer.Issuer
	for name, raw := range map[string]string{
		"another audience": jobToken(issuer, "https://other.example"),
		"another issuer":   jobToken(issuer, audience, func(c fakeissuer.Claims) { c["iss"] = "https://issuer.example" }),
		"expired":          jobToken(issuer, audience, fakeissuer.Expired),
	} {
		raw, err := sign(raw)
		if err != nil {
			return err
		}
		w.Bad = append(w.Bad, badToken{name, raw})
	}
	tampered, err := tamper(w.Good[0], w.Project)
	if err != nil {
		return err
	}
	w.Bad = append(w.Bad, badToken{"tampered with", tampered})
	return nil
}

// jobToken returns a job's token. GitLab's has 35 claims: those of every job, and
// the user's groups and identities, which are an array and an array of objects.
func jobToken(i *fakeissuer.Issuer, audience string, edit ...func(fakeissuer.Claims)) string {
	if i.Platform() == fakeissuer.CircleCIPlatform {
		return i.CircleCI(audience, append([]func(fakeissuer.Claims){fakeissuer.Lifetime(lifetime)}, edit...)...)
	}
	return i.GitLab(audience, append([]func(fakeissuer.Claims){
		fakeissuer.Lifetime(lifetime),
		fakeissuer.GroupsDirect("acme", "acme/platform"),
		fakeissuer.UserIdentity("github", "4081236"),
	}, edit...)...)
}

// renumber makes the n-th token differ from the others: CircleCI's have
// nothing of their own otherwise.
func renumber(c fakeissuer.Claims, n int) {
	const name = "oidc.circleci.com/job-id"
	if id, ok := c[name].(string); ok {
		c[name] = fmt.Sprintf("%s%04x", id[:len(id)-4], n)
	}
}

// tamper changes the project in the payload and leaves the signature.
func tamper(raw, project string) (string, error) {
	header, payload, signature, err := split(raw)
	if err != nil {
		return "", err
	}
	other := strings.Repeat("9", len(project))
	changed := strings.Replace(payload, `"`+project+`"`, `"`+other+`"`, 1)
	if changed == payload {
		return "", errors.New("bench: the token does not name its project")
	}
	return encode([]byte(header)) + "." + encode([]byte(changed)) + "." + encode(signature), nil
}

// withKeyID returns raw with another key ID and everything else as it was.
func withKeyID(raw, id string) (string, error) {
	header, payload, signature, err := split(raw)
	if err != nil {
		return "", err
	}
	var h map[string]any
	if err := json.Unmarshal([]byte(header), &h); err != nil {
		return "", fmt.Errorf("bench: header: %w", err)
	}
	h["kid"] = id
	changed, err := json.Marshal(h)
	if err != nil {
		return "", fmt.Errorf("bench: header: %w", err)
	}
	return encode(changed) + "." + encode([]byte(payload)) + "." + encode(signature), nil
}

func split(raw string) (header, payload string, signature []byte, err error) {
	parts := bytes.Split([]byte(raw), []byte("."))
	if len(parts) != 3 {
		return "", "", nil, errors.New("bench: a token has three parts")
	}
	for n, part := range parts {
		if parts[n], err = base64.RawURLEncoding.DecodeString(string(part)); err != nil {
			return "", "", nil, fmt.Errorf("bench: part %d of a token: %w", n+1, err)
		}
	}
	return string(parts[0]), string(parts[1]), parts[2], nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
