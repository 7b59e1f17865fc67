package fakegoogle

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"net/http"
	"strconv"
	"sync"
)

// googleKey is the owner of the key that signs ID tokens; a service account's
// email is the owner of the account's own.
const googleKey = ""

// keyring makes each owner's key on first use: most runs need none.
type keyring struct {
	mu   sync.Mutex
	keys map[string]*signingKey
}

type signingKey struct {
	id      string
	private *rsa.PrivateKey
}

func (k *keyring) key(owner string) (*signingKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key := k.keys[owner]; key != nil {
		return key, nil
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	if k.keys == nil {
		k.keys = map[string]*signingKey{}
	}
	sum := sha256.Sum256(private.N.Bytes())
	key := &signingKey{id: hex.EncodeToString(sum[:20]), private: private}
	k.keys[owner] = key
	return key, nil
}

func (k *signingKey) sign(data []byte) ([]byte, error) {
	sum := sha256.Sum256(data)
	return rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, sum[:])
}

func (k *signingKey) jwt(payload []byte) (string, error) {
	header, err := json.Marshal(map[string]string{"alg": "RS256", "kid": k.id, "typ": "JWT"})
	if err != nil {
		return "", err
	}
	input := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	signature, err := k.sign([]byte(input))
	if err != nil {
		return "", err
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// googleKeys is GET /oauth2/v3/certs.
func (s *Server) googleKeys(w http.ResponseWriter, r *http.Request) { s.writeKey(w, googleKey) }

// accountKeys is GET /service_accounts/v1/jwk/{email}.
func (s *Server) accountKeys(w http.ResponseWriter, r *http.Request) {
	email := unescape(r.PathValue("email"))
	if s.accounts[email] == nil {
		refuse(w, http.StatusNotFound, "NOT_FOUND", "Service account not found.")
		return
	}
	s.writeKey(w, email)
}

func (s *Server) writeKey(w http.ResponseWriter, owner string) {
	key, err := s.keys.key(owner)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "INTERNAL", err.Error())
		return
	}
	public := key.private.PublicKey
	writeJSON(w, http.StatusOK, map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": key.id,
		"n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
	}}})
}

// uniqueID is the number that stands for a service account in sub and azp.
func uniqueID(email string) string {
	sum := sha256.Sum256([]byte(email))
	return "1" + strconv.FormatUint(binary.BigEndian.Uint64(sum[:]), 10)
}
