package exchange

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/cioidc/cioidc/internal/httpx"
	"github.com/cioidc/cioidc/internal/safetext"
)

// The values of [Error.Stage].
const (
	// StageSource: the CI token could not be had; nothing was sent.
	StageSource = "source"
	// StageExchange: the token was presented, or was about to be.
	StageExchange = "exchange"
	// StageSign: the assertion by which a client of the token endpoint proves who
	// it is could not be made; nothing was sent there.
	StageSign = "sign"
	// StageSend: a token that its service takes as it is was not sent to it.
	StageSend = "send"
	// StageImpersonate: the exchanged credentials were presented to become
	// another identity, such as a Google service account.
	StageImpersonate = "impersonate"
)

// Error reports an exchange that failed. It holds neither a token nor a
// credential, whatever the other side answered: the exchanges scrub its fields.
type Error struct {
	// Service is "aws", "google", or the host of the token endpoint.
	Service string
	// Stage is one of the Stage constants.
	Stage string
	// StatusCode is the HTTP status of the answer. Zero means that there was
	// none.
	StatusCode int
	// Code is the other side's error code, such as "AccessDenied" or
	// "invalid_grant". Empty means that it sent none.
	Code string
	// Description is the other side's own text, at most 256 bytes of it. It
	// may hold any character: quote it before it is printed.
	Description string
	// RequestID identifies the request to the other side's support. Empty
	// means that it sent none.
	RequestID string
	// Causes are what may be wrong, the likeliest first. If there are several and
	// none is certain, they are candidates: what could tell them apart was not
	// there. Empty means that nothing is known beyond the other fields.
	Causes []Cause
	// Err is the underlying error, such as a context's, a network error, or
	// the token source's. It may be nil.
	Err error
}

// A Cause is one explanation of an [Error], and what to do about it.
type Cause struct {
	// ID names the kind of cause for programs, such as "aws-audience".
	ID string
	// Summary says what is wrong, in one sentence without a full stop.
	Summary string
	// Action says what to do, in one sentence without a full stop.
	Action string
	// Certain tells that the evidence leaves no other explanation.
	Certain bool
	// Evidence is what speaks for the cause.
	Evidence []Evidence
}

// Evidence sets what the token says beside what was configured.
type Evidence struct {
	// Name is the claim or the setting, such as "aud".
	Name string
	// Token is what the token says, unverified. Empty means nothing.
	Token string
	// Configured is what the configuration says. Empty means nothing.
	Configured string
}

// Error returns what happened, the other side's words, the first cause and the
// number of the others in one line. Format it with %+v for everything. Only at
// [StageSource] may there be more lines: the source's error may hold the
// configuration to add.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.headline())
	if len(e.Causes) > 0 {
		c := &e.Causes[0]
		if e.uncertain() {
			fmt.Fprintf(&b, ": cannot tell which of %d causes, the likeliest: %s", len(e.Causes), oneLine(c.Summary))
		} else {
			b.WriteString(": " + c.likelihood() + ": " + oneLine(c.Summary))
		}
		if c.Action != "" {
			b.WriteString("; " + oneLine(c.Action))
		}
	}
	// The SDKs of the clouds print this line alone: it must say that it is not
	// all, and how to get the rest.
	switch n := len(e.Causes) - 1; {
	case n == 1:
		b.WriteString(" (and 1 other cause: print the *exchange.Error with %+v)")
	case n > 1:
		fmt.Fprintf(&b, " (and %d other causes: print the *exchange.Error with %%+v)", n)
	}
	return b.String()
}

func (e *Error) headline() string {
	var b strings.Builder
	b.WriteString("exchange: " + oneLine(e.Service))
	switch e.Stage {
	case StageSource:
		b.WriteString(": no CI token")
	case StageExchange:
		b.WriteString(": token exchange failed")
	case StageSign:
		b.WriteString(": client assertion not signed")
	case StageSend:
		b.WriteString(": token not sent")
	case StageImpersonate:
		b.WriteString(": impersonation failed")
	default:
		b.WriteString(": " + oneLine(e.Stage) + " failed")
	}
	var facts []string
	if e.StatusCode != 0 {
		facts = append(facts, "HTTP "+strconv.Itoa(e.StatusCode))
	}
	if e.Code != "" {
		facts = append(facts, oneLine(e.Code))
	}
	if e.RequestID != "" {
		facts = append(facts, "request "+oneLine(e.RequestID))
	}
	if len(facts) > 0 {
		b.WriteString(" (" + strings.Join(facts, ", ") + ")")
	}
	if e.Description != "" {
		b.WriteString(": " + safetext.Quote(e.Description))
	} else if e.Err != nil {
		text := oneLine(e.Err.Error())
		if e.Stage == StageSource {
			text = printable(e.Err.Error(), "\n")
		}
		b.WriteString(": " + text)
	}
	return b.String()
}

