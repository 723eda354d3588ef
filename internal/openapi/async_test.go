package openapi_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/openapi"
	"sical-backend/internal/wire"
)

// isGolden compares what was made with a file, or writes that.
func isGolden(t *testing.T, file string, made []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, made, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(made), "\n")); diff != "" {
		t.Errorf("%s has changed; if that is meant, run the tests with -update:\n%s", file, diff)
	}
}

// What is said of the events is their Go types' comments. They are embedded; the
// documents are made here of those that stand in the source now.
func TestEventDocumentsAreTheGoldenOnes(t *testing.T) {
	t.Parallel()
	docs := commentsOfEvents(t)
	text, err := json.Marshal(docs, json.Deterministic(true), jsontext.WithIndent("  "))
	require.NoError(t, err)
	isGolden(t, "eventdocs.json", append(text, '\n'))
	isGolden(t, "testdata/asyncapi.json", openapi.Events(docs))
	isGolden(t, "testdata/events.md", openapi.Catalogue(docs))
}

// commentsOfEvents reads what the source says of each event type.
func commentsOfEvents(t *testing.T) map[string]string {
	docs := map[string]string{}
	files, err := filepath.Glob("../../events/*.go")
	require.NoError(t, err)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			if d, ok := decl.(*ast.GenDecl); ok && d.Tok == token.TYPE && d.Doc != nil {
				docs[d.Specs[0].(*ast.TypeSpec).Name.Name] = strings.Join(strings.Fields(d.Doc.Text()), " ")
			}
		}
	}
	said := map[string]string{}
	for _, kind := range events.Types() {
		name := kind.GoType().Name()
		require.NotEmpty(t, docs[name], name)
		_, what, _ := strings.Cut(docs[name], " ")
		said[name] = strings.ToUpper(what[:1]) + what[1:]
	}
	return said
}

// The headers described are those that are written.
func TestHeadersAreTheWiresOwn(t *testing.T) {
	t.Parallel()
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any `json:"properties"`
				Required   []string       `json:"required"`
			} `json:"schemas"`
		} `json:"components"`
	}
	require.NoError(t, json.Unmarshal(openapi.Events(openapi.EventDocs()), &doc))
	described := doc.Components.Schemas["Headers"]
	m := wire.Encode(events.Event{Position: 1, RawMeta: []byte(`{"traceparent":"00-x"}`)}, "i")
	for name := range m.Header {
		require.Contains(t, described.Properties, name)
	}
	for _, name := range described.Required {
		require.Contains(t, m.Header, name)
	}
}
