package googlests

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/cioidc/cioidc/exchange"
)

// The codes of a failure of [WriteExecutableResponse].
const (
	codeConfig = "CONFIG" // the configuration cannot work
	codeSource = "SOURCE" // there is no usable CI token
)

// executableResponse is what Google's clients read from a program's standard
// output (AIP-4117, executable-sourced credentials). They take version 1 only.
type executableResponse struct {
	Version   int    `json:"version"`
	Success   bool   `json:"success"`
	TokenType string `json:"token_type,omitempty"`
	IDToken   string `json:"id_token,omitempty"`
	Expires   int64  `json:"expiration_time,omitempty"` // Unix seconds
	Code      string `json:"code,omitempty"`
	Message   string `json:"message,omitempty"`
}

// WriteExecutableResponse is what the program of [CredentialFile.Executable]
// does: it gets a CI token from cfg's source, for cfg's audience, and writes
// the response that Google's clients expect to w, which is to be os.Stdout.
//
// If there is no token, or cfg cannot work, the response says so, and why:
// clients show its text, which is one line and holds no token. Only an error of
// w is returned. Without one the program must exit with status 0, and it must
// write nothing else to its standard output or error: clients read a response
// with status 0 only, and some read both as one.
//
// Clients run the program for every exchange, with the provider's name in
// GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE. No output file is used, so that no token is
// on disk.
func WriteExecutableResponse(ctx context.Context, w io.Writer, cfg Config) error {
	response := executableResponse{Version: 1}
	raw, expires, err := executableToken(ctx, cfg)
	var wrong *exchange.ConfigError
	switch {
	case err == nil:
		response.Success, response.TokenType, response.IDToken, response.Expires = true, typeJWT, raw, expires.Unix()
	case errors.As(err, &wrong):
		response.Code, response.Message = codeConfig, diagnosis(err)
	default:
		response.Code, response.Message = codeSource, diagnosis(err)
	}
	data, err := json.Marshal(response)
	if err != nil {
		return err
	}
	_, err = w.Write(append(data, '\n'))
	return err
}

func executableToken(ctx context.Context, cfg Config) (string, time.Time, error) {
	p, err := cfg.provider()
	if err != nil {
		return "", time.Time{}, err
	}
	return p.freshSubject(ctx)
}

// diagnosis is an error's text in one line, in which bars stand between the
// lines of a source's hint: not every client shows a second line.
func diagnosis(err error) string {
	var lines []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, " | ")
}

func (e *Executable) check() error {
	const shortest, longest = 5 * time.Second, 2 * time.Minute
	switch {
	case strings.TrimSpace(e.Command) == "":
		return configError("Executable.Command", "it is required: name the program, and its arguments after single spaces")
	case strings.Join(strings.Fields(e.Command), " ") != e.Command:
		return configError("Executable.Command", "its parts must be separated by single spaces: clients split it there, each in its own way")
	case strings.ContainsAny(e.Command, `"'`):
		return configError("Executable.Command", "clients do not agree about quotes in it: use a path and arguments without them")
	case e.Timeout != 0 && (e.Timeout < shortest || e.Timeout > longest || e.Timeout%time.Millisecond != 0):
		return configError("Executable.Timeout", "it must be whole milliseconds, 5 seconds to 2 minutes")
	}
	return nil
}
