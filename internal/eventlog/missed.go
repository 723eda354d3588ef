package eventlog

import "sical-backend/events"

// missed is what the entries of a call of Append would have moved that were refused, or
// were known and so done long since: each such stream, with the lowest version from which
// one would have. A later entry of the call that expects a higher one expects what has not
// come about, though somebody else may have made it that version meanwhile.
type missed map[events.Stream]int

// add notes that nothing of e was appended.
func (m missed) add(e *Entry) {
	for _, n := range e.Events {
		from := 0
		for _, g := range e.Guards {
			if g.Stream == n.Stream && g.Version != Live {
				from = g.Version
			}
		}
		if lowest, there := m[n.Stream]; !there || from < lowest {
			m[n.Stream] = from
		}
	}
}

// foundationOf tells whether what e builds on was not appended. Who asks for Live builds on
// no version.
func (m missed) foundationOf(e *Entry) bool {
	if len(m) == 0 {
		return false
	}
	for _, g := range e.Guards {
		if from, there := m[g.Stream]; there && g.Version > from {
			return true
		}
	}
	return false
}
