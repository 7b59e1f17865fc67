package fakeaws

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"path"
	"sync"
	"time"
)

// session is what AssumeRoleWithWebIdentity makes.
type session struct {
	accessKeyID, secret, token string
	account, arn, userID       string
	expires                    time.Time
}

// sessions are those issued, by access key ID. The zero value is empty.
type sessions struct {
	mu    sync.Mutex
	byKey map[string]*session
}

func (s *sessions) issue(account string, r *role, name string, now time.Time, length time.Duration) *session {
	ses := &session{
		accessKeyID: "ASIA" + randomID(),
		secret:      base64.StdEncoding.EncodeToString(random(30)),
		token:       base64.StdEncoding.EncodeToString(random(510)),
		account:     account,
		// An assumed role's ARN has the role's name without its path.
		arn:     "arn:aws:sts::" + account + ":assumed-role/" + path.Base(r.Name) + "/" + name,
		userID:  r.id + ":" + name,
		expires: now.Add(length).Truncate(time.Second),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byKey == nil {
		s.byKey = map[string]*session{}
	}
	s.byKey[ses.accessKeyID] = ses
	return ses
}

func (s *sessions) find(accessKeyID string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byKey[accessKeyID]
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, by its documentation
	return b
}

// randomID returns the 16 letters and digits after the prefix of an AWS ID.
func randomID() string { return base32.StdEncoding.EncodeToString(random(10)) }
