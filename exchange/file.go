package exchange

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/compact"
	"github.com/cioidc/cioidc/internal/peek"
	"github.com/cioidc/cioidc/internal/safetext"
)

// The reasons in a [FileError], beside file system errors.
var (
	// ErrFileEmpty: the file holds nothing but white space.
	ErrFileEmpty = errors.New("the file is empty: write the token to it before this step, and check that the variable it comes from is set")
	// ErrFileTooLarge: the file holds more than 16 KiB.
	ErrFileTooLarge = errors.New("the file is larger than 16 KiB: it must hold one token and nothing else")
	// ErrFileLines: the file holds more than one line.
	ErrFileLines = errors.New("the file holds several lines: it must hold one token; write it with >, not with >>")
	// ErrFileToken: the file's content is not a JWT.
	ErrFileToken = errors.New("the file does not hold a JWT: check that the token itself was written to it, not the name of a variable")
	// ErrFileAudience: the token in the file is for another audience.
	ErrFileAudience = errors.New("the token in the file is for another audience: write one for the audience asked for, or ask for the token's own")
	// ErrFileNotRegular: the path names a directory, a pipe or a device.
	ErrFileNotRegular = errors.New("not a regular file: the file is read for every token, so it must be one that can be read again")
)

// File is the path of a file that holds one token. It is read anew for every
// token, so a process that renews the file is followed. A line break at the
// end, as echo writes it, is not part of the token.
type File string

// IDToken implements [TokenSource]. The token's audience must contain audience;
// an empty audience accepts any. Nothing else about the token is checked, its
// expiry included. Its error is a *[FileError].
func (f File) IDToken(ctx context.Context, audience string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", &FileError{Path: string(f), Err: err}
	}
	token, err := f.read()
	if err != nil {
		return "", &FileError{Path: string(f), Err: err}
	}
	t, err := peek.Parse(token)
	if err != nil {
		// The cause describes the content in ways that only its writer can
		// judge; that it is no token is what the reader must know.
		return "", &FileError{Path: string(f), Err: fmt.Errorf("%w (%v)", ErrFileToken, err)}
	}
	if audience != "" && !t.Audience.Contains(audience) {
		return "", &FileError{Path: string(f), Audience: audience, Found: t.Audience, Err: ErrFileAudience}
	}
	return token, nil
}

func (f File) read() (string, error) {
	// Stat first: to open a pipe without a writer would block.
	info, err := os.Stat(string(f))
	if err != nil {
		return "", withoutPath(err)
	}
	if !info.Mode().IsRegular() {
		return "", ErrFileNotRegular
	}
	file, err := os.Open(string(f))
	if err != nil {
		return "", withoutPath(err)
	}
	defer file.Close()
	// Two bytes more for a line break.
	data, err := io.ReadAll(io.LimitReader(file, compact.MaxSize+3))
	if err != nil {
		return "", withoutPath(err)
	}
	token := strings.TrimRight(string(data), "\r\n")
	switch {
	case strings.TrimSpace(token) == "":
		return "", ErrFileEmpty
	case len(token) > compact.MaxSize:
		return "", ErrFileTooLarge
	case strings.ContainsAny(token, "\r\n"):
		return "", ErrFileLines
	}
	return token, nil
}

// withoutPath drops the path of an os error, which [FileError] gives already.
func withoutPath(err error) error {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// FileError reports why a [File] gave no token.
type FileError struct {
	// Path is the file's path.
	Path string
	// Audience is the audience asked for, and Found the token's own. Both are
	// empty unless Err is ErrFileAudience.
	Audience string
	Found    claims.Audience
	// Err is one of this package's ErrFile variables, a file system error such
	// as fs.ErrNotExist, or the context's.
	Err error
}

// Error returns the path and the reason. It never contains the file's content.
func (e *FileError) Error() string {
	s := "exchange: token file " + safetext.Quote(e.Path) + ": " + e.Err.Error()
	if errors.Is(e.Err, ErrFileAudience) {
		s += fmt.Sprintf(" (asked for %s, the token has %s)", safetext.Quote(e.Audience), quoteAll(e.Found))
	}
	return s
}

// Unwrap returns e.Err.
func (e *FileError) Unwrap() error { return e.Err }

func quoteAll(values []string) string {
	if len(values) == 0 {
		return "none"
	}
	quoted := make([]string, 0, len(values))
	for _, v := range values[:min(len(values), 8)] {
		quoted = append(quoted, safetext.Quote(v))
	}
	if len(values) > 8 {
		quoted = append(quoted, fmt.Sprintf("and %d more", len(values)-8))
	}
	return strings.Join(quoted, ", ")
}
