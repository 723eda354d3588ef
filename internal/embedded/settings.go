package embedded

import (
	"maps"
	"slices"
)

// defaults are the server's settings. They are given at each start, so that none is
// frozen into a data folder.
var defaults = map[string]string{
	"fsync":              "on",
	"synchronous_commit": "on",
	"max_connections":    "60",
	"shared_buffers":     "128MB",
	"max_wal_size":       "4GB",
	"checkpoint_timeout": "15min",
	"wal_compression":    "on",
	"jit":                "off", // it compiles for longer than our short queries run
	"timezone":           "UTC",
	"log_timezone":       "UTC",
	"cluster_name":       "sical", // seen in ps
}

// arguments writes settings as arguments of postgres, later maps winning.
func arguments(layers ...map[string]string) []string {
	all := map[string]string{}
	for _, layer := range layers {
		maps.Copy(all, layer)
	}
	var args []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		args = append(args, "-c", name+"="+all[name])
	}
	return args
}
