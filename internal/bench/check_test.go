package main

import (
	"context"
	"crypto/rsa"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cioidc/cioidc/internal/fakeissuer"
)

var errNo = errors.New("no")

// Nobody is measured who does nothing, or less than the others.
func TestCheckFindsVerifiersThatDoTooLittle(t *testing.T) {
	workloads, err := newWorkloads()
	require.NoError(t, err)
	defer closeAll(workloads)
	w := workloads[0]
	require.Len(t, w.Bad, 4)

	t.Run("accepts all", func(t *testing.T) {
		err := check(t.Context(), func(context.Context, string) (string, error) { return w.Project, nil }, w)
		assert.ErrorContains(t, err, "accepts a token that is bad")
	})
	for _, bad := range w.Bad {
		t.Run("accepts one that is bad: "+bad.Name, func(t *testing.T) {
			err := check(t.Context(), refusing(w, bad.Raw), w)
			assert.EqualError(t, err, "accepts a token that is bad: "+bad.Name)
		})
	}
	t.Run("decodes nothing", func(t *testing.T) {
		err := check(t.Context(), func(context.Context, string) (string, error) { return "", nil }, w)
		assert.ErrorContains(t, err, `decoded project "" of a token of project "58210"`)
	})
	t.Run("takes no such token", func(t *testing.T) {
		err := check(t.Context(), func(context.Context, string) (string, error) { return "", errNo }, w)
		var refusal *refusalError
		require.ErrorAs(t, err, &refusal)
		assert.Same(t, errNo, refusal.Err)
	})
	t.Run("takes one only", func(t *testing.T) {
		var calls atomic.Int64
		err := check(t.Context(), func(context.Context, string) (string, error) {
			if calls.Add(1) > 1 {
				return "", errNo
			}
			return w.Project, nil
		}, w)
		assert.ErrorIs(t, err, errNo)
		assert.NotErrorAs(t, err, new(*refusalError))
	})
	t.Run("does it all", func(t *testing.T) {
		assert.NoError(t, check(t.Context(), refusing(w, ""), w))
	})
}

// refusing refuses the bad tokens but for one, and accepts the rest.
func refusing(w *workload, but string) verify {
	return func(_ context.Context, raw string) (string, error) {
		for _, bad := range w.Bad {
			if raw == bad.Raw && raw != but {
				return "", errNo
			}
		}
		return w.Project, nil
	}
}

func TestEnterLeavesOutWhoDoesNotTakeTheToken(t *testing.T) {
	workloads, err := newWorkloads()
	require.NoError(t, err)
	defer closeAll(workloads)
	picky := contestant{Name: "picky", New: func(context.Context, setup) (verify, error) {
		return func(context.Context, string) (string, error) { return "", errors.New("wants | azp\nfirst") }, nil
	}}
	entries, err := enter(t.Context(), []contestant{picky}, workloads)
	require.NoError(t, err)
	p := short()
	results, err := measureSpeed(t.Context(), p, entries, discard{})
	require.NoError(t, err)
	r := &result{Plan: plan{Rounds: 1}, Contestants: []contestant{picky}, Speed: results}
	assert.Contains(t, r.markdown(), "| picky | does not take this token: wants / azp first |")
	assert.Contains(t, r.markdown(), "| picky | not taken | not taken |")

	broken := contestant{Name: "broken", New: func(context.Context, setup) (verify, error) { return nil, errNo }}
	_, err = enter(t.Context(), []contestant{broken}, workloads)
	assert.ErrorIs(t, err, errNo)
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// The floor does verify.
func TestFloor(t *testing.T) {
	workloads, err := newWorkloads()
	require.NoError(t, err)
	defer closeAll(workloads)
	for _, w := range workloads {
		assert.Equal(t, map[string]int{"GitLab, RSA-2048": 2048, "GitLab, RSA-4096": 4096, "CircleCI, RSA-2048": 2048}[w.Name], w.Key.N.BitLen())
		for n := range ringSize {
			require.NoError(t, floorOf(w)(n))
		}
		for n := range w.Good {
			for m := range n {
				require.NotEqual(t, w.Good[m], w.Good[n], "the tokens differ")
			}
		}
		w.Signed[0].Input[0] ^= 1
		assert.ErrorIs(t, floorOf(w)(0), rsa.ErrVerification)
	}
}

// A turn that fails ends the measurement: its time would mean nothing.
func TestTurnThatFails(t *testing.T) {
	_, err := takeTurn(func(int) error { return errNo }, 1, 0)
	assert.ErrorIs(t, err, errNo)
	var calls atomic.Int64
	_, err = takeTurn(func(int) error {
		if calls.Add(1) > 10 {
			return errNo
		}
		return nil
	}, 2, short().Slice)
	assert.ErrorIs(t, err, errNo)
}

// What is counted is the contestant's, not the measurement's.
func TestTurnAllocatesNothing(t *testing.T) {
	c, err := takeTurn(func(int) error { return nil }, 1, 5*time.Millisecond)
	require.NoError(t, err)
	require.Greater(t, c.ops, int64(1000))
	assert.Less(t, float64(c.mallocs)/float64(c.ops), 0.1)
}

func TestForPlatform(t *testing.T) {
	_, err := forPlatform(setup{Platform: "other"}, nil, nil)
	assert.ErrorContains(t, err, `"other"`)
	_, err = forPlatform(setup{Platform: fakeissuer.GitLabPlatform}, func() (verify, error) { return nil, errNo }, nil)
	assert.ErrorIs(t, err, errNo)
}
