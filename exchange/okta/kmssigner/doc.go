// Package kmssigner signs client assertions with a key of AWS KMS, for package
// okta. The private key never leaves KMS, and the job reaches it with the
// identity that its CI token gives it: nothing is stored anywhere.
//
//	aws, err := awssts.New(awssts.Config{ ... })
//	if err != nil { ... }
//	signer, err := kmssigner.New(kmssigner.Config{
//		Client: kms.NewFromConfig(aws.AWSConfig()),
//		Key:    "alias/okta-deploy",
//		KeyID:  "okta-deploy-2026",
//	})
//
// # What must exist
//
// In AWS: an asymmetric KMS key for SIGN_VERIFY, of key spec RSA_2048 or more
// for RS256 or of ECC_NIST_P256 for ES256, on which the job's role has the
// permission kms:Sign. At Okta: the key's public half among the keys of the
// client, in the form that [PublicJWK] returns. KMS gives the public half to
// whoever has kms:GetPublicKey:
//
//	aws kms get-public-key --key-id alias/okta-deploy --query PublicKey --output text | base64 -d
//
// # Errors
//
// New returns an *[exchange.ConfigError]. SignJWT returns an *[exchange.Error]
// of Service "aws" and Stage [exchange.StageSign] with KMS's code, text and
// request ID; if the credentials for KMS could not be had, the error is theirs,
// with its own stage. Repeating a request is left to the KMS client, which by
// default makes three attempts at most, and only where that can help.
//
// # What this package does not do
//
// It does not verify the signatures that KMS returns, beyond their form, and it
// has not been run against AWS by its authors: the tests hold it to the request
// and the answer that the KMS API documents.
package kmssigner
