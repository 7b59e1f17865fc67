package tokensource_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/tokensource"
)

type function func(ctx context.Context, audience string) (string, error)

func (f function) IDToken(ctx context.Context, audience string) (string, error) {
	return f(ctx, audience)
}

type pointer struct{ token string }

func (p *pointer) IDToken(context.Context, string) (string, error) { return p.token, nil }

type value struct{ inner tokensource.Source }

func (v value) IDToken(ctx context.Context, audience string) (string, error) {
	return v.inner.IDToken(ctx, audience)
}

type text string

func (s text) IDToken(context.Context, string) (string, error) { return string(s), nil }

type table map[string]string

func (t table) IDToken(_ context.Context, audience string) (string, error) { return t[audience], nil }

func TestMissing(t *testing.T) {
	for name, src := range map[string]tokensource.Source{
		"nil": nil, "nil pointer": (*pointer)(nil), "nil function": function(nil),
	} {
		assert.True(t, tokensource.Missing(src), name)
	}
	for name, src := range map[string]tokensource.Source{
		"pointer": &pointer{}, "function": function(text("").IDToken), "struct": value{}, "string": text(""), "nil map, which can be read": table(nil),
	} {
		assert.False(t, tokensource.Missing(src), name)
	}
}

func TestPanicIsAnError(t *testing.T) {
	const secret = "glcbt-64_a-job-token"
	panics := func(v any) function { return func(context.Context, string) (string, error) { panic(v) } }
	for name, tt := range map[string]struct {
		src           tokensource.Source
		source, value string
	}{
		"nil pointer":       {(*pointer)(nil), "*tokensource_test.pointer", "runtime.errorString"},
		"nil within":        {value{}, "tokensource_test.value", "runtime.errorString"},
		"nil source":        {nil, "<nil>", "runtime.errorString"},
		"text":              {panics(secret), "tokensource_test.function", "string"},
		"error":             {panics(errors.New(secret)), "tokensource_test.function", "*errors.errorString"},
		"nil as it used to": {panics(nil), "tokensource_test.function", "*runtime.PanicNilError"},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := tokensource.Token(context.Background(), tt.src, "a")
			assert.Empty(t, token)
			var panicked *tokensource.PanicError
			require.ErrorAs(t, err, &panicked)
			assert.Equal(t, tt.source, panicked.Source)
			assert.Contains(t, panicked.Value, tt.value)
			assert.Contains(t, err.Error(), "panicked with a value of type "+panicked.Value)
			assert.NotContains(t, err.Error(), secret)
		})
	}
}

func TestTokenPassesOn(t *testing.T) {
	failed := errors.New("failed")
	token, err := tokensource.Token(context.Background(), function(func(_ context.Context, audience string) (string, error) {
		return "token for " + audience, failed
	}), "a")
	assert.Empty(t, token)
	assert.Same(t, failed, err)
	token, err = tokensource.Token(context.Background(), table{"a": "h.p.s"}, "a")
	require.NoError(t, err)
	assert.Equal(t, "h.p.s", token)
}

func TestWhiteSpaceIsNamed(t *testing.T) {
	for raw, want := range map[string]error{
		"h.p.s\n":      tokensource.ErrLineBreak,
		"h.p.s\r\n":    tokensource.ErrLineBreak,
		"h.p.s\n\n":    tokensource.ErrLineBreak,
		"h.p.s ":       tokensource.ErrSpace,
		" h.p.s":       tokensource.ErrSpace,
		"\nh.p.s\n":    tokensource.ErrSpace,
		"h.p.s":        nil,
		"h.p.s\nh.p.s": nil,
		"h.p.s x\n":    nil,
		"password\n":   nil,
		"\n":           nil,
		"":             nil,
	} {
		token, err := tokensource.Token(context.Background(), text(raw), "a")
		if want != nil {
			assert.Same(t, want, err, "%q", raw)
			assert.Empty(t, token)
		} else {
			assert.NoError(t, err, "%q", raw)
			assert.Equal(t, raw, token)
		}
	}
}
