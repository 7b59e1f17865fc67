package strictjson

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseAccepts(t *testing.T) {
	o, err := Parse(" {\"a\" : 1.5e3 ,\t\"b\":[true,false,null,{\"a\":\"\\u00e9\\ud83d\\ude00\"}],\"\\u0063\":\"x\\n\\\"\"}\r\n")
	require.NoError(t, err)
	want := []Member{
		{"a", "1.5e3"},
		{"b", `[true,false,null,{"a":"\u00e9\ud83d\ude00"}]`},
		{"c", `"x\n\""`},
	}
	assert.Equal(t, want, o.Members())
	v, ok := o.Lookup("c")
	require.True(t, ok)
	s, ok := Unquote(v)
	require.True(t, ok)
	assert.Equal(t, "x\n\"", s)
	_, ok = o.Lookup("C")
	assert.False(t, ok)
	for pair, want := range map[string]string{
		`\ud800\udc00`: "\U00010000", `\uDBFF\uDFFF`: "\U0010FFFF", `\ud7ff\ue000`: "\ud7ff\ue000", `x\ud83d\ude00y\u0000`: "x😀y\x00",
		`\"\\\/\b\f\n\r\t.\u00e9\u00E9\uabcd\uABCD`: "\"\\/\b\f\n\r\t.éé\uabcd\uabcd", `\t`: "\t", ``: "",
	} {
		o, err := Parse(`{"a":"` + pair + `"}`)
		require.NoError(t, err, pair)
		s, ok := Unquote(o.Members()[0].Value)
		assert.True(t, ok)
		assert.Equal(t, want, s)
	}
	for _, number := range []string{"0", "-0", "10", "-1.05", "1e5", "1E5", "1e+5", "1e-5", "0.0e00", "123456789012345678901234567890"} {
		o, err := Parse(`{"a":` + number + `}`)
		require.NoError(t, err, number)
		assert.Equal(t, number, o.Members()[0].Value)
	}
	for _, empty := range []string{"{}", " { } "} {
		_, err := Parse(empty)
		assert.NoError(t, err)
	}
}

