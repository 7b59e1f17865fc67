package impersonate_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/googlests/impersonate"
	"github.com/cioidc/cioidc/internal/fakecloud/fakegoogle"
)

// signers lets the jobs sign as the deployer.
func signers(c *fakegoogle.Config) { c.ServiceAccounts[0].TokenCreators = c.ServiceAccounts[0].Users }

func TestSignaturesVerifyWithThePublishedKey(t *testing.T) {
	w := newWorld(t, signers)
	for _, platform := range []string{"gitlab", "circleci"} {
		cfg := impersonate.Config{ServiceAccount: deployer, Base: w.base(t, platform), HTTPClient: w.cloud.Client()}

		claims := `{"iss":"0oa1","sub":"0oa1","exp":` + strconv.FormatInt(time.Now().Add(5*time.Minute).Unix(), 10) + `}`
		keyID, signed, err := impersonate.SignJWT(t.Context(), cfg, []byte(claims))
		require.NoError(t, err)
		part := strings.Split(signed, ".")
		require.Len(t, part, 3)
		assert.JSONEq(t, `{"alg":"RS256","typ":"JWT","kid":"`+keyID+`"}`, string(decode(t, part[0])))
		assert.JSONEq(t, claims, string(decode(t, part[1])))
		key := w.key(t, deployer, keyID)
		assert.NoError(t, verify(key, []byte(part[0]+"."+part[1]), decode(t, part[2])))
		assert.Error(t, verify(key, []byte(part[0]+"."+part[1]+"x"), decode(t, part[2])))

		keyID, signature, err := impersonate.SignBlob(t.Context(), cfg, []byte("PUT\n\n/releases/app.txt"))
		require.NoError(t, err)
		assert.NoError(t, verify(w.key(t, deployer, keyID), []byte("PUT\n\n/releases/app.txt"), signature))
	}
	assert.Equal(t, 2, w.cloud.Requests(fakegoogle.SignJWT))
	assert.Equal(t, 2, w.cloud.Requests(fakegoogle.SignBlob))
	assert.Zero(t, w.cloud.Requests(fakegoogle.GenerateAccessToken), "the job's own credentials sign")
}

func TestSigningThroughDelegates(t *testing.T) {
	w := newWorld(t)
	cfg := w.config(t)
	cfg.ServiceAccount, cfg.Delegates = stranger, []string{relay}
	_, _, err := impersonate.SignBlob(t.Context(), cfg, []byte("x"))
	require.NoError(t, err)
	_, _, err = impersonate.SignJWT(t.Context(), cfg, []byte(`{}`))
	require.NoError(t, err)
}

func TestSigningNeedsItsOwnRole(t *testing.T) {
	w := newWorld(t)
	cfg := w.config(t)
	for permission, err := range map[string]error{"signJwt": signJWT(t, cfg), "signBlob": signBlob(t, cfg)} {
		var failed *exchange.Error
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, exchange.StageImpersonate, failed.Stage)
		assert.Equal(t, http.StatusForbidden, failed.StatusCode)
		assert.Equal(t, "Permission 'iam.serviceAccounts."+permission+"' denied on resource (or it may not exist).", failed.Description)
		require.Len(t, failed.Causes, 2)
		assert.Equal(t, "google-impersonation", failed.Causes[0].ID)
		assert.Contains(t, failed.Causes[0].Action, "grant roles/iam.serviceAccountTokenCreator on it")
		assert.Contains(t, failed.Causes[0].Summary, "sign as it")
	}
	assert.Equal(t, 1, w.cloud.Requests(fakegoogle.SignJWT), "a refusal is not repeated")
	assert.Equal(t, 1, w.cloud.Requests(fakegoogle.SignBlob), "a refusal is not repeated")
}

