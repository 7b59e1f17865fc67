package compact

import (
	"encoding/binary"
	"slices"
)

// AppendDecode appends what part, base64url without padding (RFC 7515 section
// 2), stands for to dst. Name says which part it is, for the error. With an
// error, it returns dst as it was.
//
// One text has one spelling: no padding, no line breaks, no trailing bits that
// are not zero. A token is decoded once for each of its verifications, by which
// a loop that takes eight letters at a time is worth having.
func AppendDecode(dst []byte, name, part string) ([]byte, error) {
	size := len(part) / 4 * 3
	switch len(part) % 4 {
	case 1:
		return dst, notBase64(name, part)
	case 2:
		size++
	case 3:
		size += 2
	}
	all := slices.Grow(dst, size)[:len(dst)+size]
	out, s, seen := all[len(dst):], part, uint32(0)
	read, written := 0, 0
	for len(s)-read >= 8 && len(out)-written >= 8 { // two bytes more than it means: what follows overwrites them
		q := s[read : read+8]
		v := sextets[0][q[0]] | sextets[1][q[1]] | sextets[2][q[2]] | sextets[3][q[3]]
		w := sextets[0][q[4]] | sextets[1][q[5]] | sextets[2][q[6]] | sextets[3][q[7]]
		binary.BigEndian.PutUint64(out[written:], uint64(v)<<40|uint64(w)<<16)
		seen |= v | w
		read, written = read+8, written+6
	}
	for out, s = out[written:], s[read:]; len(s) >= 4 && len(out) >= 3; out, s = out[3:], s[4:] {
		v := sextets[0][s[0]] | sextets[1][s[1]] | sextets[2][s[2]] | sextets[3][s[3]]
		out[0], out[1], out[2] = byte(v>>16), byte(v>>8), byte(v)
		seen |= v
	}
	switch len(s) {
	case 2:
		v := sextets[0][s[0]] | sextets[1][s[1]]
		out[0] = byte(v >> 16)
		seen |= v | trailing(v&0xffff)
	case 3:
		v := sextets[0][s[0]] | sextets[1][s[1]] | sextets[2][s[2]]
		out[0], out[1] = byte(v>>16), byte(v>>8)
		seen |= v | trailing(v&0xff)
	}
	if seen&notSextet != 0 {
		return dst, notBase64(name, part)
	}
	return all, nil
}

// notSextet marks a letter that is not of the alphabet, or trailing bits that
// are not zero.
const notSextet = 1 << 31

func trailing(bits uint32) uint32 {
	if bits != 0 {
		return notSextet
	}
	return 0
}

// sextets holds, for each of four places, what a letter there stands for.
var sextets = func() (t [4][256]uint32) {
	for place := range t {
		for letter := range t[place] {
			t[place][letter] = notSextet
		}
		for value := range alphabet {
			t[place][alphabet[value]] = uint32(value) << (18 - 6*place)
		}
	}
	return t
}()

// alphabet is that of RFC 4648 section 5.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