func TestParseRefuses(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	_, err := Parse(deep(MaxDepth))
	require.NoError(t, err, "the deepest that is allowed")
	_, err = Parse(`{"a":` + strings.Repeat("[", MaxDepth-1) + strings.Repeat("]", MaxDepth-1) + "}")
	require.NoError(t, err, "and in arrays")
	for name, c := range map[string]struct{ in, problem string }{
		"nothing":                    {"", "nothing where a JSON object should be"},
		"byte order mark":            {"\ufeff{}", "not a JSON object"},
		"null":                       {"null", "not a JSON object"},
		"array":                      {"[]", "not a JSON object"},
		"string":                     {`"{}"`, "not a JSON object"},
		"two objects":                {"{}{}", "text after the JSON object"},
		"trailing garbage":           {`{"a":1} x`, "text after the JSON object"},
		"not closed":                 {`{"a":1`, "object not closed"},
		"comma at the end":           {`{"a":1,}`, "no name where an object member should start"},
		"no colon":                   {`{"a" 1}`, "no colon after a member's name"},
		"no comma":                   {`{"a":1 "b":2}`, "neither comma nor brace after a member"},
		"no value":                   {`{"a":}`, "not a JSON value"},
		"array not closed":           {`{"a":[1`, "array not closed"},
		"comma in array":             {`{"a":[1,]}`, "not a JSON value"},
		"array without comma":        {`{"a":[1 2]}`, "neither comma nor bracket after an element"},
		"leading zero":               {`{"a":01}`, "neither comma nor brace after a member"},
		"plus sign":                  {`{"a":+1}`, "not a JSON value"},
		"no digits":                  {`{"a":-}`, "not a JSON number"},
		"no fraction":                {`{"a":1.}`, "not a JSON number"},
		"no exponent":                {`{"a":1e}`, "not a JSON number"},
		"NaN":                        {`{"a":NaN}`, "not a JSON value"},
		"word cut":                   {`{"a":tru`, "not a JSON value"},
		"control character":          {"{\"a\":\"\x01\"}", "control character in a string"},
		"line break in string":       {"{\"a\":\"\n\"}", "control character in a string"},
		"invalid UTF-8":              {"{\"a\":\"\xff\"}", "invalid UTF-8 in a string"},
		"overlong UTF-8":             {"{\"a\":\"\xc0\xaf\"}", "invalid UTF-8 in a string"},
		"invalid UTF-8 in name":      {"{\"\xff\":1}", "invalid UTF-8 in a string"},
		"unknown escape":             {`{"a":"\x41"}`, "unknown escape in a string"},
		"short escape":               {`{"a":"\u00"}`, "unknown escape in a string"},
		"escape cut":                 {`{"a":"\u00`, "unknown escape in a string"},
		"escape at the end":          {`{"a":"\`, "string not closed"},
		"string not closed":          {`{"a":"b`, "string not closed"},
		"lone high surrogate":        {`{"a":"\ud83d"}`, "half of a surrogate pair in a string"},
		"lone low surrogate":         {`{"a":"\ude00"}`, "half of a surrogate pair in a string"},
		"high surrogate at the end":  {`{"a":"\ud83d`, "half of a surrogate pair in a string"},
		"high surrogate, backslash":  {`{"a":"\ud83d\`, "half of a surrogate pair in a string"},
		"high surrogate, no u":       {`{"a":"\ud83d\n"}`, "half of a surrogate pair in a string"},
		"high surrogate, cut low":    {`{"a":"\ud83d\ude0"}`, "half of a surrogate pair in a string"},
		"high surrogate, U":          {`{"a":"\ud83d\Ude00"}`, "half of a surrogate pair in a string"},
		"high surrogate, no escape":  {`{"a":"\ud83dxude00"}`, "half of a surrogate pair in a string"},
		"high surrogate, letter":     {`{"a":"\ud83d\u0041"}`, "half of a surrogate pair in a string"},
		"high surrogate, end of low": {`{"a":"\ud83d\ude0`, "half of a surrogate pair in a string"},
		"high surrogate twice":       {`{"a":"\ud83d\ud83d"}`, "half of a surrogate pair in a string"},
		"too deep":                   {deep(MaxDepth + 1), "nested deeper than 16 levels"},
		"too deep in arrays":         {`{"a":` + strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth) + "}", "nested deeper than 16 levels"},
		"lone dc00":                  {`{"a":"\udc00"}`, "half of a surrogate pair in a string"},
		"lone dfff":                  {`{"a":"\udfff"}`, "half of a surrogate pair in a string"},
		"lone d800":                  {`{"a":"\ud800\ue000"}`, "half of a surrogate pair in a string"},
		"lone dbff":                  {`{"a":"\udbff"}`, "half of a surrogate pair in a string"},
		"long names":                 {`{"` + strings.Repeat("x", 65) + `":1,"` + strings.Repeat("x", 65) + `":1}`, `member "` + strings.Repeat("x", 64) + `..." appears twice`},
		"names of 64":                {`{"` + strings.Repeat("x", 64) + `":1,"` + strings.Repeat("x", 64) + `":1}`, `member "` + strings.Repeat("x", 64) + `" appears twice`},
		"twice":                      {`{"sub":1,"sub":1}`, `member "sub" appears twice`},
		"twice by escape":            {`{"sub":1,"\u0073ub":1}`, `member "sub" appears twice`},
		"twice inside":               {`{"a":[{"b":1,"b":2}]}`, `member "b" appears twice`},
		"other case":                 {`{"sub":1,"SUB":2}`, `members "sub" and "SUB" differ only by case`},
		"other case first":           {`{"Sub":1,"sub":2}`, `members "Sub" and "sub" differ only by case`},
		"long s":                     {`{"sub":1,"ſub":2}`, `members "sub" and "\u017fub" differ only by case`},
		"Kelvin sign":                {`{"kid":1,"` + "\u212a" + `id":2}`, `members "kid" and "\u212aid" differ only by case`},
		"Greek, three lower forms":   {`{"σ":1,"ς":2}`, `members "\u03c3" and "\u03c2" differ only by case`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(c.in)
			var s *SyntaxError
			require.ErrorAs(t, err, &s)
			assert.Equal(t, c.problem, s.Problem)
		})
	}
}

// An object with more members than the list of few names holds must refuse the
// same, and must not take quadratic time to do so.
func TestParseManyMembers(t *testing.T) {
	var b strings.Builder
	b.WriteString("{")
	for i := range 2000 {
		fmt.Fprintf(&b, `"n%d":0,`, i)
	}
	_, err := Parse(b.String() + `"last":0}`)
	require.NoError(t, err)
	_, err = Parse(b.String() + `"last":0,"LAST":0}`)
	var s *SyntaxError
	require.ErrorAs(t, err, &s)
	assert.Equal(t, `members "last" and "LAST" differ only by case`, s.Problem)
}

// Names chosen to share a bit of the filter are told apart, are found if they
// come again, and cost no more than others.
func TestParseNamesThatCollide(t *testing.T) {
	collide := func(base string, n int) (names []string) {
		for i := 0; len(names) < n; i++ {
			if name := fmt.Sprint(base, i); foldedHash(name) == 7 {
				names = append(names, name)
			}
		}
		return names
	}
	object := func(names ...string) string { return `{"` + strings.Join(names, `":0,"`) + `":0}` }
	for _, base := range []string{"a", strings.Repeat("É", 10)} {
		for _, n := range []int{2, manyShared - 1, manyShared, manyShared + 1, manyShared + 2, manyNames - 1, manyNames, manyNames + 1} {
			names := collide(base, n)
			o, err := Parse(object(names...))
			require.NoError(t, err)
			assert.Len(t, o.Members(), n)
			for _, again := range []string{names[0], names[n/2], names[n-1], strings.ToLower(names[0]), strings.ToUpper(names[n-1])} {
				_, err := Parse(object(append(names, again)...))
				var s *SyntaxError
				require.ErrorAs(t, err, &s, n)
			}
		}
		doc := object(collide(base, manyNames-1)...)
		assert.Less(t, testing.AllocsPerRun(5, func() { Parse(doc) }), 500.0, "each name is folded a few times, not once for each other")
	}
}

// Whatever bit of the filter a name has, it is found when it comes again.
func TestParseFindsEveryName(t *testing.T) {
	bits := map[uint8]bool{}
	for i := 0; len(bits) < 256; i++ {
		name := fmt.Sprint("name", i)
		bits[foldedHash(name)] = true
		for _, again := range []string{name, strings.ToUpper(name)} {
			_, err := Parse(`{"first":0,"` + name + `":0,"next":0,"` + again + `":0}`)
			var s *SyntaxError
			require.ErrorAs(t, err, &s, name)
		}
	}
}

// Every rune has the fold of all runes that it may be taken for, ASCII folds to
// its lower case, and the filter agrees with both.
func TestFoldEveryRune(t *testing.T) {
	for r := rune(0); r <= 0x1FFFF; r++ { // No case beyond.
		if !utf8.ValidRune(r) {
			continue
		}
		s, fold := string(r), Fold(string(r))
		if r < utf8.RuneSelf && fold != strings.ToLower(s) || Fold(fold) != fold || foldedHash(s) != foldedHash(fold) {
			t.Fatalf("%U folds to %q", r, fold)
		}
		for c := unicode.SimpleFold(r); c != r; c = unicode.SimpleFold(c) {
			if Fold(string(c)) != fold {
				t.Fatalf("%U and %U differ", r, c)
			}
		}
	}
}

func TestElements(t *testing.T) {
	got, ok := Elements(`[ 1 , "a,]" , [2] , {"b":[3]} ]`)
	require.True(t, ok)
	assert.Equal(t, []string{"1", `"a,]"`, "[2]", `{"b":[3]}`}, got)
	got, ok = Elements(`[ ]`)
	require.True(t, ok)
	assert.Empty(t, got)
	for _, no := range []string{"", "1", `"[]"`, "{}", "null"} {
		_, ok := Elements(no)
		assert.False(t, ok, no)
	}
}

// What Parse accepts, encoding/json accepts too, with the same members.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1}`, `{"a":"\ud83d\ude00","b":[1,{"c":null}]}`, `{"a":1,"A":2}`, "{\"a\":\"\xff\"}", `{"a":-0.0e+1} `} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		o, err := Parse(in)
		if err != nil {
			var s *SyntaxError
			require.ErrorAs(t, err, &s)
			return
		}
		var want map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(in), &want))
		require.True(t, utf8.ValidString(in))
		require.Len(t, o.Members(), len(want))
		for _, m := range o.Members() {
			require.Equal(t, string(want[m.Name]), m.Value)
			var s string
			got, ok := Unquote(m.Value)
			require.Equal(t, m.Value[0] == '"', ok)
			if ok {
				require.NoError(t, json.Unmarshal([]byte(m.Value), &s))
				require.Equal(t, s, got)
			}
			if list, ok := Elements(m.Value); ok {
				var raw []json.RawMessage
				require.NoError(t, json.Unmarshal([]byte(m.Value), &raw))
				require.Len(t, list, len(raw))
				for i := range list {
					require.Equal(t, strings.TrimSpace(string(raw[i])), list[i])
				}
			}
		}
	})
}

