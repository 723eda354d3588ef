package query

import "slices"

// few members are looked through quicker than a map is filled.
const few = 16

// set keeps members once each, in the order of their coming.
type set[T comparable] struct {
	known   map[T]struct{} // nil while there are few
	members []T
}

func (s *set[T]) add(more ...T) {
	for _, m := range more {
		if !s.has(m) {
			s.members = append(s.members, m)
			if s.known != nil {
				s.known[m] = struct{}{}
			}
		}
	}
}

func (s *set[T]) has(m T) bool {
	if s.known == nil && len(s.members) < few {
		return slices.Contains(s.members, m)
	}
	if s.known == nil {
		s.known = make(map[T]struct{}, 4*few)
		for _, m := range s.members {
			s.known[m] = struct{}{}
		}
	}
	_, ok := s.known[m]
	return ok
}
