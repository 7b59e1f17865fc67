package jose

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// structuredPrime returns a prime of these bits that is a power of the generator
// modulo the product of the primes up to 701, as the chips made them for keys of
// 2048 bits.
func structuredPrime(t *testing.T, bits int, exponent int64) *big.Int {
	t.Helper()
	product := big.NewInt(1)
	for p := int64(2); p <= 701; p++ {
		if big.NewInt(p).ProbablyPrime(0) {
			product.Mul(product, big.NewInt(p))
		}
	}
	rest := new(big.Int).Exp(big.NewInt(generator), big.NewInt(exponent), product)
	least := new(big.Int).Lsh(big.NewInt(3), uint(bits-2))
	least.Sub(least, new(big.Int).Mod(least, product))
	for p := least.Add(least, rest); p.BitLen() <= bits; p.Add(p, product) {
		if p.BitLen() == bits && p.ProbablyPrime(20) {
			return p
		}
	}
	t.Fatal("there is no such prime")
	return nil
}

func TestKeysOfStructuredPrimes(t *testing.T) {
	p, q := structuredPrime(t, 1024, 123456789), structuredPrime(t, 1024, 987654321)
	weak := &rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537}
	require.Equal(t, 2048, weak.N.BitLen())
	assert.NoError(t, CheckKey(RS256, weak), "the check that is made for each token")
	assert.EqualError(t, CheckNewKey(RS256, weak), errStructure.Error())
	keys, skipped, err := ParseKeySet(rfcSet(rsaJWK(base64.RawURLEncoding.EncodeToString(weak.N.Bytes()), `,"kid":"k"`)))
	require.NoError(t, err)
	assert.Empty(t, keys)
	assert.Equal(t, []Skipped{{ID: "k", Reason: errStructure.Error()}}, skipped)

	// A modulus with one factor of another kind has no such structure, nor has
	// one that is a power modulo each of the primes but of different exponents.
	other, err := rand.Prime(rand.Reader, 1024)
	require.NoError(t, err)
	assert.False(t, structured(new(big.Int).Mul(p, other)))
	assert.True(t, structured(big.NewInt(1)))
	assert.True(t, structured(big.NewInt(generator)))
	// Modulo 5 the generator is 2, and 4 is its square; modulo 11 it is 10, and 2
	// is no power of it.
	assert.True(t, structured(oneBut(0, 0)))
	assert.False(t, structured(oneBut(5, 4)))
	assert.False(t, structured(oneBut(11, 2)))
}

// oneBut returns a number that is 1 modulo each of smallPrimes but for this one,
// modulo which it is rest.
func oneBut(prime, rest int64) *big.Int {
	n, product := big.NewInt(1), big.NewInt(1)
	for _, s := range smallPrimes {
		want, p := int64(1), big.NewInt(int64(s))
		if p.Int64() == prime {
			want = rest
		}
		for new(big.Int).Mod(n, p).Int64() != want {
			n.Add(n, product)
		}
		product.Mul(product, p)
	}
	return n
}

func TestOrdinaryKeysHaveNoStructure(t *testing.T) {
	for range 3 {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		require.NoError(t, err)
		assert.NoError(t, CheckNewKey(RS256, &key.PublicKey))
	}
	for _, n := range []string{rfc7515A2N, rfc7517A1N, rfc7520N} {
		assert.NoError(t, CheckNewKey(RS256, &rsa.PublicKey{N: number(t, n), E: 65537}))
	}
	// Random odd numbers, by the thousand.
	for range 5000 {
		n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 2048))
		require.NoError(t, err)
		require.False(t, structured(n.SetBit(n, 0, 1)), "%v", n)
	}
	assert.ErrorContains(t, CheckNewKey(ES256, &rsa.PublicKey{N: big.NewInt(1), E: 3}), "does not verify ES256")
}
