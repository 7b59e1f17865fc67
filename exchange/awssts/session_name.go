package awssts

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/cioidc/cioidc/internal/peek"
)

const maxSessionName = 64

var (
	uuidPattern      = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)
	notInSessionName = regexp.MustCompile(`[^\w+=,.@-]`)
)

// sessionName names the session of a token: the same token always the same
// name. The token is unverified, so the name tells what STS will have verified
// by the time that anyone can read it in CloudTrail.
func sessionName(t *peek.Token) string {
	var parts []string
	if t != nil {
		id := t.Identity
		for _, p := range []string{id.Project, id.Pipeline, id.Run} {
			if p != "" {
				parts = append(parts, p)
			}
		}
		if len(parts) > 0 {
			for i, p := range parts[:len(parts)-1] {
				if uuidPattern.MatchString(p) {
					parts[i] = p[:8]
				}
			}
			name := notInSessionName.ReplaceAllString(id.Platform+"-"+strings.Join(parts, "-"), "_")
			if name = name[:min(len(name), maxSessionName)]; id.Platform != "" {
				return name
			}
		}
	}
	var who string
	if t != nil {
		who = t.Issuer + "\x00" + t.Subject
	}
	sum := sha256.Sum256([]byte(who))
	return "cioidc-" + hex.EncodeToString(sum[:8])
}