// Names that encoding/json would take for one another have the same fold.
func FuzzFold(f *testing.F) {
	f.Add("sub", "SUB")
	f.Add("kid", "\u212aid")
	f.Add("ſ", "S")
	f.Fuzz(func(t *testing.T, a, b string) {
		if utf8.ValidString(a) && utf8.ValidString(b) && strings.EqualFold(a, b) {
			require.Equal(t, Fold(a), Fold(b))
		}
		require.Equal(t, Fold(a), Fold(Fold(a)))
	})
}

// What is expected of an object's members makes no difference to what is read.
func TestParseExpected(t *testing.T) {
	const usual = `{"iss":"a","sub":"b","aud":["c"]}`
	order := mustParse(t, usual).Order()
	same := mustParse(t, usual)
	require.NoError(t, same.Parse(` { "iss" : "x" , "sub" :1, "aud": {"iss":2} } `, order))
	assert.Same(t, order, same.Order(), "they came as expected")
	assert.Equal(t, []Member{{"iss", `"x"`}, {"sub", "1"}, {"aud", `{"iss":2}`}}, same.Members())

	for in, problem := range map[string]string{
		`{"iss":1,"sub":2,"aud":3,"iss":4}`:             `member "iss" appears twice`,
		`{"iss":1,"sub":2,"SUB":3}`:                     `members "sub" and "SUB" differ only by case`,
		`{"iss":1,"iss":2}`:                             `member "iss" appears twice`,
		`{"iss":1,"sub":2,"aud":{"x":1,"x":2}}`:         `member "x" appears twice`,
		`{"iss":1,"sub":2,"aud":3,}`:                    "no name where an object member should start",
		`{"iss":1,"sub":2,"aud":3`:                      "object not closed",
		`{"iss":1,"sub":2,"aud":3} {}`:                  "text after the JSON object",
		`{"iss"`:                                        "no colon after a member's name",
		`{"iss`:                                         "string not closed",
		`{"iss":1,"sub":2,"aud":3,"\u0061ud":4}`:        `member "aud" appears twice`,
		`{"iss":1,"sub":2,"aud":3,"other":4,"OTHER":5}`: `members "other" and "OTHER" differ only by case`,
	} {
		var o Object
		err := o.Parse(in, order)
		var s *SyntaxError
		if assert.ErrorAs(t, err, &s, in) {
			assert.Equal(t, problem, s.Problem, in)
		}
	}
	for _, in := range []string{`{}`, `{"iss":1}`, `{"sub":1,"iss":2,"aud":3}`, `{"iss":1,"sub":2,"aud":3,"x":4}`, `{"\u0069ss":1}`} {
		o := mustParse(t, usual)
		require.NoError(t, o.Parse(in, order), in)
		assert.NotSame(t, order, o.Order(), in)
		assert.Equal(t, append([]Member{}, mustParse(t, in).Members()...), append([]Member{}, o.Members()...), in)
	}
	// A name that cannot be spelled without an escape is not compared as text.
	for _, in := range []string{`{"a\u0001":1}`, `{"a\"":1}`, `{"a\\":1}`} {
		assert.Nil(t, mustParse(t, in).Order(), in)
	}
	assert.NotNil(t, mustParse(t, `{"é":1,"\u007f":2}`).Order())
	many := make([]string, maxOrder+1)
	for i := range many {
		many[i] = fmt.Sprintf(`"n%d":0`, i)
	}
	assert.Nil(t, mustParse(t, "{"+strings.Join(many, ",")+"}").Order())
	assert.NotNil(t, mustParse(t, "{"+strings.Join(many[1:], ",")+"}").Order())
}

