package awstrust

import (
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// choices turns bytes into decisions; without any more, all are the first.
type choices struct{ data []byte }

func (c *choices) of(n int) int {
	if len(c.data) == 0 {
		return 0
	}
	b := c.data[0]
	c.data = c.data[1:]
	return int(b) % n
}

func (c *choices) pick(list ...string) string { return list[c.of(len(list))] }

// policyOf makes up a document: statements with up to three conditions, on keys
// that are there, that are not, and that the request decides.
func (c *choices) policyOf() string {
	var statements []string
	for range 1 + c.of(3) {
		conditions := map[string]map[string]any{}
		for range c.of(4) {
			operator, key, values := c.condition()
			if conditions[operator] == nil {
				conditions[operator] = map[string]any{}
			}
			conditions[operator][key] = values
		}
		text, _ := json.Marshal(conditions)
		statements = append(statements, `{"Effect":"`+c.pick("Allow", "Allow", "Deny")+`","Principal":`+
			c.pick(`{"Federated":"`+gitLab.ARN()+`"}`, `{"Federated":"*"}`, `{"Federated":"x"}`, `{"AWS":"*"}`)+
			`,"Action":"`+c.pick("sts:AssumeRoleWithWebIdentity", "sts:*", "sts:AssumeRole")+`","Condition":`+string(text)+`}`)
	}
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func (c *choices) condition() (operator, key string, values []string) {
	set, exists := c.pick("", "", "ForAnyValue:", "ForAllValues:"), c.pick("", "", "IfExists")
	switch c.of(4) {
	case 0:
		return set + c.pick("IpAddress", "NotIpAddress") + exists, "aws:SourceIp", []string{c.pick("192.0.2.0/24", "10.0.0.0/8", "192.0.2.7")}
	case 1:
		return "Null", "gitlab.com:" + c.pick("sub", "ref"), []string{c.pick("true", "false")}
	}
	key = c.pick("gitlab.com:sub", "gitlab.com:project_id", "gitlab.com:ref", "sts:RoleSessionName", "gitlab.com:amr")
	for range 1 + c.of(2) {
		values = append(values, c.pick("*", "67890", "deploy", "d*", "project_path:*", "${sts:RoleSessionName}", "${gitlab.com:ref}", "pwd", "?????"))
	}
	operator = c.pick("StringEquals", "StringLike", "StringNotEquals", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase")
	return set + operator + exists, key, values
}

const propertyToken = `{"iss":"https://gitlab.com","aud":"https://deploy.example","sub":"project_path:acme/payments:ref_type:branch:ref:main",
	"iat":1,"exp":2,"project_id":"67890","amr":["pwd","otp"]}`

func seeds() (all [][]byte) {
	random := rand.New(rand.NewPCG(7, 11))
	for range 200 {
		seed := make([]byte, 60)
		for i := range seed {
			seed[i] = byte(random.Uint32())
		}
		all = append(all, seed)
	}
	return all
}

// The documents that are made up come to all three outcomes, so that the
// properties below are not those of nothing.
func TestPropertySeeds(t *testing.T) {
	count := map[Outcome]int{}
	for _, seed := range seeds() {
		d, err := Parse([]byte((&choices{seed}).policyOf()))
		require.NoError(t, err)
		count[Simulate(d, []byte(propertyToken), gitLab, nil).Outcome]++
	}
	for _, outcome := range []Outcome{Accepted, Rejected, Indeterminate} {
		assert.Greater(t, count[outcome], 20, "%v: %v", outcome, count)
	}
}

// What is not known is rightly so: whatever the request turns out to be, it does
// not contradict an answer that was given without it. And a Deny takes away only.
func FuzzSimulate(f *testing.F) {
	for _, seed := range seeds() {
		f.Add(seed)
	}
	payload := []byte(propertyToken)
	f.Fuzz(func(t *testing.T, data []byte) {
		text := (&choices{data}).policyOf()
		d, err := Parse([]byte(text))
		if err != nil { // too long, at worst
			require.Contains(t, err.Error(), "characters without white space", text)
			return
		}
		unknown := Simulate(d, payload, gitLab, nil)
		for _, address := range []string{"192.0.2.7", "192.0.2.9", "10.1.1.1", "203.0.113.1"} {
			for _, session := range []string{"deploy", "67890", "x", "project_path:acme/payments:ref_type:branch:ref:main"} {
				known := Simulate(d, payload, gitLab, &Request{SourceIP: netip.MustParseAddr(address), SessionName: session})
				if unknown.Outcome != Indeterminate {
					assert.Equal(t, unknown.Outcome, known.Outcome, "%s from %s as %s: %v\n%v", text, address, session, unknown, known)
				}
				for i := range d.Statements {
					less := *d
					less.Statements = append(append([]Statement(nil), d.Statements[:i]...), d.Statements[i+1:]...)
					without := Simulate(&less, payload, gitLab, &Request{SourceIP: netip.MustParseAddr(address), SessionName: session})
					if d.Statements[i].Effect == Deny && known.Outcome == Accepted {
						assert.Equal(t, Accepted, without.Outcome, "a Deny let somebody in: %s", text)
					}
					if d.Statements[i].Effect == Allow && known.Outcome == Rejected {
						assert.Equal(t, Rejected, without.Outcome, "an Allow kept somebody out: %s", text)
					}
				}
			}
		}
	})
}
