package claims_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/claims"
)

func TestDecodeRefusesStructure(t *testing.T) {
	for name, c := range map[string]struct{ in, problem string }{
		"not an object":         {`["iss"]`, "not a JSON object"},
		"trailing":              {`{"iss":"a"}{}`, "text after the JSON object"},
		"twice":                 {`{"iss":"evil","iss":"good"}`, `member "iss" appears twice`},
		"twice deep inside":     {`{"x":[{"y":{"z":1,"z":2}}]}`, `member "z" appears twice`},
		"other case beside":     {`{"sub":"good","SUB":"evil"}`, `members "sub" and "SUB" differ only by case`},
		"long s beside":         {`{"sub":"good","ſub":"evil"}`, `members "sub" and "\u017fub" differ only by case`},
		"other case alone":      {`{"AUD":"x"}`, `"AUD" differs only by case from the claim "aud"`},
		"platform claim folded": {`{"Project_ID":"1"}`, `"Project_ID" differs only by case from the claim "project_id"`},
		"nested member folded":  {`{"job_config":{"URL":"x"}}`, `"URL" differs only by case from the claim "url"`},
		"invalid UTF-8":         {"{\"sub\":\"\xff\"}", "invalid UTF-8 in a string"},
		"lone surrogate":        {`{"sub":"\ud800"}`, "half of a surrogate pair in a string"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := claims.Decode[claims.GitLab]([]byte(c.in))
			assert.Nil(t, got)
			var s *claims.SyntaxError
			require.ErrorAs(t, err, &s)
			assert.Equal(t, c.problem, s.Problem)
		})
	}
}

func TestDecodeRefusesValues(t *testing.T) {
	for in, want := range map[string]claims.ValueError{
		`{"iss":1}`:                             {Claim: "iss", Problem: "want a string, not a number"},
		`{"sub":["a"]}`:                         {Claim: "sub", Problem: "want a string, not an array"},
		`{"aud":1}`:                             {Claim: "aud", Problem: "want a string or an array of strings, not a number"},
		`{"aud":{}}`:                            {Claim: "aud", Problem: "want a string or an array of strings, not an object"},
		`{"aud":["a",1]}`:                       {Claim: "aud", Problem: "want a string or an array of strings, not an array with something else in it"},
		`{"exp":"1790000000"}`:                  {Claim: "exp", Problem: "want a number of seconds, not a string"},
		`{"exp":"2026-09-21T00:00:00Z"}`:        {Claim: "exp", Problem: "want a number of seconds, not a string"},
		`{"exp":true}`:                          {Claim: "exp", Problem: "want a number of seconds, not a boolean"},
		`{"exp":0}`:                             {Claim: "exp", Problem: "the number of seconds is out of range"},
		`{"exp":0.5}`:                           {Claim: "exp", Problem: "the number of seconds is out of range"},
		`{"exp":-1}`:                            {Claim: "exp", Problem: "the number of seconds is out of range"},
		`{"exp":1e300}`:                         {Claim: "exp", Problem: "the number of seconds is out of range"},
		`{"exp":9300000000000000000}`:           {Claim: "exp", Problem: "the number of seconds is out of range"},
		`{"nbf":9220000000000000000}`:           {Claim: "nbf", Problem: "the number of seconds is out of range"},
		`{"iat":253402300800}`:                  {Claim: "iat", Problem: "the number of seconds is out of range"},
		`{"ref_protected":"yes"}`:               {Claim: "ref_protected", Problem: "want true or false, as a boolean or a string, not another string"},
		`{"ref_protected":"True"}`:              {Claim: "ref_protected", Problem: "want true or false, as a boolean or a string, not another string"},
		`{"ref_protected":1}`:                   {Claim: "ref_protected", Problem: "want true or false, as a boolean or a string, not a number"},
		`{"runner_id":1.5}`:                     {Claim: "runner_id", Problem: "want a string or a whole number, not a number"},
		`{"runner_id":-1}`:                      {Claim: "runner_id", Problem: "want a string or a whole number, not a number"},
		`{"runner_id":1e3}`:                     {Claim: "runner_id", Problem: "want a string or a whole number, not a number"},
		`{"project_id":true}`:                   {Claim: "project_id", Problem: "want a string or a whole number, not a boolean"},
		`{"groups_direct":"a"}`:                 {Claim: "groups_direct", Problem: "want an array of strings, not a string"},
		`{"groups_direct":[null]}`:              {Claim: "groups_direct", Problem: "want an array of strings, not one with null in it"},
		`{"job_config":"x"}`:                    {Claim: "job_config", Problem: "want an object, not a string"},
		`{"job_config":{"sha":1}}`:              {Claim: "job_config.sha", Problem: "want a string, not a number"},
		`{"user_identities":{}}`:                {Claim: "user_identities", Problem: "want an array, not an object"},
		`{"user_identities":[{"provider":[]}]}`: {Claim: "user_identities.provider", Problem: "want a string, not an array"},
	} {
		got, err := claims.Decode[claims.GitLab]([]byte(in))
		assert.Nil(t, got, in)
		var v *claims.ValueError
		if assert.ErrorAs(t, err, &v, in) {
			assert.Equal(t, want, *v, in)
		}
	}
}

