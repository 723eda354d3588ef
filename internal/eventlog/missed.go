package eventlog

import "sical-backend/events"

// missed has the streams that entries of a call of Append would have moved but did not, as
// they were refused, or were known and so had been done long before. Each stream has the
// lowest version from which one of them would have moved it. A later entry of the call that
// expects a higher version builds on what has not come about, even if somebody else has
// brought the stream to that version meanwhile.
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
