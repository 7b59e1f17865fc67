package ciplatform

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cioidc/cioidc/internal/safetext"
	"github.com/cioidc/cioidc/internal/tokensource"
)

// Platform is a CI platform. Every Platform is a token source for the exchange
// packages. Its methods are safe for concurrent use.
type Platform interface {
	// Name returns a short lower-case name, such as "gitlab".
	Name() string
	// Detected reports whether this program runs in a job of the platform. It
	// reads the environment and does no I/O.
	Detected() bool
	// IDToken returns a token for audience. Empty means the platform's default
	// token. It does not cache and does not verify.
	IDToken(ctx context.Context, audience string) (string, error)
}

// ErrNotDetected is wrapped by the error of [Detect] outside of any known
// platform, and by a [TokenError] where a token can only be had inside a job.
var ErrNotDetected = errors.New("ciplatform: no CI platform detected")

// signal is how the platforms of this package are recognized.
type signal interface {
	// signal names the variable that a job has, and says what it holds here.
	signal() (variable string, found string)
}

// Detect returns the first of candidates that is detected, or of CircleCI and
// GitLab if there are none. The error wraps [ErrNotDetected] and says what was
// looked for. A nil candidate, or one that is a nil pointer, is never detected.
func Detect(candidates ...Platform) (Platform, error) {
	if len(candidates) == 0 {
		candidates = []Platform{&CircleCI{}, &GitLab{}}
	}
	looked := make([]string, 0, len(candidates))
	for i, p := range candidates {
		// A nil pointer's methods may well read through it.
		if tokensource.Missing(p) {
			looked = append(looked, fmt.Sprintf("nothing for candidate %d, which is nil", i))
			continue
		}
		if p.Detected() {
			return p, nil
		}
		if s, ok := p.(signal); ok {
			variable, found := s.signal()
			looked = append(looked, fmt.Sprintf("%s=true (%s)", variable, found))
		} else {
			looked = append(looked, safetext.Quote(p.Name()))
		}
	}
	return nil, fmt.Errorf("%w: looked for %s", ErrNotDetected, strings.Join(looked, ", "))
}

// isOn reports whether a detection variable has the one value that both
// vendors document. Any other value is no job of theirs: a variable set to
// "false" or to nothing is how a script says that it is not in one.
func isOn(value string) bool { return value == "true" }

// describe says why a variable is not on, without repeating what it holds.
func describe(value string, set bool) string {
	switch {
	case !set:
		return "not set"
	case value == "":
		return "set but empty"
	default:
		return `set, but not to "true"`
	}
}
