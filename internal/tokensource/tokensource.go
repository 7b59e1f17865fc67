// Package tokensource calls the token sources that users write. Such a source
// may be missing, may panic, and may leave a line break at its token; each of
// these is an error here, the same for every exchange.
package tokensource

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Source supplies tokens. Every exchange.TokenSource is one.
type Source interface {
	IDToken(ctx context.Context, audience string) (string, error)
}

// The reasons for which a token with something around it is not taken. They
// name what cannot be seen where such a token is printed.
var (
	ErrLineBreak = errors.New("the source's token ends in a line break: return the token without it (strings.TrimSpace), or read a file with exchange.File")
	ErrSpace     = errors.New("the source's token has white space around it: return the token without it (strings.TrimSpace)")
)

// PanicError reports that a source panicked. What it panicked with may hold a
// secret, so only the type is kept.
type PanicError struct {
	// Source and Value are the types of the source and of the panic's value,
	// as %T prints them.
	Source, Value string
}

// Error returns both types, and where the rest can be seen.
func (e *PanicError) Error() string {
	return "the source, of type " + e.Source + ", panicked with a value of type " + e.Value + ": call its IDToken method alone to see why"
}

// Missing reports whether src is nil, or holds a nil pointer or a nil function,
// which says that it is a source but cannot give a token.
func Missing(src Source) bool {
	if src == nil {
		return true
	}
	switch v := reflect.ValueOf(src); v.Kind() {
	case reflect.Pointer, reflect.Func:
		return v.IsNil()
	}
	return false
}

// Token returns the token of src for audience. A panic of src is a
// *[PanicError]: exchanges run in goroutines of SDKs and of this module, where
// no caller could recover it and the program would end.
func Token(ctx context.Context, src Source, audience string) (token string, err error) {
	defer func() {
		if v := recover(); v != nil {
			token, err = "", &PanicError{Source: fmt.Sprintf("%T", src), Value: fmt.Sprintf("%T", v)}
		}
	}()
	token, err = src.IDToken(ctx, audience)
	if err != nil {
		return "", err
	}
	if err := surrounded(token); err != nil {
		return "", err
	}
	return token, nil
}

// surrounded tells whether raw is white space around what may be a token. What
// is no token without it either is left to the caller, who says so.
func surrounded(raw string) error {
	bare := strings.TrimSpace(raw)
	switch {
	case bare == raw, strings.Count(bare, ".") != 2, strings.ContainsAny(bare, " \t\r\n"):
		return nil
	case strings.TrimRight(raw, "\r\n") == bare:
		return ErrLineBreak
	}
	return ErrSpace
}
