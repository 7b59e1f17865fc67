package cloudnames

import (
	"crypto/ed25519"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAWSNames(t *testing.T) {
	arn := ProviderARN("aws-cn", "123456789012", "https://oidc.circleci.com/org/o")
	assert.Equal(t, "arn:aws-cn:iam::123456789012:oidc-provider/oidc.circleci.com/org/o", arn)
	assert.Equal(t, "arn:aws:iam::<account>:oidc-provider/gitlab.example/", ProviderARN("", "", "https://gitlab.example/"), "a final slash is part of the name")
	assert.Equal(t, "a:aud:sub", PrincipalID("a", "aud", "sub"))
	assert.Equal(t, "oidc.circleci.com/org/o:oidc.circleci.com/project-id", ConditionKey("https://oidc.circleci.com/org/o", "oidc.circleci.com/project-id"))
	assert.Equal(t, "127.0.0.1:8080:sub", ConditionKey("http://127.0.0.1:8080", "sub"), "an issuer on loopback")
}

func TestConditionClaims(t *testing.T) {
	assert.Contains(t, ConditionClaims("https://gitlab.com"), "project_id")
	assert.Equal(t, []string{"aud", "sub"}, ConditionClaims("https://gitlab.example"), "AWS knows gitlab.com's claims only")
	assert.Equal(t, []string{"aud", "sub", "oidc.circleci.com/project-id"}, ConditionClaims("https://oidc.circleci.com/org/o"))
	assert.Equal(t, []string{"aud", "sub"}, ConditionClaims("https://oidc.circleci.com"))
}

func TestTrustedByAWS(t *testing.T) {
	for issuer, want := range map[string]bool{
		"https://gitlab.com": true, "https://oidc.circleci.com/org/o": true,
		"https://gitlab.com.example": false, "https://gitlab.example/gitlab.com": false,
	} {
		assert.Equal(t, want, TrustedByAWS(issuer), issuer)
	}
}

func TestGoogleNames(t *testing.T) {
	p, ok := PoolOf("//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/providers/gitlab")
	require.True(t, ok)
	assert.Equal(t, Pool{Project: "1", ID: "ci"}, p)
	assert.Equal(t, "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/subject/s", p.Principal("s"))
	assert.Equal(t, "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/attribute.a/v", p.PrincipalSet("a", "v"))
	assert.Equal(t, "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/*", p.Everyone())
	assert.Equal(t, "principal://iam.googleapis.com/projects/<project-number>/locations/global/workloadIdentityPools/<pool>/subject/s", Pool{}.Principal("s"))
	for _, name := range []string{"", "gitlab", "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci"} {
		_, ok := PoolOf(name)
		assert.False(t, ok, name)
	}
}

// certificate returns a certificate of subject, signed by issuer's name.
func certificate(t *testing.T, subject, issuer string) *x509.Certificate {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	of := func(name string) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Unix(1<<31, 0)}
	}
	der, err := x509.CreateCertificate(nil, of(subject), of(issuer), key.Public(), key)
	require.NoError(t, err)
	c, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return c
}

func TestTop(t *testing.T) {
	leaf, low, top, root := certificate(t, "leaf", "low"), certificate(t, "low", "top"), certificate(t, "top", "root"), certificate(t, "root", "root")
	assert.Equal(t, top, Top([]*x509.Certificate{leaf, low, top, root}), "a root that is sent along is passed over")
	assert.Equal(t, top, Top([]*x509.Certificate{leaf, low, top}))
	assert.Equal(t, root, Top([]*x509.Certificate{root}), "a certificate signed by itself stands alone")
	assert.Equal(t, leaf, Top([]*x509.Certificate{leaf, root}))
	assert.Nil(t, Top(nil))

	sum := sha1.Sum(top.Raw)
	assert.Equal(t, hex.EncodeToString(sum[:]), Thumbprint(top))
}