func mustParse(t *testing.T, src string) *Object {
	t.Helper()
	o, err := Parse(src)
	require.NoError(t, err)
	return o
}

func FuzzParseExpected(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":2}`, `{"a":1,"A":2}`, `{"a":{"a":[]},"é":"\u00e9"}`, "{\"a\\u0001\":1}", "{\"a\x01\":1}"} {
		f.Add(s, `{"a":1,"b":{"c":3}}`)
		f.Add(`{"a":1,"b":{"c":3}}`, s)
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, before, in string) {
		var o Object
		if o.Parse(before, nil) != nil {
			return
		}
		want, wantErr := Parse(in)
		err := o.Parse(in, o.Order())
		require.Equal(t, wantErr, err)
		if err == nil {
			require.Equal(t, append([]Member{}, want.Members()...), append([]Member{}, o.Members()...))
		}
	})
}

// A walk finds what the scanner read.
func TestWalk(t *testing.T) {
	value, _ := mustParse(t, `{"v": [ 1 ,"a]\"\\", {"b":[",",{}] , "c\n":null},[ ],true , -1.5e3] }`).Lookup("v")
	want := []string{"1", `"a]\"\\"`, `{"b":[",",{}] , "c\n":null}`, "[ ]", "true", "-1.5e3"}
	got, ok := Elements(value)
	assert.True(t, ok)
	assert.Equal(t, want, got)
	w, ok := WalkObject(want[2])
	require.True(t, ok)
	var members []Member
	for m, ok := w.NextMember(); ok; m, ok = w.NextMember() {
		members = append(members, m)
	}
	assert.Equal(t, []Member{{"b", `[",",{}]`}, {"c\n", "null"}}, members)
	_, ok = WalkObject("[]")
	assert.False(t, ok)
	_, ok = WalkArray("")
	assert.False(t, ok)
}

