package replay

import "time"

// entry is a used token.
type entry struct {
	key     string
	expires time.Time
}

// queue is a heap of entries, the first to expire at its front. It is not
// container/heap's, which would allocate for each entry.
type queue []entry

func (q *queue) push(e entry) {
	h := append(*q, e)
	i := len(h) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !e.expires.Before(h[parent].expires) {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = e
	*q = h
}

// pop removes the first to expire. There must be one.
func (q *queue) pop() entry {
	h := *q
	first, last := h[0], h[len(h)-1]
	h[len(h)-1] = entry{} // Nothing holds its key any more.
	h = h[:len(h)-1]
	*q = h
	if len(h) == 0 {
		return first
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if right := child + 1; right < len(h) && h[right].expires.Before(h[child].expires) {
			child = right
		}
		if !h[child].expires.Before(last.expires) {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = last
	return first
}
