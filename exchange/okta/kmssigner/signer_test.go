package kmssigner_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/exchange"
	"github.com/cioidc/cioidc/exchange/awssts"
	"github.com/cioidc/cioidc/exchange/okta/kmssigner"
	"github.com/cioidc/cioidc/internal/fakecloud/fakeaws"
	"github.com/cioidc/cioidc/internal/fakeissuer"
	"github.com/cioidc/cioidc/internal/jose"
)

func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return time.Millisecond, nil })
	})
}

// The signature is checked with the key in the form that goes to Okta.
func TestSignaturesVerifyWithThePublicJWK(t *testing.T) {
	for algorithm, tt := range map[string]struct {
		kms    *fakeKMS
		public any
		alg    string
	}{
		"":              {rsaKMS(), rsaKey().Public(), "RS256"},
		kmssigner.RS256: {rsaKMS(), rsaKey().Public(), "RS256"},
		kmssigner.ES256: {ecKMS(), ecKey().Public(), "ES256"},
	} {
		t.Run(algorithm, func(t *testing.T) {
			s, err := kmssigner.New(kmssigner.Config{Client: tt.kms.client(nil), Key: "alias/okta", KeyID: "deploy-2026", Algorithm: algorithm})
			require.NoError(t, err)
			raw, err := kmssigner.PublicJWK(publicDER(t, tt.public), "deploy-2026")
			require.NoError(t, err)
			keys, skipped, err := jose.ParseKeySet([]byte(`{"keys":[` + string(raw) + `]}`))
			require.NoError(t, err)
			require.Empty(t, skipped)
			require.Len(t, keys, 1)
			assert.Equal(t, "deploy-2026", keys[0].ID)
			assert.Equal(t, tt.alg, keys[0].Algorithm)
			assert.True(t, keys[0].Public.(interface{ Equal(crypto.PublicKey) bool }).Equal(tt.public))

			// Of a key on a curve every 128th signature has a number that is
			// shorter than the others.
			rounds := 2
			if tt.alg == kmssigner.ES256 {
				rounds = 500
			}
			for range rounds {
				want := claims()
				signed, err := s.SignJWT(t.Context(), want)
				require.NoError(t, err)
				got, err := jose.VerifyCompact(signed, []byte(`{"keys":[`+string(raw)+`]}`))
				require.NoError(t, err)
				require.Equal(t, string(want), string(got))
			}
			in := tt.kms.requests[0]
			assert.Equal(t, "TrentService.Sign", in["target"])
			assert.Equal(t, "kms.eu-west-1.amazonaws.com", in["host"])
			assert.Equal(t, "alias/okta", in["KeyId"])
			assert.Equal(t, "DIGEST", in["MessageType"])
			assert.Equal(t, tt.kms.spec, in["SigningAlgorithm"])
			assert.Equal(t, rounds, tt.kms.count())
		})
	}
}

func TestTheDigestIsThatOfTheSigningInput(t *testing.T) {
	f := rsaKMS()
	s, err := kmssigner.New(kmssigner.Config{Client: f.client(nil), Key: keyARN, KeyID: "deploy-2026"})
	require.NoError(t, err)
	signed, err := s.SignJWT(t.Context(), claims())
	require.NoError(t, err)
	header, err := base64.RawURLEncoding.DecodeString(strings.Split(signed, ".")[0])
	require.NoError(t, err)
	assert.JSONEq(t, `{"alg":"RS256","kid":"deploy-2026","typ":"JWT"}`, string(header))
	digest := sha256.Sum256([]byte(signed[:strings.LastIndexByte(signed, '.')]))
	assert.Equal(t, base64.StdEncoding.EncodeToString(digest[:]), f.requests[0]["Message"])
}

// Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html.
func TestRefusalsAreExplained(t *testing.T) {
	tests := map[string]struct {
		status   int
		body     string
		code     string
		cause    string
		requests int
	}{
		"no permission": {400, `{"__type":"AccessDeniedException","Message":"User: arn:aws:sts::123456789012:assumed-role/ci/deploy is not authorized to perform: kms:Sign on resource: ` + keyARN + `"}`, "AccessDeniedException", "kms-permission", 1},
		"no key":        {400, `{"__type":"NotFoundException","message":"Alias arn:aws:kms:eu-west-1:123456789012:alias/okta is not found."}`, "NotFoundException", "kms-key", 1},
		"disabled":      {400, `{"__type":"DisabledException","message":"` + keyARN + ` is disabled."}`, "DisabledException", "kms-key-state", 1},
		"deleted":       {400, `{"__type":"KMSInvalidStateException","message":"` + keyARN + ` is pending deletion."}`, "KMSInvalidStateException", "kms-key-state", 1},
		"encryption":    {400, `{"__type":"InvalidKeyUsageException","message":"` + keyARN + ` key usage is ENCRYPT_DECRYPT which is not valid for Sign."}`, "InvalidKeyUsageException", "kms-key-usage", 1},
		"unknown":       {400, `{"__type":"ValidationException","message":"1 validation error detected"}`, "ValidationException", "", 1},
		"throttled":     {400, `{"__type":"ThrottlingException","message":"You have exceeded the rate at which you may call KMS."}`, "ThrottlingException", "", 3},
		"broken":        {500, `{"__type":"KMSInternalException","message":"internal"}`, "KMSInternalException", "", 3},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := rsaKMS()
			f.answer = func(int) (int, string) { return tt.status, tt.body }
			failed := refused(t, f.client(nil))
			assert.Equal(t, "aws", failed.Service)
			assert.Equal(t, exchange.StageSign, failed.Stage)
			assert.Equal(t, tt.status, failed.StatusCode)
			assert.Equal(t, tt.code, failed.Code)
			assert.Equal(t, "req-0001", failed.RequestID)
			assert.NotEmpty(t, failed.Description)
			assert.ErrorContains(t, failed, "exchange: aws: client assertion not signed")
			assert.Equal(t, tt.requests, f.count(), "the requests of the SDK's retryer")
			assert.Equal(t, tt.requests > 1, failed.Retryable())
			if tt.cause == "" {
				assert.Empty(t, failed.Causes)
				return
			}
			require.Len(t, failed.Causes, 1)
			assert.Equal(t, tt.cause, failed.Causes[0].ID)
			assert.Equal(t, exchange.Evidence{Name: "key", Configured: keyARN}, failed.Causes[0].Evidence[0])
		})
	}
}

func TestAKeyOfAnotherKindIsExplained(t *testing.T) {
	f := ecKMS() // and RS256 is asked for
	failed := refused(t, f.client(nil))
	require.Len(t, failed.Causes, 1)
	assert.Equal(t, "kms-key-usage", failed.Causes[0].ID)
	assert.Contains(t, failed.Causes[0].Evidence, exchange.Evidence{Name: "algorithm", Configured: "RS256"})
}

func TestWhatDoesNotReachKMS(t *testing.T) {
	t.Run("cut", func(t *testing.T) {
		f := rsaKMS()
		f.answer = func(int) (int, string) { return 0, "" }
		failed := refused(t, f.client(nil))
		assert.ErrorIs(t, failed, io.ErrUnexpectedEOF)
		assert.True(t, failed.Retryable())
		assert.Equal(t, 3, f.count())
	})
	t.Run("the context ended", func(t *testing.T) {
		f := rsaKMS()
		s, err := kmssigner.New(kmssigner.Config{Client: f.client(nil), Key: keyARN, KeyID: "k"})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = s.SignJWT(ctx, claims())
		var failed *exchange.Error
		require.ErrorAs(t, err, &failed)
		assert.ErrorIs(t, failed, context.Canceled)
		assert.Zero(t, f.count())
	})
	t.Run("no credentials", func(t *testing.T) {
		own := &exchange.Error{Service: "aws", Stage: exchange.StageExchange, StatusCode: http.StatusForbidden, Code: "AccessDenied"}
		f := rsaKMS()
		failed := refused(t, f.client(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, own })))
		assert.Same(t, own, failed)
		assert.Zero(t, f.count())
	})
	t.Run("claims that are none", func(t *testing.T) {
		for _, bad := range []string{"", "null", "[]", `"x"`, `{"a":1`} {
			f := rsaKMS()
			s, err := kmssigner.New(kmssigner.Config{Client: f.client(nil), Key: keyARN, KeyID: "k"})
			require.NoError(t, err)
			_, err = s.SignJWT(t.Context(), []byte(bad))
			assert.ErrorContains(t, err, "the claims are not a JSON object", bad)
			assert.Zero(t, f.count())
		}
	})
}

