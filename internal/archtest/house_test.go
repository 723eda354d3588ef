package archtest

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// maxLines is the length of a file that can still be read in one go.
const maxLines = 300

func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	for _, s := range tree(t) {
		if !ast.IsGenerated(s.syntax) {
			assert.LessOrEqual(t, s.lines, maxLines, "%s is too long to be read in one go: split it.", s.name)
		}
	}
}

func TestTopLevel(t *testing.T) {
	t.Parallel()
	agreed := []string{
		"cmd", "command", "query", "projections", "events", "internal", "deploy",
		"docker-compose.yml", "go.mod", "go.sum", "README.md", "CHANGELOG.md",
	}
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	ignored, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	require.NoError(t, err)
	for _, line := range strings.Fields(string(ignored)) {
		agreed = append(agreed, strings.Trim(line, "/"))
	}
	allowed := func(name string) bool {
		return strings.HasPrefix(name, ".") || slices.ContainsFunc(agreed, func(pattern string) bool {
			matches, err := filepath.Match(pattern, name)
			require.NoError(t, err)
			return matches
		})
	}
	for _, e := range entries {
		assert.True(t, allowed(e.Name()),
			"%s stands at the top level, where only what was agreed on does.", e.Name())
	}
}

// One filter finds all failures in a log.
func TestErrorsAreLoggedUnderOneName(t *testing.T) {
	t.Parallel()
	for _, s := range tree(t) {
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			assert.False(t, ok && !s.test && literal.Value == `"err"`, "%s: an error is logged as error.", s.name)
			return true
		})
	}
}

func TestPackagesSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	said := map[string]bool{}
	for _, s := range tree(t) {
		if !s.test {
			said[s.folder] = said[s.folder] || s.syntax.Doc.Text() != ""
		}
	}
	for folder, ok := range said {
		assert.True(t, ok, "%s has no package comment.", folder)
	}
}

func TestWhatIsExportedIsExplained(t *testing.T) {
	t.Parallel()
	for _, s := range tree(t) {
		if s.test {
			continue
		}
		for _, decl := range s.syntax.Decls {
			for _, name := range unexplained(decl) {
				assert.Fail(t, "no comment", "%s: %s is exported and has no comment.", s.name, name)
			}
		}
	}
}

// unexplained lists the exported names of a declaration that have no comment. One
// comment may stand for a group of constants or variables; Error and String say by
// their names what they are.
func unexplained(decl ast.Decl) (names []string) {
	add := func(id *ast.Ident, docs ...*ast.CommentGroup) {
		for _, doc := range docs {
			if doc.Text() != "" {
				return
			}
		}
		if id.IsExported() {
			names = append(names, id.Name)
		}
	}
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || ast.IsExported(receiver(d)) && d.Name.Name != "Error" && d.Name.Name != "String" {
			add(d.Name, d.Doc)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if d.Lparen == token.NoPos {
					add(s.Name, d.Doc)
				} else {
					add(s.Name, s.Doc)
				}
			case *ast.ValueSpec:
				for _, id := range s.Names {
					add(id, d.Doc, s.Doc, s.Comment)
				}
			}
		}
	}
	return names
}

// receiver is the name of the type a method belongs to.
func receiver(d *ast.FuncDecl) string {
	var name string
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return name == ""
	})
	return name
}

// TestNumbersAreLeftOutAsZero: omitempty leaves out what is empty JSON, as a null or "" is,
// and no number and no bool. An unknown duration was told as 0 minutes for that.
func TestNumbersAreLeftOutAsZero(t *testing.T) {
	t.Parallel()
	plain := []string{"bool", "int", "int32", "int64", "uint64", "float64"}
	for _, s := range tree(t) {
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			if f, ok := n.(*ast.Field); ok && f.Tag != nil && strings.Contains(f.Tag.Value, ",omitempty") {
				if kind, ok := f.Type.(*ast.Ident); ok {
					assert.NotContains(t, plain, kind.Name, "%s: omitempty does not leave out %v, omitzero does.", s.name, f.Names)
				}
			}
			return true
		})
	}
}
