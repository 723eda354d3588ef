package archtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	module = "sical-backend"
	root   = "../.."
)

// source is one Go file of the module.
type source struct {
	name    string // relative to the root
	folder  string // its package, relative to the root
	test    bool
	lines   int
	syntax  *ast.File
	imports []string // own packages relative to the module, others in full
}

// tree is every Go file of the module: without folders that hold a module of
// their own, test data and what begins with a dot. Nobody changes them: the tests share them.
func tree(t *testing.T) []source {
	t.Helper()
	found, err := parsed()
	require.NoError(t, err)
	require.NotEmpty(t, found)
	return found
}

// parsed parses them once: that is most of what the tests here take.
var parsed = sync.OnceValues(func() (found []source, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && foreign(path, d.Name()):
			return filepath.SkipDir
		case !d.IsDir() && strings.HasSuffix(path, ".go"):
			file, err := parse(path)
			if err != nil {
				return err
			}
			found = append(found, file)
		}
		return nil
	})
	return found, err
})

// foreign tells whether a folder is none of the module's.
func foreign(path, name string) bool {
	if strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" {
		return true
	}
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	return err == nil
}

func parse(path string) (source, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return source{}, err
	}
	syntax, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ParseComments)
	if err != nil {
		return source{}, err
	}
	name, err := filepath.Rel(root, path)
	if err != nil {
		return source{}, err
	}
	name = filepath.ToSlash(name)
	s := source{
		name: name, folder: filepath.ToSlash(filepath.Dir(name)), test: strings.HasSuffix(name, "_test.go"),
		lines: bytes.Count(text, []byte("\n")), syntax: syntax,
	}
	for _, spec := range syntax.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return source{}, err
		}
		s.imports = append(s.imports, strings.TrimPrefix(path, module+"/"))
	}
	return s, nil
}

// own tells whether an import is a package of this module.
func own(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return slices.Contains([]string{"cmd", "command", "query", "projections", "events", "internal", "deploy"}, first)
}
