package telemetry

import (
	"io/fs"
	"runtime"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
)

func TestProcessorsFollowTheContainer(t *testing.T) {
	t.Parallel()
	all := float64(runtime.GOMAXPROCS(0))
	file := func(name, text string) fs.FS { return fstest.MapFS{name: {Data: []byte(text)}} }
	for _, c := range []struct {
		cgroup fs.FS
		want   float64
	}{
		{fstest.MapFS{}, all},
		{file("cpu.max", "max 100000\n"), all},
		{file("cpu.max", "50000 100000\n"), .5},
		{file("cpu.max", "900000000 100000\n"), all},
		{file("cpu.max", "half\n"), all},
		{fstest.MapFS{"cpu/cpu.cfs_quota_us": {Data: []byte("-1\n")}, "cpu/cpu.cfs_period_us": {Data: []byte("100000\n")}}, all},
		{fstest.MapFS{"cpu/cpu.cfs_quota_us": {Data: []byte("25000\n")}, "cpu/cpu.cfs_period_us": {Data: []byte("100000\n")}}, .25},
	} {
		assert.InDelta(t, c.want, processors(c.cgroup), 1e-9, "%v", c.cgroup)
	}
}
