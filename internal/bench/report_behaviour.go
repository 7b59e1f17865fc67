package main

import (
	"fmt"
	"strings"
	"time"
)

// writeBehaviour writes the behaviour table.
func (r *result) writeBehaviour(b *strings.Builder) {
	p := r.Plan
	fmt.Fprintf(b, `## Behaviour

HTTP requests are counted at the issuer, discovery included. It answers after
%v. Each part has a verifier and an issuer of its own.

- **cold**: requests to make the verifier + for its first token, with one caller.
- **%d at once**: requests in all with that many callers at once, on a verifier
  just made; in brackets, how many of them failed, and after how long all were
  done.
- **unknown keys**: further requests while %d tokens with made-up key IDs come
  in over %v.
- **new key after that**: from a key rotation right after until a token with
  the new key is accepted, tried every 100 ms for at most %v.
- **new key**: the same without the tokens with made-up key IDs.
- **failing**: whether a token with a known key is accepted, and after how long,
  when the issuer answers 503 to everything and a token with a made-up key ID
  has come in just before.
- **hanging**: the same with an issuer that does not answer.

From **unknown keys** on, the keys were fetched at least %v before. None is made
much older than that: what happens when a verifier's own time for its keys runs
out is not measured.

`, p.Delay, p.Callers, p.Unknown, p.Flood, p.MaxWait, p.Age)
	fmt.Fprintf(b, "| | cold | %d at once | unknown keys | new key after that | new key | failing | hanging |\n", p.Callers)
	b.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|\n")
	measured := make(map[string]behaviour)
	for _, one := range r.Behaviours {
		measured[one.Name] = one
	}
	for _, c := range r.Contestants {
		one, ok := measured[c.Name]
		if !ok {
			fmt.Fprintf(b, "| %s | fetches no keys |||||||\n", c.Name)
			continue
		}
		fmt.Fprintf(b, "| %s | %d + %d | %d (%d failed, %s) | %d | %s | %s | %s | %s |\n", c.Name,
			one.StartRequests, one.FirstRequests, one.HerdRequests, one.HerdFailed, round(one.HerdTook),
			one.FloodRequests, one.FloodRotation, one.Rotation, one.Failing, one.Hanging)
	}
	b.WriteString("\n")
}

// String says it as the tables do.
func (w wait) String() string {
	if !w.Accepted {
		return "not within " + round(w.Took)
	}
	return "accepted, " + round(w.Took)
}

// round shows a time with as many digits as it is worth.
func round(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