// A walk relies on the scanner's checks, and finds what encoding/json does.
func FuzzWalk(f *testing.F) {
	for _, s := range []string{`[1,"a",{"b":2},[3]]`, `{"a":{"b":"c"},"d":[]}`, `["\\"]`, `[[],{"]":"}"}]`, ` [ 1 , 2 ] `} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		o, err := Parse(`{"v":` + in + `}`)
		if err != nil || len(o.Members()) != 1 {
			return
		}
		in = o.Members()[0].Value
		if list, ok := Elements(in); ok {
			var want []json.RawMessage
			require.NoError(t, json.Unmarshal([]byte(in), &want))
			require.Len(t, list, len(want))
			for i := range list {
				require.Equal(t, string(want[i]), list[i])
			}
		}
		if w, ok := WalkObject(in); ok {
			want, err := Parse(in)
			require.NoError(t, err)
			var got []Member
			for m, more := w.NextMember(); more; m, more = w.NextMember() {
				got = append(got, m)
			}
			require.Equal(t, append([]Member(nil), want.Members()...), got)
		}
	})
}

// Names of an object inside another do not count for that one, wherever they
// come and whatever they share with its own names.
func TestParseNamesOfNestedObjects(t *testing.T) {
	var alike []string
	for i := 0; len(alike) < 2; i++ {
		if name := fmt.Sprint("n", i); foldedHash(name) == foldedHash("n0") {
			alike = append(alike, name)
		}
	}
	for _, in := range []string{
		`{"a":{"b":1},"b":2}`, `{"b":1,"a":{"b":1}}`, `{"a":{"b":{"c":1},"c":2},"c":3,"b":4}`,
		fmt.Sprintf(`{%q:1,"o":{%q:2},%q:3}`, alike[0], alike[1], alike[1]),
	} {
		o := mustParse(t, in)
		require.NoError(t, o.Parse(in, o.Order()), in)
	}
	for _, in := range []string{`{"b":0,"a":{"b":{"c":1}},"b":2}`, `{"a":{"c":1,"d":{"c":2},"c":3}}`} {
		_, err := Parse(in)
		assert.ErrorContains(t, err, "appears twice", in)
	}
}

// What an object holds of one text does not outlive the next.
func TestParseForgets(t *testing.T) {
	var o Object
	require.NoError(t, o.Parse(`{"a":1,"b":{"c":2},"d":3}`, nil))
	assert.Error(t, o.Parse(`{"e":1,"f":2,"g":3,"h":{"i":{}},"e":4}`, nil))
	require.NoError(t, o.Parse(`{"z":1}`, nil))
	for _, m := range o.members[1:cap(o.members)] {
		assert.Zero(t, m)
	}
	for _, n := range o.seen[:cap(o.seen)] {
		assert.Contains(t, []string{"", "z"}, n.name)
	}
}