type clientFunc func() (*kms.SignOutput, error)

func (f clientFunc) Sign(context.Context, *kms.SignInput, ...func(*kms.Options)) (*kms.SignOutput, error) {
	return f()
}

func TestUnusableSignaturesAreRefused(t *testing.T) {
	der := must(base64.StdEncoding.DecodeString("MAYCAQECAQI=")) // r 1, s 2
	for name, tt := range map[string]struct {
		algorithm string
		out       *kms.SignOutput
		words     string
	}{
		"no answer":        {kmssigner.RS256, nil, "has no signature"},
		"nothing":          {kmssigner.RS256, &kms.SignOutput{}, "has no signature"},
		"DER for RSA":      {kmssigner.RS256, &kms.SignOutput{Signature: der}, "not one of an RSA key"},
		"RSA for a curve":  {kmssigner.ES256, &kms.SignOutput{Signature: make([]byte, 256)}, "not one of a key on curve P-256"},
		"bytes behind it":  {kmssigner.ES256, &kms.SignOutput{Signature: append(der[:len(der):len(der)], 0)}, "not one of a key on curve P-256"},
		"zero":             {kmssigner.ES256, &kms.SignOutput{Signature: []byte{0x30, 6, 2, 1, 0, 2, 1, 2}}, "not one of a key on curve P-256"},
		"negative":         {kmssigner.ES256, &kms.SignOutput{Signature: []byte{0x30, 6, 2, 1, 0x81, 2, 1, 2}}, "not one of a key on curve P-256"},
		"a key on a wider": {kmssigner.ES256, &kms.SignOutput{Signature: wide()}, "not one of a key on curve P-256"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := kmssigner.New(kmssigner.Config{Client: clientFunc(func() (*kms.SignOutput, error) { return tt.out, nil }), Key: keyARN, KeyID: "k", Algorithm: tt.algorithm})
			require.NoError(t, err)
			signed, err := s.SignJWT(t.Context(), claims())
			assert.Empty(t, signed)
			var failed *exchange.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, exchange.StageSign, failed.Stage)
			assert.ErrorContains(t, failed, tt.words)
		})
	}
}

// wide is a signature of a key on curve P-384.
func wide() []byte {
	digest := sha256.Sum256(nil)
	return must(must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)).Sign(rand.Reader, digest[:], nil))
}

func TestConfigIsRefused(t *testing.T) {
	good := kmssigner.Config{Client: rsaKMS().client(nil), Key: keyARN, KeyID: "k"}
	for name, tt := range map[string]struct {
		edit           func(*kmssigner.Config)
		field, problem string
	}{
		"no client":     {func(c *kmssigner.Config) { c.Client = nil }, "Client", "kms.NewFromConfig"},
		"a nil client":  {func(c *kmssigner.Config) { c.Client = (*kms.Client)(nil) }, "Client", "kms.NewFromConfig"},
		"no key":        {func(c *kmssigner.Config) { c.Key = "" }, "Key", "it is required"},
		"a private key": {func(c *kmssigner.Config) { c.Key = "-----BEGIN PRIVATE KEY-----\nabc" }, "Key", "the key stays in KMS"},
		"a space":       {func(c *kmssigner.Config) { c.Key = "alias/my key" }, "Key", "it is not a KMS key"},
		"no kid":        {func(c *kmssigner.Config) { c.KeyID = "" }, "KeyID", "it is required"},
		"PS256":         {func(c *kmssigner.Config) { c.Algorithm = "PS256" }, "Algorithm", "must be RS256"},
		"none":          {func(c *kmssigner.Config) { c.Algorithm = "none" }, "Algorithm", "must be RS256"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			tt.edit(&cfg)
			_, err := kmssigner.New(cfg)
			var bad *exchange.ConfigError
			require.ErrorAs(t, err, &bad)
			assert.Equal(t, "kmssigner", bad.Package)
			assert.Equal(t, tt.field, bad.Field)
			assert.Contains(t, bad.Problem, tt.problem)
		})
	}
}

