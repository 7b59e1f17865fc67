package fakeaws

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// signatureSkew is how far the time of a signature may be off: "in most cases,
// a request must reach AWS within five minutes of the time stamp" (AWS IAM User
// Guide, Signature Version 4).
const signatureSkew = 5 * time.Minute

const amzDate = "20060102T150405Z"

const wrongSignature = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."

// authorization is the Authorization header of Signature Version 4.
type authorization struct {
	accessKeyID, date, region, service string
	headers                            []string
	signature                          string
}

func parseAuthorization(header string) (*authorization, bool) {
	rest, ok := strings.CutPrefix(header, "AWS4-HMAC-SHA256 ")
	if !ok {
		return nil, false
	}
	fields := map[string]string{}
	for _, part := range strings.Split(rest, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if _, double := fields[name]; !ok || double || value == "" {
			return nil, false
		}
		fields[name] = value
	}
	scope := strings.Split(fields["Credential"], "/")
	if len(fields) != 3 || fields["SignedHeaders"] == "" || fields["Signature"] == "" || len(scope) != 5 || scope[4] != "aws4_request" {
		return nil, false
	}
	return &authorization{
		accessKeyID: scope[0], date: scope[1], region: scope[2], service: scope[3],
		headers: strings.Split(fields["SignedHeaders"], ";"), signature: fields["Signature"],
	}, true
}

// authenticate returns the session that signed q.
func (s *Server) authenticate(q *query) (*session, error) {
	r := q.request
	header := r.Header.Get("Authorization")
	if header == "" {
		return nil, &refusal{http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token"}
	}
	auth, ok := parseAuthorization(header)
	if !ok {
		return nil, &refusal{http.StatusBadRequest, "IncompleteSignature", "The Authorization header is not one of Signature Version 4."}
	}
	ses := s.sessions.find(auth.accessKeyID)
	token := r.Header.Get("X-Amz-Security-Token")
	if ses == nil || subtle.ConstantTimeCompare([]byte(token), []byte(ses.token)) != 1 {
		return nil, &refusal{http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid."}
	}
	signedAt, err := s.signingTime(r, auth)
	if err != nil {
		return nil, err
	}
	want, err := sign(r.Context(), q, auth, ses, signedAt)
	if err != nil || subtle.ConstantTimeCompare([]byte(want), []byte(auth.signature)) != 1 {
		return nil, mismatch(wrongSignature)
	}
	if !s.now().Before(ses.expires) {
		return nil, &refusal{http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired"}
	}
	return ses, nil
}

func mismatch(text string) error {
	return &refusal{http.StatusForbidden, "SignatureDoesNotMatch", text}
}

func (s *Server) signingTime(r *http.Request, auth *authorization) (time.Time, error) {
	at, err := time.Parse(amzDate, r.Header.Get("X-Amz-Date"))
	if err != nil {
		return at, &refusal{http.StatusBadRequest, "IncompleteSignature", "The request has no X-Amz-Date header of the form " + amzDate + "."}
	}
	if auth.service != "sts" || auth.date != at.Format("20060102") {
		return at, mismatch("Credential should be scoped to correct service: 'sts', and to the date of the request.")
	}
	now := s.now().UTC()
	if low := now.Add(-signatureSkew); at.Before(low.Truncate(time.Second)) {
		return at, mismatch(fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - 5 min.)", at.Format(amzDate), low.Format(amzDate), now.Format(amzDate)))
	}
	if high := now.Add(signatureSkew); at.After(high) {
		return at, mismatch(fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + 5 min.)", at.Format(amzDate), high.Format(amzDate), now.Format(amzDate)))
	}
	return at, nil
}

// sign computes the signature that the holder of ses's secret would have made,
// by signing a copy of the request that has the signed headers and no others.
func sign(ctx context.Context, q *query, auth *authorization, ses *session, at time.Time) (string, error) {
	r := q.request
	copied := &http.Request{
		Method: r.Method, Host: r.Host, Header: http.Header{},
		URL: &url.URL{Scheme: "https", Host: r.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery},
	}
	for _, name := range auth.headers {
		switch name {
		case "host":
		case "content-length":
			copied.ContentLength = int64(len(q.body))
		default:
			copied.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	sum := sha256.Sum256(q.body)
	creds := aws.Credentials{AccessKeyID: ses.accessKeyID, SecretAccessKey: ses.secret, SessionToken: ses.token}
	if err := v4.NewSigner().SignHTTP(ctx, creds, copied, hex.EncodeToString(sum[:]), auth.service, auth.region, at); err != nil {
		return "", err
	}
	signed, ok := parseAuthorization(copied.Header.Get("Authorization"))
	if !ok {
		return "", fmt.Errorf("the signer made no signature")
	}
	return signed.signature, nil
}

func (s *Server) getCallerIdentity(w http.ResponseWriter, q *query) {
	ses, err := s.authenticate(q)
	if err != nil {
		r := err.(*refusal)
		refuse(w, r.status, r.code, r.text)
		return
	}
	answer(w, &callerIdentityResult{ARN: ses.arn, UserID: ses.userID, Account: ses.account})
}
