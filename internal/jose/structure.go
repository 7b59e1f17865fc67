package jose

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"math/big"
)

var errStructure = errors.New("the RSA key was made of primes with a structure by which they can be found; have the issuer make a new one")

// CheckNewKey is [CheckKey] and a check that is too slow to be repeated for each
// token: the one to ask when a key is taken into a set.
func CheckNewKey(alg string, key crypto.PublicKey) error {
	if err := CheckKey(alg, key); err != nil {
		return err
	}
	if k, ok := key.(*rsa.PublicKey); ok && structured(k.N) {
		return errStructure
	}
	return nil
}

// generator is the number of whose powers, modulo a product of small primes, a
// library of widespread security chips made its primes. Such keys can be
// factored (M. Nemec et al., "The Return of Coppersmith's Attack", CCS 2017).
const generator = 65537

// smallPrimes are those whose product divides the modulus that the chips used
// for every size of key: all up to 167, but for 2, of which nothing can be seen.
var smallPrimes = [...]uint64{
	3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
	101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
}

// structured reports whether n is a power of the generator modulo the product of
// smallPrimes, as a product of two such primes is. Of other moduli, one in 2^150
// or fewer is.
func structured(n *big.Int) bool {
	type congruence struct{ exponent, order uint64 }
	var found [len(smallPrimes)]congruence
	for i, p := range smallPrimes {
		rest := new(big.Int).Mod(n, new(big.Int).SetUint64(p)).Uint64()
		order, exponent, ok := uint64(0), uint64(0), false
		for power := uint64(1); order == 0 || power != 1; order++ {
			if power == rest {
				exponent, ok = order, true
			}
			power = power * generator % p
		}
		if !ok {
			return false
		}
		found[i] = congruence{exponent, order}
		// One exponent must do for all primes: by the Chinese remainder theorem
		// there is one if every two agree as far as their orders overlap.
		for _, other := range found[:i] {
			if shared := gcd(order, other.order); exponent%shared != other.exponent%shared {
				return false
			}
		}
	}
	return true
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
