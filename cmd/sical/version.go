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
	commit := "unknown commit"
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			commit = s.Value
		}
	}
	return fmt.Sprintf("sical %s, %s, %s", info.Main.Version, commit, info.GoVersion)
}