func TestScalars(t *testing.T) {
	c, err := claims.Decode[claims.GitLab]([]byte(
		`{"aud":["a","b"],"exp":1790000000.9,"iat":1.79e9,"nbf":null,"runner_id":12,"user_login":null,"groups_direct":[],"job_config":null,"user_identities":null}`))
	require.NoError(t, err)
	assert.Equal(t, claims.Audience{"a", "b"}, c.Audience)
	assert.True(t, c.Audience.Contains("b"))
	assert.False(t, c.Audience.Contains("A"))
	assert.Equal(t, claims.NumericDate(1790000000), c.ExpiresAt, "the fraction is dropped")
	assert.Equal(t, claims.NumericDate(1790000000), c.IssuedAt)
	assert.Equal(t, time.Date(2026, 9, 21, 14, 13, 20, 0, time.UTC), c.IssuedAt.Time())
	assert.Zero(t, c.NotBefore)
	assert.True(t, c.NotBefore.Time().IsZero())
	assert.Equal(t, claims.ID("12"), c.RunnerID)
	assert.Empty(t, c.UserLogin)
	assert.Nil(t, c.JobConfig)

	// encoding/json reads and writes the types as the platforms do.
	type all struct {
		A claims.Audience
		B claims.Bool
		D claims.NumericDate
		I claims.ID
	}
	for in, want := range map[string]string{
		`{"A":"x","B":"true","D":5,"I":7}`:       `{"A":"x","B":true,"D":5,"I":"7"}`,
		`{"A":["x","y"],"B":false,"D":5,"I":""}`: `{"A":["x","y"],"B":false,"D":5,"I":""}`,
		`{"B":null}`:                             `{"A":null,"B":null,"D":null,"I":""}`,
	} {
		var v all
		require.NoError(t, json.Unmarshal([]byte(in), &v), in)
		assert.Equal(t, want, mustJSON(t, v))
		var again all
		require.NoError(t, json.Unmarshal([]byte(want), &again), "what is written can be read")
		assert.Equal(t, v, again)
	}
	var b claims.Bool
	assert.ErrorContains(t, json.Unmarshal([]byte(`"no"`), &b), "want true or false")
	assert.ErrorContains(t, b.UnmarshalJSON([]byte(`true,"x":1`)), "more than one JSON value")
	assert.ErrorContains(t, b.UnmarshalJSON([]byte(`tr`)), "not a JSON value")
}

// third is a model as users write them, with a type that only encoding/json
// knows.
type third struct {
	claims.Registered
	Pipeline string            `json:"pipeline_slug"`
	Number   int               `json:"build_number,omitempty"`
	Labels   map[string]string `json:"labels"`
	When     time.Time         `json:"when"`
	Skipped  string            `json:"-"`
	Plain    string
	hidden   string
}

func TestDecodeModelOfYourOwn(t *testing.T) {
	c, err := claims.Decode[third]([]byte(`{"iss":"https://x.example","pipeline_slug":"p","build_number":7,"labels":{"a":"b"},
		"when":"2026-01-02T03:04:05Z","Skipped":"no","Plain":"yes","hidden":"no","exp":5}`))
	require.NoError(t, err)
	assert.Equal(t, "https://x.example", c.Issuer)
	assert.Equal(t, "p", c.Pipeline)
	assert.Equal(t, 7, c.Number)
	assert.Equal(t, map[string]string{"a": "b"}, c.Labels)
	assert.Equal(t, 2026, c.When.Year())
	assert.Equal(t, "yes", c.Plain)
	assert.Empty(t, c.Skipped+c.hidden)
	assert.Equal(t, claims.NumericDate(5), c.ExpiresAt)

	_, err = claims.Decode[third]([]byte(`{"build_number":"7-secret"}`))
	var v *claims.ValueError
	require.ErrorAs(t, err, &v)
	assert.Equal(t, "build_number", v.Claim)
	assert.NotContains(t, err.Error(), "secret", "a value stays out of the error")
}

