package oidc_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/oidc"
	"github.com/cioidc/cioidc/oidc/oidctest"
)

// dated gives the answers of an issuer the date of another clock.
type dated struct {
	next http.RoundTripper
	date func() string
	age  string
}

func (d dated) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := d.next.RoundTrip(r)
	if err == nil {
		resp.Header.Set("Date", d.date())
		if d.age != "" {
			resp.Header.Set("Age", d.age)
		}
	}
	return resp, err
}

// Whoever reads that a token's time is wrong learns whose clock it may be; the
// caller learns nothing of it.
func TestClockInErrors(t *testing.T) {
	for name, test := range map[string]struct {
		off  time.Duration // of the clock here
		age  string
		none bool
		want string
	}{
		"ahead":          {off: 7 * time.Minute, want: "; the clock here was 7m0s ahead of the issuer's when its keys were fetched"},
		"behind":         {off: -7 * time.Minute, want: "; the clock here was 7m0s behind the issuer's when its keys were fetched"},
		"from a cache":   {off: 7 * time.Minute, age: "420"},
		"right":          {off: time.Second},
		"without a date": {off: time.Hour, none: true},
	} {
		t.Run(name, func(t *testing.T) {
			theirs := time.Date(2026, 9, 21, 12, 0, 0, 0, time.UTC)
			here := theirs.Add(test.off)
			issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com", Now: func() time.Time { return theirs }})
			client := oidctest.Client(issuer)
			client.Transport = dated{client.Transport, func() string {
				if test.none {
					return ""
				}
				return theirs.Format(http.TimeFormat)
			}, test.age}
			v := must(t, oidc.Config{
				Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: client,
				Now: func() time.Time { return here },
			})
			old := issuer.GitLab(audience, func(c oidctest.Claims) {
				c["exp"] = here.Add(-time.Minute).Unix()
				c["iat"] = here.Add(-time.Hour).Unix()
			})
			_, err := v.Verify(t.Context(), old)
			e := requireToken(t, err, oidc.ErrExpired)
			assert.Equal(t, "it expired at "+here.Add(-time.Minute).Format(time.RFC3339)+", 1m0s ago"+test.want, e.Detail)
			early := issuer.GitLab(audience, func(c oidctest.Claims) {
				delete(c, "nbf")
				c["iat"], c["exp"] = here.Add(time.Minute).Unix(), here.Add(time.Hour).Unix()
			})
			_, err = v.Verify(t.Context(), early)
			require.ErrorIs(t, err, oidc.ErrNotYet)
			if test.want != "" {
				assert.ErrorContains(t, err, test.want)
			} else {
				assert.NotContains(t, err.Error(), "issuer's when")
			}
		})
	}
}

// A slow answer is not a wrong clock: its date is from while it was awaited.
func TestASlowAnswerIsNoWrongClock(t *testing.T) {
	for off, want := range map[time.Duration]string{
		0:                "",
		7 * time.Minute:  "; the clock here was 6m52s ahead of the issuer's when its keys were fetched",
		-7 * time.Minute: "; the clock here was 7m0s behind the issuer's when its keys were fetched",
	} {
		synctest.Test(t, func(t *testing.T) {
			issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
			client := oidctest.Client(issuer)
			client.Transport = slow{dated{client.Transport, func() string { return time.Now().Add(-off).UTC().Format(http.TimeFormat) }, ""}}
			v := must(t, oidc.Config{Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: client})
			_, err := v.Verify(t.Context(), issuer.GitLab(audience, oidctest.Expired))
			e := requireToken(t, err, oidc.ErrExpired)
			if want == "" {
				assert.NotContains(t, e.Detail, "the clock here")
			} else {
				assert.Contains(t, e.Detail, want)
			}
		})
	}
}

// A date from before all clocks is further off than a duration can say.
func TestTheOldestDate(t *testing.T) {
	issuer := oidctest.NewIssuer(t, &oidctest.Options{URL: "https://gitlab.com"})
	client := oidctest.Client(issuer)
	client.Transport = dated{client.Transport, func() string { return "Mon, 01 Jan 0001 00:00:00 GMT" }, ""}
	v := must(t, oidc.Config{Issuers: []oidc.Issuer{oidc.GitLab("https://gitlab.com")}, Audiences: []string{audience}, HTTPClient: client})
	_, err := v.Verify(t.Context(), issuer.GitLab(audience, oidctest.Expired))
	e := requireToken(t, err, oidc.ErrExpired)
	assert.Contains(t, e.Detail, "; the clock here was 2562047h47m16.854775807s ahead of the issuer's")
}

// slow takes eight seconds to answer with keys.
type slow struct{ next http.RoundTripper }

func (s slow) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/openid-configuration") {
		return s.next.RoundTrip(r)
	}
	time.Sleep(8 * time.Second)
	return s.next.RoundTrip(r)
}
