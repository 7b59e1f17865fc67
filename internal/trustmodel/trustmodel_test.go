package trustmodel

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// What is not known stays so unless the other side decides alone.
func TestTruth(t *testing.T) {
	for _, c := range []struct{ a, b, and, or Truth }{
		{True, True, True, True}, {True, False, False, True}, {True, Unknown, Unknown, True},
		{False, False, False, False}, {False, Unknown, False, Unknown}, {Unknown, Unknown, Unknown, Unknown},
	} {
		assert.Equal(t, c.and, And(c.a, c.b), "%v and %v", c.a, c.b)
		assert.Equal(t, c.and, And(c.b, c.a), "%v and %v", c.b, c.a)
		assert.Equal(t, c.or, Or(c.a, c.b), "%v or %v", c.a, c.b)
		assert.Equal(t, c.or, Or(c.b, c.a), "%v or %v", c.b, c.a)
	}
	assert.Equal(t, []Truth{False, True, Unknown}, []Truth{Not(True), Not(False), Not(Unknown)})
}

func TestPlaces(t *testing.T) {
	p := Places{Text: []byte("aé\nb")}
	for _, c := range []struct {
		offset int
		at     string
	}{{0, "1:1"}, {3, "1:3"}, {4, "2:1"}, {1, "1:2"}, {99, "2:2"}} {
		assert.Equal(t, c.at, p.At(c.offset).String(), c.offset)
	}
	assert.Equal(t, "-", Position{}.String())
}
