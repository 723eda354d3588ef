package archtest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestEveryPackageHasItsPlace(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for _, s := range tree(t) {
		found[s.folder] = true
	}
	for folder := range found {
		_, placed := places[folder]
		assert.True(t, placed, "%s has no place yet: give it one in table_test.go, with what it may import and why no more.", folder)
	}
	for folder := range places {
		assert.True(t, found[folder], "%s has a place, but is not there.", folder)
	}
}

func TestImportsGoDown(t *testing.T) {
	t.Parallel()
	for _, s := range tree(t) {
		p := places[s.folder]
		for _, path := range s.imports {
			if own(path) && path != s.folder && !s.test && !places[path].trial {
				assert.Contains(t, p.may, path, "%s imports %s. %s", s.name, path, p.why)
			}
		}
	}
}

// TestCommandAndQueryNeverMeet follows the imports to their ends, those of the
// tests of both sides as well.
func TestCommandAndQueryNeverMeet(t *testing.T) {
	t.Parallel()
	files := tree(t)
	for _, apart := range []struct {
		sides, from []string
		why         string
	}{
		{[]string{"command", "command/api"}, []string{"query", "query/api", "projections"}, "Deciding on a view means deciding on what may be old."},
		{[]string{"query", "query/api"}, []string{"command", "command/api", "internal/dispatch"}, "Asking changes nothing, and answers from views alone."},
	} {
		for _, side := range apart.sides {
			reached := reach(files, side)
			for _, other := range apart.from {
				assert.NotContains(t, reached, other, "%s reaches %s. %s", side, other, apart.why)
			}
		}
	}
}

// reach is what a package and its tests import, directly or through others.
func reach(files []source, start string) []string {
	direct := map[string]map[string]bool{}
	for _, s := range files {
		if s.test && s.folder != start {
			continue
		}
		if direct[s.folder] == nil {
			direct[s.folder] = map[string]bool{}
		}
		for _, path := range s.imports {
			direct[s.folder][path] = true
		}
	}
	seen := map[string]bool{start: true}
	for open := []string{start}; len(open) > 0; open = open[1:] {
		for path := range direct[open[0]] {
			if own(path) && !seen[path] {
				seen[path] = true
				open = append(open, path)
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

func TestWhatServesTestsStaysInTests(t *testing.T) {
	t.Parallel()
	for _, s := range tree(t) {
		if s.test || places[s.folder].trial {
			continue
		}
		for _, path := range s.imports {
			assert.False(t, places[path].trial || under(path, trialLibraries),
				"%s imports %s, which serves tests: what runs in production shall not carry it.", s.name, path)
		}
	}
}

func TestNamedLibrariesDoRealWork(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, s := range tree(t) {
		for _, path := range s.imports {
			used[path] = used[path] || !s.test && !places[s.folder].trial
		}
	}
	for _, library := range named {
		assert.True(t, used[library], "Nothing that runs in production imports %s.", library)
	}
}

// under tells whether path is one of the packages, or within one.
func under(path string, packages []string) bool {
	return slices.ContainsFunc(packages, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
}
