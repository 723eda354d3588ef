package archtest

import (
	"go/ast"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// harmless are what pure packages may import: nothing here reads or writes the
// world, waits, or is cancelled.
var harmless = []string{
	"cmp", "encoding/base64", "encoding/hex", "errors", "fmt", "iter", "maps", "math", "math/bits", "net/url", "reflect", "regexp", "slices", "sort", "strconv", "strings",
	"time", "unicode", "unicode/utf8",
	"github.com/go-json-experiment/json", "github.com/google/uuid",
	"github.com/segmentio/asm/cpu", "github.com/segmentio/asm/cpu/x86", "github.com/segmentio/encoding/json",
	"golang.org/x/text/cases", "golang.org/x/text/unicode/norm",
}

// worldly are functions of harmless packages that are not: clocks, chance, output.
var worldly = map[string][]string{
	"time": {"Now", "Since", "Until", "After", "AfterFunc", "NewTicker", "NewTimer", "Sleep", "Tick", "Local", "LoadLocation"},
	"fmt":  {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
	"uuid": {"New", "NewString", "NewRandom", "NewUUID", "NewV6", "NewV7"},
}

func TestPurePackagesTouchNothing(t *testing.T) {
	t.Parallel()
	for _, s := range tree(t) {
		if !places[s.folder].pure || s.test {
			continue
		}
		for _, path := range s.imports {
			assert.True(t, own(path) || slices.Contains(harmless, path),
				"%s imports %s. %s is pure: who, when and from where come in as arguments.", s.name, path, s.folder)
		}
		for _, name := range worldlyIn(s.syntax) {
			assert.Fail(t, "not pure", "%s uses %s. %s is pure: time and chance come in as arguments, and nothing is printed.", s.name, name, s.folder)
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			_, starts := n.(*ast.GoStmt)
			assert.False(t, starts, "%s starts a goroutine. %s is pure: it returns, and is done.", s.name, s.folder)
			return true
		})
	}
}

// worldlyIn lists the worldly functions a file names, called or not.
func worldlyIn(file *ast.File) (found []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if from, ok := s.X.(*ast.Ident); ok && slices.Contains(worldly[from.Name], s.Sel.Name) {
			found = append(found, from.Name+"."+s.Sel.Name)
		}
		return true
	})
	return found
}

// TestPureImportsKeepTheirNames: worldly functions are found by the names of their
// packages, so these may not be changed in an import.
func TestPureImportsKeepTheirNames(t *testing.T) {
	t.Parallel()
	for _, s := range tree(t) {
		if !places[s.folder].pure || s.test {
			continue
		}
		for _, spec := range s.syntax.Imports {
			assert.Nil(t, spec.Name, "%s gives %s another name.", s.name, strings.Trim(spec.Path.Value, `"`))
		}
	}
}
