package load

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTargetsAreJudged(t *testing.T) {
	t.Parallel()
	good := Sample{PerSecond: 1000, P95: 199, Query: 49, Memory: 511, Busy: .69, Failed: .0009}
	judged := func(change func(*Sample), connections int) string {
		fixed := good
		change(&fixed)
		word := map[bool]byte{true: '+', false: '-'}
		var all []byte
		for _, v := range judge([]Sample{fixed, fixed}, connections) {
			if v.Met == nil {
				all = append(all, '?')
				continue
			}
			all = append(all, word[*v.Met])
		}
		return string(all)
	}
	for _, c := range []struct {
		change      func(*Sample)
		connections int
		want        string
	}{
		{func(*Sample) {}, 1000, "+++++++"},
		{func(s *Sample) { s.P95 = 200 }, 1000, "-++++++"},
		{func(s *Sample) { s.Query = 50 }, 1000, "+-+++++"},
		{func(s *Sample) { s.Query = 0 }, 1000, "+?+++++"},
		{func(s *Sample) { s.PerSecond = 999 }, 1000, "++-++++"},
		{func(*Sample) {}, 999, "+++?+++"},
		{func(s *Sample) { s.Memory = 512 }, 1000, "++++-++"},
		{func(s *Sample) { s.Memory = 0 }, 1000, "++++?++"},
		{func(s *Sample) { s.Busy = 0 }, 1000, "+++++?+"},
		{func(s *Sample) { s.Busy = .7 }, 1000, "+++++-+"},
		{func(s *Sample) { s.Failed = .001 }, 1000, "+++-++-"},
	} {
		assert.Equal(t, c.want, judged(c.change, c.connections))
	}
}
