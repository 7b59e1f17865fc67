package fakeaws

import (
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
)

const (
	apiVersion = "2011-06-15"
	maxBody    = 64 << 10
)

// query is a request of the Query protocol, and what its signature covers.
type query struct {
	request *http.Request
	body    []byte
	form    url.Values // of the URL and the body
}

func readQuery(w http.ResponseWriter, r *http.Request) (*query, error) {
	q := &query{request: r, form: url.Values{}}
	var err error
	if q.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		return nil, err
	}
	for _, text := range []string{r.URL.RawQuery, string(q.body)} {
		values, err := url.ParseQuery(text)
		if err != nil {
			return nil, err
		}
		for name, v := range values {
			q.form[name] = append(q.form[name], v...)
		}
	}
	return q, nil
}

type assumeRoleResult struct {
	Subject     string          `xml:"SubjectFromWebIdentityToken"`
	Audience    string          `xml:"Audience"`
	User        assumedRoleUser `xml:"AssumedRoleUser"`
	Credentials credentials     `xml:"Credentials"`
	Provider    string          `xml:"Provider"`
}

type assumedRoleUser struct {
	ARN string `xml:"Arn"`
	ID  string `xml:"AssumedRoleId"`
}

type credentials struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string `xml:"SecretAccessKey"`
	SessionToken    string `xml:"SessionToken"`
	Expiration      string `xml:"Expiration"`
}

type callerIdentityResult struct {
	ARN     string `xml:"Arn"`
	UserID  string `xml:"UserId"`
	Account string `xml:"Account"`
}

type metadata struct {
	RequestID string `xml:"RequestId"`
}

func answer(w http.ResponseWriter, result any) {
	id := requestID()
	switch result := result.(type) {
	case *assumeRoleResult:
		write(w, http.StatusOK, id, &struct {
			XMLName  xml.Name          `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleWithWebIdentityResponse"`
			Result   *assumeRoleResult `xml:"AssumeRoleWithWebIdentityResult"`
			Metadata metadata          `xml:"ResponseMetadata"`
		}{Result: result, Metadata: metadata{id}})
	case *callerIdentityResult:
		write(w, http.StatusOK, id, &struct {
			XMLName  xml.Name              `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
			Result   *callerIdentityResult `xml:"GetCallerIdentityResult"`
			Metadata metadata              `xml:"ResponseMetadata"`
		}{Result: result, Metadata: metadata{id}})
	}
}

// Refuse answers with an error as STS does. It is exported for handlers given
// to [Server.Misbehave].
func Refuse(w http.ResponseWriter, status int, code, text string) { refuse(w, status, code, text) }

func refuse(w http.ResponseWriter, status int, code, text string) {
	kind := "Sender"
	if status >= 500 {
		kind = "Receiver"
	}
	id := requestID()
	type fault struct {
		Type    string
		Code    string
		Message string
	}
	write(w, status, id, &struct {
		XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
		Error     fault
		RequestID string `xml:"RequestId"`
	}{Error: fault{kind, code, text}, RequestID: id})
}

func write(w http.ResponseWriter, status int, id string, v any) {
	body, err := xml.MarshalIndent(v, "", "  ")
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("X-Amzn-Requestid", id)
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// requestID returns a random UUID (RFC 9562, section 5.4).
func requestID() string {
	b := random(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
