package query

// set keeps members once each, in the order of their coming.
type set[T comparable] struct {
	known   map[T]struct{}
	members []T
}

func (s *set[T]) add(more []T) {
	if s.known == nil {
		s.known = make(map[T]struct{}, len(more))
	}
	for _, m := range more {
		if _, ok := s.known[m]; !ok {
			s.known[m] = struct{}{}
			s.members = append(s.members, m)
		}
	}
}
