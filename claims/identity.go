package claims

import (
	"log/slog"
	"strconv"
	"strings"
)

// Identity is the summary of a token that is the same for every platform, for
// logs, audit records and session names. It decides nothing: a policy reads
// the claims themselves.
type Identity struct {
	Platform   string // "gitlab" or "circleci"
	Project    string // the platform's stable project ID, never its path
	Repository string // host and path, such as "gitlab.com/group/project"; empty if the token does not say
	Ref        string // fully qualified, such as "refs/heads/main"; empty if the token does not say
	Pipeline   string // the platform's pipeline ID
	Run        string // the platform's job ID; empty in CircleCI tokens of before December 2025
	Actor      string // the platform's user ID, never a name
}

// Identifier is implemented by a [Model] that can say whose token it is.
type Identifier interface {
	// Identity returns the summary of the token. A field is empty if the token
	// does not say.
	Identity() Identity
}

// String returns the fields that are not empty in one line.
func (i Identity) String() string {
	var b strings.Builder
	b.WriteString(i.Platform)
	for _, f := range i.fields() {
		if f[1] != "" {
			b.WriteString(" " + f[0] + "=" + quoted(f[1]))
		}
	}
	return b.String()
}

// LogValue implements [slog.LogValuer]: a group of the fields that are not
// empty.
func (i Identity) LogValue() slog.Value {
	attrs := make([]slog.Attr, 0, 7)
	if i.Platform != "" {
		attrs = append(attrs, slog.String("platform", i.Platform))
	}
	for _, f := range i.fields() {
		if f[1] != "" {
			attrs = append(attrs, slog.String(f[0], f[1]))
		}
	}
	return slog.GroupValue(attrs...)
}

func (i Identity) fields() [6][2]string {
	return [6][2]string{
		{"project", i.Project}, {"repository", i.Repository}, {"ref", i.Ref},
		{"pipeline", i.Pipeline}, {"run", i.Run}, {"actor", i.Actor},
	}
}

// quoted returns value as it is if it is plain, else quoted: refs and paths are
// chosen by whoever pushes, and one must not write a second field or line.
func quoted(value string) string {
	for _, r := range value {
		if r <= ' ' || r == '"' || r == '=' || r > '~' {
			return strconv.QuoteToASCII(value)
		}
	}
	return value
}