// Format prints Error's line for %s and %v, the same quoted for %q, and for %+v
// every cause with its evidence, one fact to a line.
func (e *Error) Format(s fmt.State, verb rune) {
	switch {
	case verb == 'v' && s.Flag('+'):
		_, _ = io.WriteString(s, e.whole())
	case verb == 'q':
		_, _ = io.WriteString(s, strconv.Quote(e.Error()))
	case verb == 'v' || verb == 's':
		_, _ = io.WriteString(s, e.Error())
	default:
		_, _ = fmt.Fprintf(s, "%%!%c(*exchange.Error=%s)", verb, e.Error())
	}
}

func (e *Error) whole() string {
	var b strings.Builder
	b.WriteString(e.headline())
	if e.uncertain() {
		b.WriteString("\n  cannot tell which of these it is; the likeliest is first:")
	}
	for i := range e.Causes {
		c := &e.Causes[i]
		fmt.Fprintf(&b, "\n  %s [%s]: %s", c.likelihood(), oneLine(c.ID), oneLine(c.Summary))
		for _, ev := range c.Evidence {
			b.WriteString("\n    " + ev.String())
		}
		if c.Action != "" {
			b.WriteString("\n    to do: " + oneLine(c.Action))
		}
	}
	return b.String()
}

// uncertain tells that the causes are candidates: what could tell them apart was
// not there.
func (e *Error) uncertain() bool {
	return len(e.Causes) > 1 && !slices.ContainsFunc(e.Causes, func(c Cause) bool { return c.Certain })
}

func (c *Cause) likelihood() string {
	if c.Certain {
		return "cause"
	}
	return "likely cause"
}

// String returns the evidence in one line, with both values quoted.
func (ev Evidence) String() string {
	var sides []string
	if ev.Token != "" {
		sides = append(sides, "the token says "+safetext.Quote(ev.Token))
	}
	if ev.Configured != "" {
		sides = append(sides, "configured is "+safetext.Quote(ev.Configured))
	}
	if len(sides) == 0 {
		return oneLine(ev.Name) + ": absent"
	}
	return oneLine(ev.Name) + ": " + strings.Join(sides, ", ")
}

// LogValue implements [slog.LogValuer]: a group of the fields that are set,
// with a group for each cause.
func (e *Error) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("service", e.Service), slog.String("stage", e.Stage)}
	text := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	if e.StatusCode != 0 {
		attrs = append(attrs, slog.Int("status", e.StatusCode))
	}
	text("code", e.Code)
	text("description", safetext.Cut(e.Description))
	text("request_id", e.RequestID)
	if e.Err != nil {
		text("err", e.Err.Error())
	}
	for i := range e.Causes {
		c := &e.Causes[i]
		group := []any{slog.String("id", c.ID), slog.Bool("certain", c.Certain), slog.String("summary", c.Summary), slog.String("action", c.Action)}
		for _, ev := range c.Evidence {
			group = append(group, slog.Group("evidence_"+ev.Name, slog.String("token", safetext.Cut(ev.Token)), slog.String("configured", safetext.Cut(ev.Configured))))
		}
		attrs = append(attrs, slog.Group("cause_"+strconv.Itoa(i+1), group...))
	}
	return slog.GroupValue(attrs...)
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// Retryable reports whether the same exchange may succeed a little later: the
// other side was overloaded or failed by itself, could not fetch the issuer's
// keys, or was not reached. A refusal of the token is not that. An error of
// [StageSource] is retryable only if the source's own error says that it is.
func (e *Error) Retryable() bool {
	if e.StatusCode == http.StatusTooManyRequests || e.StatusCode >= 500 {
		return true
	}
	switch e.Code {
	case "Throttling", "ThrottlingException", "RequestLimitExceeded", "IDPCommunicationError", "temporarily_unavailable", "slow_down":
		return true
	case "InvalidIdentityToken":
		// One code for everything wrong with a token, and for the one thing
		// that is not: AWS could not fetch the issuer's keys.
		return strings.HasPrefix(e.Description, "Couldn't retrieve verification key")
	}
	if e.StatusCode >= 300 || e.Err == nil {
		return false
	}
	if e.Stage == StageSource {
		var r interface{ Retryable() bool }
		return errors.As(e.Err, &r) && r.Retryable()
	}
	return httpx.Dropped(e.Err)
}

// oneLine returns text with line breaks and other control characters replaced
// by spaces.
func oneLine(text string) string { return printable(text, "") }

// printable returns text with every character that is neither printable nor in
// keep replaced by a space.
func printable(text, keep string) string {
	return strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) || strings.ContainsRune(keep, r) {
			return r
		}
		return ' '
	}, text)
}
