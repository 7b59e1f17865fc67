package strictjson

// names finds out whether an object has two members whose names fold alike. A
// filter of bits answers for nearly every name of an honest object; only where
// two names share a bit are names compared. Many names, or many that share a
// bit, go to a map, so that a hostile object stays linear to read.
type names struct {
	filter [4]uint64
	base   int               // where this object's names begin on the scanner's stack
	shared int               // how many names came whose bit was taken
	many   map[string]string // from the fold to the name; nil while there are few
}

// seenName is a name on the scanner's stack, which the names of all open objects
// share.
type seenName struct {
	name string
	bit  uint8
}

// manyNames and manyShared are from how many names on a map is used. No
// platform's token has as many.
const (
	manyNames  = 64
	manyShared = 16
)

// open begins an object. Close drops its names again.
func (s *scanner) open() names { return names{base: len(s.seen)} }

func (s *scanner) close(n *names) { s.seen = s.seen[:n.base] }

// add records name. If it, or one that differs only by case, is there already,
// add returns that one and true.
func (s *scanner) add(n *names, name string) (string, bool) {
	if n.many != nil {
		return n.addToMany(name)
	}
	bit := foldedHash(name)
	word, mask := bit>>6, uint64(1)<<(bit&63)
	if n.filter[word]&mask != 0 {
		fold := Fold(name)
		for _, other := range s.seen[n.base:] {
			if other.bit == bit && Fold(other.name) == fold {
				return other.name, true
			}
		}
		n.shared++
	}
	n.filter[word] |= mask
	s.seen = append(s.seen, seenName{name, bit})
	if few := s.seen[n.base:]; len(few) == manyNames || n.shared == manyShared {
		n.many = make(map[string]string, 4*manyNames)
		for _, other := range few {
			n.many[Fold(other.name)] = other.name
		}
	}
	return "", false
}

func (n *names) addToMany(name string) (string, bool) {
	fold := Fold(name)
	if other, ok := n.many[fold]; ok {
		return other, true
	}
	n.many[fold] = name
	return "", false
}
