package kmssigner_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/stretchr/testify/require"
)

const (
	keyARN       = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	sessionToken = "FwoGZXIvYXdzEXAMPLESESSIONTOKEN0123456789"
	secretKey    = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

var (
	rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	ecKey  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// fakeKMS is the Sign operation of KMS by its wire protocol (TrentService.Sign,
// awsJson1_1), so that the SDK's own client makes the request and reads the
// answer.
type fakeKMS struct {
	key    crypto.Signer
	spec   string
	answer func(n int) (status int, body string) // nil, or what is answered in place of a signature

	mu       sync.Mutex
	requests []map[string]string
	tokens   []string // session tokens that came
}

func (f *fakeKMS) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	var in map[string]string
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, err
	}
	in["target"], in["host"] = r.Header.Get("X-Amz-Target"), r.URL.Host
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests, f.tokens = append(f.requests, in), append(f.tokens, r.Header.Get("X-Amz-Security-Token"))
	status, body := http.StatusOK, ""
	switch {
	case f.answer != nil:
		status, body = f.answer(len(f.requests))
		if status == 0 {
			return nil, io.ErrUnexpectedEOF
		}
	case in["SigningAlgorithm"] != f.spec:
		status, body = http.StatusBadRequest, `{"__type":"InvalidKeyUsageException","message":"`+keyARN+` key spec is not valid for Sign."}`
	default:
		digest, err := base64.StdEncoding.DecodeString(in["Message"])
		if err != nil {
			return nil, err
		}
		signature, err := f.key.Sign(rand.Reader, digest, crypto.SHA256) // DER for a key on a curve
		if err != nil {
			return nil, err
		}
		body = fmt.Sprintf(`{"KeyId":%q,"Signature":%q,"SigningAlgorithm":%q}`, keyARN, base64.StdEncoding.EncodeToString(signature), f.spec)
	}
	return &http.Response{
		StatusCode: status, Request: r, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amzn-Requestid": {"req-0001"}},
	}, nil
}

func (f *fakeKMS) client(credentials aws.CredentialsProvider) *kms.Client {
	if credentials == nil {
		credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: secretKey, SessionToken: sessionToken}, nil
		})
	}
	return kms.New(kms.Options{
		Region: "eu-west-1", Credentials: credentials, HTTPClient: &http.Client{Transport: f},
		Retryer: newRetryer(),
	})
}

func (f *fakeKMS) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.requests)
}

func rsaKMS() *fakeKMS { return &fakeKMS{key: rsaKey(), spec: "RSASSA_PKCS1_V1_5_SHA_256"} }

func ecKMS() *fakeKMS { return &fakeKMS{key: ecKey(), spec: "ECDSA_SHA_256"} }

func publicDER(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(t, err)
	return der
}

func claims() []byte {
	return []byte(fmt.Sprintf(`{"iss":"0oa1","sub":"0oa1","aud":"https://acme.okta.com/oauth2/default/v1/token","exp":%d,"jti":"1"}`, time.Now().Add(5*time.Minute).Unix()))
}