type (
	twice struct {
		claims.Registered
		A string `json:"sub"`
	}
	folded struct {
		claims.Registered
		A string `json:"x"`
		B string `json:"X"`
	}
	quoted struct {
		claims.Registered
		A int `json:"a,string"`
	}
	recursive struct {
		claims.Registered
		Next *recursive `json:"next"`
	}
	byPointer struct{ *claims.Registered }
	named     struct {
		claims.Registered `json:"registered"`
	}
	left struct {
		claims.Registered `json:"-"`
	}
	common   struct{ Common string }
	embedder struct {
		claims.Registered
		*common
	}
	noModel string
	bad     struct {
		A int `json:"a,string"`
	}
	deep struct {
		claims.Registered
		bad
	}
	listed struct {
		claims.Registered
		List []bad
	}
	pointed struct {
		claims.Registered
		Next *bad
	}
	within struct {
		claims.Registered
		In bad
	}
)

func (noModel) RegisteredClaims() *claims.Registered { return nil }

func TestNewDecoderRefusesModels(t *testing.T) {
	for _, c := range []struct {
		got  error
		want string
	}{
		{newDecoder[twice](), `the claims "sub" and "sub" are declared twice or differ only by case`},
		{newDecoder[folded](), `the claims "x" and "X" are declared twice or differ only by case`},
		{newDecoder[quoted](), "field A: the json tag's option string is not supported; use claims.ID or claims.Bool"},
		{newDecoder[recursive](), "field Next: type claims_test.recursive holds itself"},
		{newDecoder[byPointer](), "does not embed claims.Registered by value and untagged"},
		{newDecoder[named](), "does not embed claims.Registered by value and untagged"},
		{newDecoder[left](), "does not embed claims.Registered by value and untagged"},
		{newDecoder[embedder](), "field common: embed claims_test.common by value"},
		{newDecoder[deep](), "field A: the json tag's option string is not supported"},
		{newDecoder[listed](), "field List: field A: the json tag's option string is not supported"},
		{newDecoder[pointed](), "field Next: field A: the json tag's option string is not supported"},
		{newDecoder[within](), "field In: field A: the json tag's option string is not supported"},
		{newDecoder[noModel](), "model claims_test.noModel is not a struct"},
	} {
		if assert.Error(t, c.got, c.want) {
			assert.ErrorContains(t, c.got, c.want)
		}
	}
	assert.NoError(t, newDecoder[nested]())
	got, err := claims.Decode[twice]([]byte(`{}`))
	assert.Nil(t, got)
	assert.ErrorContains(t, err, "are declared twice")
}

// level is a type that checks its own text, as netip.Addr and others do.
type level string

func (l *level) UnmarshalText(text []byte) error {
	if string(text) != "low" && string(text) != "high" {
		return errors.New("neither low nor high: " + string(text))
	}
	*l = level(text)
	return nil
}

type shared struct{ Team string }

// nested is a model whose fields come from embedded structs, and are filled by
// what their types declare.
type nested struct {
	shared
	base  `json:",omitempty"`
	Level level `json:"level"`
	Addr  netip.Addr
	Any   any          `json:"any"`
	Next  *shared      `json:"next"`
	All   []*shared    `json:"all"`
	Some  []shared     `json:"some"`
	When  []time.Time  `json:"when"`
	Names []string     `json:"names"`
	Own   []level      `json:"own"`
	Bytes claims.Bool  `json:"flag"`
	Last  *claims.Bool `json:"last"`
}

type base struct{ claims.Registered }

