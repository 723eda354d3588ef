package eventlog

import (
	"math"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
)

// Answers to an append that are no version.
const (
	conflict = -1
	unknown  = -2
)

// asked is an append that expects a version, or a read, which expects -1.
type asked struct {
	stream   events.Stream
	expected int
}

// streamModel is what a stream is to its users: a version that an append raises by
// one where it is the expected one.
var streamModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		parts := map[events.Stream][]porcupine.Operation{}
		for _, o := range history {
			s := o.Input.(asked).stream
			parts[s] = append(parts[s], o)
		}
		var list [][]porcupine.Operation
		for _, p := range parts {
			list = append(list, p)
		}
		return list
	},
	Init: func() any { return 1 },
	Step: func(state, input, output any) (bool, any) {
		version, in, out := state.(int), input.(asked), output.(int)
		fits := in.expected == version
		switch {
		case in.expected == -1:
			return out == version, version
		case out == conflict:
			return !fits, version
		case out == unknown && !fits:
			return true, version
		case out == unknown:
			return true, version + 1
		}
		return fits && out == version+1, version + 1
	},
}

func (s *storm) record(client int, stream events.Stream, expected, answer int, begun time.Duration) {
	o := porcupine.Operation{
		ClientId: client, Input: asked{stream, expected}, Output: answer,
		Call: int64(begun), Return: int64(time.Since(s.begun)),
	}
	if answer == unknown {
		o.Return = math.MaxInt64 // it may happen later, or, as if at the very end, never
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.history = append(s.history, o)
}

func linearizable(t testing.TB, history []porcupine.Operation) {
	t.Helper()
	require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(streamModel, history, time.Minute))
}

// Histories that a log must not give: the check has teeth.
func TestBrokenHistoriesAreSeen(t *testing.T) {
	t.Parallel()
	op := func(expected, answer int, from, to int64) porcupine.Operation {
		return porcupine.Operation{ClientId: int(from), Input: asked{"point-x", expected}, Output: answer, Call: from, Return: to}
	}
	for name, c := range map[string]struct {
		fits    bool
		history []porcupine.Operation
	}{
		"one after the other":         {true, []porcupine.Operation{op(1, 2, 0, 1), op(-1, 2, 2, 3)}},
		"a read misses an append":     {false, []porcupine.Operation{op(1, 2, 0, 1), op(-1, 1, 2, 3)}},
		"two win":                     {false, []porcupine.Operation{op(1, 2, 0, 5), op(1, 2, 1, 4)}},
		"one wins":                    {true, []porcupine.Operation{op(1, 2, 0, 5), op(1, conflict, 1, 4)}},
		"a conflict with nobody":      {false, []porcupine.Operation{op(1, conflict, 0, 1), op(-1, 1, 2, 3)}},
		"an append is lost":           {false, []porcupine.Operation{op(1, 2, 0, 1), op(1, 2, 2, 3)}},
		"unknown and done later":      {true, []porcupine.Operation{op(1, unknown, 0, math.MaxInt64), op(-1, 1, 2, 3), op(-1, 2, 4, 5)}},
		"unknown and never done":      {true, []porcupine.Operation{op(1, unknown, 0, math.MaxInt64), op(-1, 1, 2, 3), op(1, 2, 4, 5)}},
		"unknown and done and undone": {false, []porcupine.Operation{op(1, unknown, 0, math.MaxInt64), op(-1, 2, 2, 3), op(-1, 1, 4, 5)}},
	} {
		require.Equal(t, c.fits, porcupine.CheckOperations(streamModel, c.history), name)
	}
}
