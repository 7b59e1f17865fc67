package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/peek"
)

// maxTokenFile is more than any token has, in bytes.
const maxTokenFile = 64 << 10

// readToken returns the claims of the token in a file, or nil for no file. They
// are not verified: nothing is let in here, and documents are judged by whom they
// would let in.
func readToken(path string) (claims.Model, error) {
	if path == "" {
		return nil, nil
	}
	data, err := readFile(path, maxTokenFile)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimSpace(data)
	if !bytes.HasPrefix(data, []byte("{")) {
		token, err := peek.Parse(string(data))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return known(path, token.Claims)
	}
	set, err := claims.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var m claims.Model
	if _, ok := set.Lookup("oidc.circleci.com/project-id"); ok {
		m, err = claims.Decode[claims.CircleCI](data)
	} else if _, ok := set.Lookup("project_id"); ok {
		m, err = claims.Decode[claims.GitLab](data)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return known(path, m)
}

// known refuses tokens of which the model says nothing.
func known(path string, m claims.Model) (claims.Model, error) {
	switch m.(type) {
	case *claims.GitLab, *claims.CircleCI:
		return m, nil
	}
	return nil, fmt.Errorf("%s is of neither a GitLab nor a CircleCI job: it has no project", path)
}

// readFile reads a file that has at most so many bytes.
func readFile(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s has more than %d bytes", path, most)
	}
	return data, err
}
