package main

import (
	"fmt"
	"runtime/debug"
)

// VersionOf prints what this binary is.
type VersionOf struct{}

// Run prints one line.
func (*VersionOf) Run(out *output) error {
	fmt.Fprintln(out, version())
	return nil
}

// version is the module's version, the commit and the Go version.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "sical (unknown build)"
	}
	return fmt.Sprintf("sical %s, %s, %s", info.Main.Version, commit(info), info.GoVersion)
}

func commit(info *debug.BuildInfo) string {
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return "unknown commit"
}
