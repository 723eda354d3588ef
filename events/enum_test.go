package events

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// Every constant of an Enum stands in its list, and nothing else does.
func TestEnumsListTheirConstants(t *testing.T) {
	t.Parallel()
	declared := constants(t)
	listed[Role](t, declared["Role"])
	listed[UserStatus](t, declared["UserStatus"], UserStatusErased)
	listed[GoalStatus](t, declared["GoalStatus"])
	listed[Visibility](t, declared["Visibility"])
	listed[PathStatus](t, declared["PathStatus"])
	listed[AssessmentType](t, declared["AssessmentType"])
	listed[AssessmentStatus](t, declared["AssessmentStatus"])
	listed[CommentStatus](t, declared["CommentStatus"])
	listed[TargetType](t, declared["TargetType"])
	listed[WebhookStatus](t, declared["WebhookStatus"])
	delete(declared, "Kind") // not closed
	if len(declared) != 10 {
		t.Errorf("%d types have constants: is one not looked at?", len(declared))
	}
}

// listed compares the values of a T with its constants, of which some are left out.
func listed[T Enum[T]](t *testing.T, declared []string, without ...T) {
	var values []string
	for _, v := range append(Values[T](), without...) {
		values = append(values, string(v))
	}
	if !slices.Equal(values, declared) {
		t.Errorf("%T: the values are %q, the constants %q", *new(T), values, declared)
	}
}

// constants reads the texts of the typed constants in this package's source, by type.
func constants(t *testing.T) map[string][]string {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
				typ, _ := spec.Type.(*ast.Ident)
				text, _ := spec.Values[0].(*ast.BasicLit)
				if typ != nil && text != nil && text.Kind == token.STRING {
					value, _ := strconv.Unquote(text.Value)
					found[typ.Name] = append(found[typ.Name], value)
				}
			}
			return true
		})
	}
	return found
}
