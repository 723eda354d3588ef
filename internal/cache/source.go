package cache

import (
	"encoding/binary"

	"sical-backend/projections"
)

// source is a view that an answer was read from. Each stands where it stood: one that lags
// or rests outdates nothing that is not its own.
type source struct {
	*view
	position uint64 // the answer has every event of the view up to here
}

// sources appends the views that an answer was read from, as they stood at the checkpoints.
func sources(checkpoints []projections.Checkpoint, before []baseline, list []source) []source {
	for i, b := range before {
		list = append(list, source{b.view, b.stands(checkpoints[i])})
	}
	return list
}

const (
	sourceBytes = 1 + 8 + 4 // of a source as it is written, without its slots: place, position, their number
	slotBytes   = 2
)

// append writes the source behind b, as nextSource reads it, and tells how many of the names
// are its own.
func (s source) append(b []byte, names []string) (_ []byte, own int) {
	b = binary.LittleEndian.AppendUint64(append(b, s.place), s.position)
	number := len(b)
	b = binary.LittleEndian.AppendUint32(b, 0)
	for _, name := range names {
		if s.owns(name) {
			b = binary.LittleEndian.AppendUint16(b, s.floors.slot(name))
			own++
		}
	}
	binary.LittleEndian.PutUint32(b[number:], uint32(own))
	return b, own
}

// nextSource takes the first of some written sources apart: the view's place among those of the
// Positions, where it stood, and the slots of what the answer depends on.
func nextSource(b []byte) (place uint8, position uint64, slots, rest []byte) {
	slots = b[sourceBytes : sourceBytes+slotBytes*int(binary.LittleEndian.Uint32(b[9:]))]
	return b[0], binary.LittleEndian.Uint64(b[1:]), slots, b[sourceBytes+len(slots):]
}
