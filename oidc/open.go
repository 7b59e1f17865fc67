package oidc

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/cioidc/cioidc/claims"
	"github.com/cioidc/cioidc/internal/compact"
)

// opened is a token taken apart: all that can be said before its issuer is
// known. The slices and the set are valid as long as the workspace is.
type opened struct {
	parts     compact.Parts
	header    compact.Header
	set       *claims.Set
	input     []byte // what the signature covers
	signature []byte
}

// workspace is memory for reading one token after the other.
type workspace struct {
	bytes []byte
	set   claims.Set
}

// open takes raw apart, in the workspace.
func (v *Verifier) open(raw string, w *workspace) (o opened, err error) {
	fail := func(err error) (opened, error) {
		reason := ErrMalformed
		if errors.Is(err, compact.ErrUnsupported) {
			reason = ErrUnsupported
		}
		return opened{}, &TokenError{Reason: reason, Detail: err.Error()}
	}
	if o.parts, err = compact.Split(raw); err != nil {
		return fail(err)
	}
	b := append(w.bytes[:0], o.parts.SigningInput...)
	input := len(b)
	if b, err = compact.AppendDecode(b, "payload", o.parts.Payload); err != nil {
		return fail(err)
	}
	payload := len(b)
	if b, err = compact.AppendDecode(b, "signature", o.parts.Signature); err != nil {
		return fail(err)
	}
	w.bytes = b
	o.input, o.signature = b[:input:input], b[payload:]
	var order *claims.Order
	if known := v.headers.recall(o.parts.Header); known != nil {
		o.header, order = known.header, known.codec.order()
	} else if o.header, err = compact.ParseHeader(o.parts.Header); err != nil {
		return fail(err)
	}
	o.set = &w.set
	if err = o.set.Parse(b[input:payload], order); err != nil {
		var s *claims.SyntaxError
		if errors.As(err, &s) {
			err = fmt.Errorf("the payload: %s at byte %d", s.Problem, s.Offset)
		}
		return fail(err)
	}
	return o, nil
}

// headerMemo remembers the headers of tokens that were verified, and how their
// claims are decoded. All tokens of a key have the same header, so that it need
// not be parsed each time, and their claims come in about the same order. A
// header that comes with a forged signature never gets in.
type headerMemo struct {
	slots [8]atomic.Pointer[knownHeader]
}

type knownHeader struct {
	part   string
	header compact.Header
	codec  *codec
}

func (m *headerMemo) slot(part string) *atomic.Pointer[knownHeader] {
	h := uint32(len(part))
	for i := max(0, len(part)-16); i < len(part); i++ {
		h = h*31 + uint32(part[i])
	}
	return &m.slots[h%uint32(len(m.slots))]
}

// recall returns what is known of a header, or nil.
func (m *headerMemo) recall(part string) *knownHeader {
	if k := m.slot(part).Load(); k != nil && k.part == part {
		return k
	}
	return nil
}

func (m *headerMemo) remember(part string, h compact.Header, c *codec) {
	slot := m.slot(part)
	if k := slot.Load(); k != nil && k.part == part && k.codec == c {
		return
	}
	// Cloned, so that the memo does not keep whole tokens.
	slot.Store(&knownHeader{part: strings.Clone(part), header: h, codec: c})
}