func TestDecodeFieldTypes(t *testing.T) {
	c, err := claims.Decode[nested]([]byte(`{"iss":"i","Team":"t","level":"low","Addr":"192.0.2.1","any":{"a":[1]},"next":{"Team":"n"},
		"all":[{"Team":"a"},null],"some":[{"Team":"s"},{}],"when":["2026-01-02T03:04:05Z"],"names":["x","\u0079"],"own":["high"],"flag":"true","last":"false"}`))
	require.NoError(t, err)
	f := claims.False
	want := nested{
		shared: shared{"t"}, Level: "low", Addr: netip.MustParseAddr("192.0.2.1"), Any: map[string]any{"a": []any{1.0}},
		Next: &shared{"n"}, All: []*shared{{"a"}, nil}, Some: []shared{{"s"}, {}}, When: []time.Time{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		Names: []string{"x", "y"}, Own: []level{"high"}, Bytes: claims.True, Last: &f,
	}
	assert.Equal(t, "i", c.Issuer)
	c.Registered = claims.Registered{}
	assert.Equal(t, want, *c)

	c, err = claims.Decode[nested]([]byte(`{"next":null,"some":null,"names":null,"Team":null,"last":null,"when":null}`))
	require.NoError(t, err)
	c.Registered = claims.Registered{}
	assert.Equal(t, nested{}, *c)

	for in, want := range map[string]claims.ValueError{
		`{"level":"medium-secret"}`: {Claim: "level", Problem: "a string does not fit a Go claims_test.level"},
		`{"own":["secret"]}`:        {Claim: "own", Problem: "an array does not fit a Go []claims_test.level"},
		`{"Addr":"secret"}`:         {Claim: "Addr", Problem: "a string does not fit a Go netip.Addr"},
		`{"next":"secret"}`:         {Claim: "next", Problem: "want an object, not a string"},
		`{"next":{"Team":{}}}`:      {Claim: "next.Team", Problem: "want a string, not an object"},
		`{"some":[{"Team":1}]}`:     {Claim: "some.Team", Problem: "want a string, not a number"},
		`{"some":[1]}`:              {Claim: "some", Problem: "want an object, not a number"},
		`{"names":"secret"}`:        {Claim: "names", Problem: "want an array of strings, not a string"},
		`{"Team":true}`:             {Claim: "Team", Problem: "want a string, not a boolean"},
	} {
		_, err := claims.Decode[nested]([]byte(in))
		var v *claims.ValueError
		if assert.ErrorAs(t, err, &v, in) {
			assert.Equal(t, want, *v, in)
		}
	}
	_, err = claims.Decode[nested]([]byte(`{"some":[{"team":"s"}]}`))
	var s *claims.SyntaxError
	require.ErrorAs(t, err, &s)
	assert.EqualError(t, s, `claims: "team" differs only by case from the claim "Team"`)
	_, err = claims.Parse([]byte(`{"a":1,"a":2}`))
	assert.EqualError(t, err, `claims: member "a" appears twice at byte 7`)
}

type lost struct{ claims.Registered }

func (*lost) RegisteredClaims() *claims.Registered { return nil }

func TestDecodeModelWithoutRegisteredClaims(t *testing.T) {
	_, err := claims.Decode[lost]([]byte(`{}`))
	assert.ErrorContains(t, err, "model *claims_test.lost returns no registered claims")
}

func newDecoder[T any, P claims.ModelOf[T]]() error {
	_, err := claims.NewDecoder[T, P]()
	return err
}

// What a model takes, encoding/json takes too, and both read the same.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"iss":"a","sub":"b","aud":["c"],"exp":5}`, `{"ref_protected":"true","runner_id":5}`,
		`{"job_config":{"url":"x"},"user_identities":[{"provider":"p"}]}`, `{"exp":1e9}`, `{"EXP":5}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := claims.Decode[claims.GitLab](data)
		if err != nil {
			require.Nil(t, c)
			require.Less(t, len(err.Error()), 1000)
			return
		}
		var want claims.GitLab
		require.NoError(t, json.Unmarshal(data, &want))
		require.Equal(t, mustJSON(t, &want), mustJSON(t, c))
		_, ok := c.Lookup("iss")
		require.Equal(t, ok, strings.Contains(mustJSON(t, members(t, data)), `"iss":`))
	})
}

func members(t *testing.T, data []byte) map[string]bool {
	var all map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(data, &all))
	_, ok := all["iss"]
	if !ok {
		return nil
	}
	return map[string]bool{"iss": true}
}

// One Set reads one claims set after the other, in whatever order their claims
// come, and what was decoded stays as it is.
func TestSetIsReused(t *testing.T) {
	d, err := claims.NewDecoder[claims.GitLab]()
	require.NoError(t, err)
	var s claims.Set
	var decoded []*claims.GitLab
	texts := []string{
		`{"iss":"I","sub":"S","aud":"A"}`, `{"iss":"I","sub":"S","aud":"A"}`, `{"sub":"S","iss":"I","aud":"A"}`,
		`{"x":{"a":1},"iss":"I","sub":"S"}`, `{"sub":"S","iss":"I","jti":"J"}`,
	}
	for _, in := range texts {
		assert.Error(t, s.Parse([]byte(`{"iss":"other","sub":"other","iss":"twice"}`), d.Order()))
		data := []byte(in)
		require.NoError(t, s.Parse(data, d.Order()))
		c, err := d.Decode(&s)
		require.NoError(t, err)
		clear(data) // what was decoded must not be a part of it
		decoded = append(decoded, c)
	}
	for i, c := range decoded {
		assert.Equal(t, []string{"I", "S", texts[i]}, []string{c.Issuer, c.Subject, string(c.Payload())})
	}
}