func TestPublicKeysOfOtherKindsAreRefused(t *testing.T) {
	other := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	for name, der := range map[string][]byte{
		"P-384":  publicDER(t, other.Public()),
		"base64": []byte(base64.StdEncoding.EncodeToString(publicDER(t, rsaKey().Public()))),
		"none":   nil,
	} {
		_, err := kmssigner.PublicJWK(der, "k")
		var bad *exchange.ConfigError
		require.ErrorAs(t, err, &bad, name)
		assert.Equal(t, "publicKey", bad.Field)
	}
	_, err := kmssigner.PublicJWK(publicDER(t, rsaKey().Public()), "")
	var bad *exchange.ConfigError
	require.ErrorAs(t, err, &bad)
	assert.Equal(t, "keyID", bad.Field)
}

// refused signs with RS256, which must fail, and scans the error for what the
// request held.
func refused(t *testing.T, client kmssigner.Client) *exchange.Error {
	t.Helper()
	s, err := kmssigner.New(kmssigner.Config{Client: client, Key: keyARN, KeyID: "deploy-2026"})
	require.NoError(t, err)
	signed, err := s.SignJWT(t.Context(), claims())
	assert.Empty(t, signed)
	var failed *exchange.Error
	require.ErrorAs(t, err, &failed)
	var text strings.Builder
	for e := err; e != nil; e = errors.Unwrap(e) {
		fmt.Fprintf(&text, "%v\n%+v\n%#v\n%q\n", e, e, e, e)
	}
	slog.New(slog.NewJSONHandler(&text, nil)).Error("failed", "err", err)
	raw, err := json.Marshal(failed.Err)
	require.NoError(t, err)
	text.Write(raw)
	for _, secret := range []string{sessionToken, secretKey} {
		assert.NotContains(t, text.String(), secret[:20])
	}
	return failed
}

// The role that the CI token gives the job signs, and what refuses the job that
// role is the error.
func TestTheRoleOfTheJobSigns(t *testing.T) {
	iss, err := fakeissuer.New(fakeissuer.Options{URL: "https://gitlab.com"})
	require.NoError(t, err)
	t.Cleanup(iss.Close)
	sts, err := fakeaws.New(fakeaws.Config{
		AccountID: "123456789012", Fetch: fakeissuer.Client(iss),
		Providers: []fakeaws.Provider{{URL: iss.URL(), ClientIDs: []string{"https://aws.example"}}},
		Roles: []fakeaws.Role{{Name: "deploy", TrustPolicy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",
			"Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/gitlab.com"},
			"Condition":{"StringEquals":{"gitlab.com:aud":"https://aws.example","gitlab.com:project_id":"` + fakeissuer.GitLabProjectID + `"}}}]}`}},
	})
	require.NoError(t, err)
	signer := func(edit ...func(fakeissuer.Claims)) (*kmssigner.Signer, *fakeKMS, *string) {
		raw := new(string)
		role, err := awssts.New(awssts.Config{
			RoleARN: "arn:aws:iam::123456789012:role/deploy", Region: "eu-west-1", HTTPClient: sts.Client(),
			Source: exchange.TokenSourceFunc(func(context.Context, string) (string, error) {
				*raw = iss.GitLab("https://aws.example", edit...)
				return *raw, nil
			}),
		})
		require.NoError(t, err)
		f := rsaKMS()
		s, err := kmssigner.New(kmssigner.Config{Client: f.client(role.AWSConfig().Credentials), Key: keyARN, KeyID: "deploy-2026"})
		require.NoError(t, err)
		return s, f, raw
	}

	s, f, _ := signer()
	for range 3 {
		_, err = s.SignJWT(t.Context(), claims())
		require.NoError(t, err)
	}
	assert.Equal(t, 1, sts.Requests(fakeaws.AssumeRoleWithWebIdentity))
	require.Len(t, f.tokens, 3)
	assert.NotEmpty(t, f.tokens[0], "the role's session")

	s, f, raw := signer(func(c fakeissuer.Claims) { c["project_id"] = "1" })
	_, err = s.SignJWT(t.Context(), claims())
	var failed *exchange.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, exchange.StageExchange, failed.Stage)
	assert.Equal(t, "AccessDenied", failed.Code)
	assert.NotEmpty(t, failed.Causes)
	assert.Equal(t, 2, sts.Requests(fakeaws.AssumeRoleWithWebIdentity), "a refusal is final")
	assert.Zero(t, f.count())
	text := fmt.Sprintf("%v %+v %#v", err, err, err)
	for i := 0; i+20 <= len(*raw); i++ {
		require.NotContains(t, text, (*raw)[i:i+20])
	}
}