func TestWhatCannotBeSignedIsNotSent(t *testing.T) {
	w := newWorld(t, signers)
	good := w.config(t)
	bad := good
	bad.ServiceAccount = "projects/-/serviceAccounts/" + deployer
	for name, tt := range map[string]struct {
		call           func() (string, error)
		field, problem string
	}{
		"a wrong configuration": {func() (string, error) {
			_, signed, err := impersonate.SignJWT(t.Context(), bad, []byte(`{}`))
			return signed, err
		}, "ServiceAccount", "it is a resource name"},
		"a blob of a wrong configuration": {func() (string, error) {
			_, s, err := impersonate.SignBlob(t.Context(), bad, []byte("x"))
			return string(s), err
		}, "ServiceAccount", "it is a resource name"},
		"no claims": {func() (string, error) {
			_, signed, err := impersonate.SignJWT(t.Context(), good, nil)
			return signed, err
		}, "claims", "they must be one JSON object"},
		"a list": {func() (string, error) {
			_, signed, err := impersonate.SignJWT(t.Context(), good, []byte(`[1]`))
			return signed, err
		}, "claims", "they must be one JSON object"},
		"a claim twice": {func() (string, error) {
			_, signed, err := impersonate.SignJWT(t.Context(), good, []byte(`{"aud":"a","aud":"b"}`))
			return signed, err
		}, "claims", "they must be one JSON object"},
		"an empty blob": {func() (string, error) {
			_, s, err := impersonate.SignBlob(t.Context(), good, nil)
			return string(s), err
		}, "payload", "it is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			signed, err := tt.call()
			var wrong *exchange.ConfigError
			require.ErrorAs(t, err, &wrong)
			assert.Equal(t, "impersonate", wrong.Package)
			assert.Equal(t, tt.field, wrong.Field)
			assert.Contains(t, wrong.Problem, tt.problem)
			assert.Empty(t, signed)
		})
	}
	assert.Zero(t, w.cloud.Requests(fakegoogle.Token)+w.cloud.Requests(fakegoogle.SignJWT)+w.cloud.Requests(fakegoogle.SignBlob))
}

func TestSigningIsRepeatedLikeAnyRequest(t *testing.T) {
	for endpoint, sign := range map[fakegoogle.Endpoint]func(*testing.T, impersonate.Config) error{
		fakegoogle.SignJWT:  signJWT,
		fakegoogle.SignBlob: signBlob,
	} {
		for status, requests := range map[int]int{http.StatusTooManyRequests: 3, http.StatusServiceUnavailable: 3, http.StatusBadRequest: 1, http.StatusNotFound: 1} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, signers)
				cfg := w.config(t)
				w.cloud.Misbehave(answering(endpoint, status, nil, `{"error":{"code":1,"message":"No.","status":"X"}}`))
				var failed *exchange.Error
				require.ErrorAs(t, sign(t, cfg), &failed)
				assert.Equal(t, status, failed.StatusCode)
				assert.Equal(t, requests, w.cloud.Requests(endpoint))
			})
		}
	}
}

func TestUnusableSignatureIsRefused(t *testing.T) {
	for name, body := range map[string]string{
		"nothing":   `{}`,
		"no key ID": `{"signedJwt":"eyJhbGciOiJSUzI1NiJ9.e30.AAAA","signedBlob":"AAAA"}`,
		"no JWT":    `{"keyId":"k","signedJwt":"eyJhbGciOiJSUzI1NiJ9.e30","signedBlob":""}`,
	} {
		for endpoint, sign := range map[fakegoogle.Endpoint]func(*testing.T, impersonate.Config) error{
			fakegoogle.SignJWT:  signJWT,
			fakegoogle.SignBlob: signBlob,
		} {
			t.Run(name+" "+string(endpoint), func(t *testing.T) {
				w := newWorld(t, signers)
				w.cloud.Misbehave(answering(endpoint, http.StatusOK, nil, body))
				var failed *exchange.Error
				require.ErrorAs(t, sign(t, w.config(t)), &failed)
				assert.Equal(t, exchange.StageImpersonate, failed.Stage)
				assert.ErrorContains(t, failed, "or no ID of its key")
				assert.Equal(t, 1, w.cloud.Requests(endpoint))
			})
		}
	}
}

func signJWT(t *testing.T, cfg impersonate.Config) error {
	t.Helper()
	keyID, signed, err := impersonate.SignJWT(t.Context(), cfg, []byte(`{"sub":"x"}`))
	if err != nil {
		assert.Empty(t, keyID+signed)
	}
	return err
}

func signBlob(t *testing.T, cfg impersonate.Config) error {
	t.Helper()
	keyID, signature, err := impersonate.SignBlob(t.Context(), cfg, []byte("x"))
	if err != nil {
		assert.Empty(t, keyID+string(signature))
	}
	return err
}

func decode(t *testing.T, part string) []byte {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(part)
	require.NoError(t, err)
	return data
}

func verify(key *rsa.PublicKey, data, signature []byte) error {
	sum := sha256.Sum256(data)
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
}

// key returns the public key of the account, as Google publishes it.
func (w *world) key(t *testing.T, email, keyID string) *rsa.PublicKey {
	t.Helper()
	resp, err := w.cloud.Client().Get("https://www.googleapis.com/service_accounts/v1/jwk/" + email)
	require.NoError(t, err)
	defer resp.Body.Close()
	var set struct {
		Keys []struct{ Kid, N, E string }
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&set))
	for _, k := range set.Keys {
		if k.Kid == keyID {
			return &rsa.PublicKey{N: new(big.Int).SetBytes(decode(t, k.N)), E: int(new(big.Int).SetBytes(decode(t, k.E)).Int64())}
		}
	}
	require.Fail(t, "no such key", keyID)
	return nil
}
