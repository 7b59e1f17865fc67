package kmssigner_test

import (
	"encoding/base64"
	"fmt"
	"log"

	"github.com/cioidc/cioidc/exchange/okta/kmssigner"
)

// What to register at Okta, from what "aws kms get-public-key --query PublicKey"
// prints.
func ExamplePublicJWK() {
	der, err := base64.StdEncoding.DecodeString("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D7gS2XpJFbZiItSs3m9+9Ue6GnvHw/GW2ZZaVtszggXIw==")
	if err != nil {
		log.Fatal(err)
	}
	jwk, err := kmssigner.PublicJWK(der, "okta-deploy-2026")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(jwk))
	// Output: {"kty":"EC","use":"sig","alg":"ES256","kid":"okta-deploy-2026","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}
}

// A configuration that cannot work is refused before anything is sent.
func ExampleNew() {
	_, err := kmssigner.New(kmssigner.Config{Client: rsaKMS().client(nil), Key: "alias/okta-deploy"})
	fmt.Println(err)
	// Output: kmssigner: KeyID: it is required: give the kid under which the public key is registered at Okta
}
