package openapi_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	decided "sical-backend/command"
	command "sical-backend/command/api"
	"sical-backend/internal/openapi"
	"sical-backend/internal/testkit"
	query "sical-backend/query/api"
)

var update = flag.Bool("update", false, "write the golden file anew")

// The document is public: a change of it is to be seen in review.
func TestDocumentIsTheGoldenOne(t *testing.T) {
	t.Parallel()
	doc := openapi.Document()
	isGolden(t, "testdata/openapi.json", doc)
	require.Equal(t, doc, openapi.Document(), "the same every time")
}

func TestDocumentAndItsExamplesAreValid(t *testing.T) {
	t.Parallel()
	require.NoError(t, load(t).Validate(t.Context(), openapi3.EnableExamplesValidation()))
}

func load(t *testing.T) *openapi3.T {
	doc, err := openapi3.NewLoader().LoadFromData(openapi.Document())
	require.NoError(t, err)
	return doc
}

// TestAnAdminMayLeaveOut what somebody has not got: an address, a password, or both.
func TestAnAdminMayLeaveOut(t *testing.T) {
	t.Parallel()
	body := load(t).Paths.Find("/v1/users").Post.RequestBody.Value.Content["application/json"].Schema.Value
	for _, members := range []string{"username", "username email", "username password", "username email password display_name"} {
		require.NoError(t, body.VisitJSON(registration(members)), members)
	}
	for _, members := range []string{"", "email password", "username age"} {
		require.Error(t, body.VisitJSON(registration(members)), members)
	}
}

func registration(members string) map[string]any {
	body := map[string]any{}
	for _, m := range strings.Fields(members) {
		body[m] = "someone@example.org"
	}
	return body
}

// TestDecimalsAreValid for every validator: to one that divides doubles, 33.33 is no multiple of 0.01.
func TestDecimalsAreValid(t *testing.T) {
	t.Parallel()
	require.NotContains(t, string(openapi.Document()), "multipleOf")
	require.NotContains(t, string(openapi.Events(openapi.EventDocs())), "multipleOf")
	score := load(t).Components.Schemas["Assessment"].Value.Properties["score"].Value
	require.Equal(t, "absent until graded, and once void; at most two decimals", score.Description)
}

func TestEveryRouteIsDescribed(t *testing.T) {
	t.Parallel()
	doc := load(t)
	described := func(method, path string) {
		item := doc.Paths.Value(path)
		require.NotNil(t, item, path)
		require.NotNil(t, item.GetOperation(method), "%s %s", method, path)
	}
	for _, r := range command.Routes() {
		described(r.Method, r.Path)
	}
	for _, r := range query.Routes() {
		described(http.MethodGet, r.Path)
	}
}

func TestOperationsHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	taken := map[string]string{}
	for path, item := range load(t).Paths.Map() {
		for method, op := range item.Operations() {
			require.Regexp(t, `^[a-z]+([A-Z][a-zA-Z]*)?$`, op.OperationID)
			require.Empty(t, taken[op.OperationID], "%s %s is named %s as well", method, path, op.OperationID)
			taken[op.OperationID] = method + " " + path
		}
	}
}

// Who may give a command stands first, and then what else must hold.
func TestEveryCommandSaysForWhom(t *testing.T) {
	t.Parallel()
	doc := load(t)
	for _, r := range command.Routes() {
		rule, _ := decided.RuleNamed(r.Rule)
		said := doc.Paths.Value(r.Path).GetOperation(r.Method).Description
		require.True(t, strings.HasPrefix(said, "For: "+string(rule.For)+". "+rule.Provided), "%s: %s", r.Rule, said)
		require.NotEmpty(t, rule.For, r.Rule)
	}
}

func TestErrorsAreDescribed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Problem", "FieldError"} {
		for member, s := range load(t).Components.Schemas[name].Value.Properties {
			require.NotEmpty(t, s.Value.Description, "%s of %s", member, name)
		}
	}
}

// What is served for developers stands in the document, but for what the page itself loads.
func TestWhatIsServedIsDescribed(t *testing.T) {
	t.Parallel()
	e := echo.New()
	openapi.Register(e, nil)
	for _, r := range e.Routes() {
		if r.Method == http.MethodGet && !strings.HasPrefix(r.Path, "/docs/redoc-") {
			require.NotNil(t, load(t).Paths.Value(r.Path), r.Path)
		}
	}
}

// A problem's code that the document does not know would break typed clients.
func TestEveryCodeIsDescribed(t *testing.T) {
	t.Parallel()
	parsed, err := parser.ParseFile(token.NewFileSet(), "../web/codes.go", nil, 0)
	require.NoError(t, err)
	var want []any
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Code" && spec.Names[0].Name != "ClientClosedRequest" {
			want = append(want, strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`))
		}
		return true
	})
	require.NotEmpty(t, want)
	require.ElementsMatch(t, want, load(t).Components.Schemas["Problem"].Value.Properties["code"].Value.Enum)
}

func TestPageAndDocumentAreServedWithoutAnythingFromElsewhere(t *testing.T) {
	t.Parallel()
	e := echo.New()
	doc := openapi.Document()
	openapi.Register(e, doc)
	get := func(path, etag string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("If-None-Match", etag)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		return w
	}
	for path, media := range map[string]string{
		"/openapi.json": "application/json", "/docs": "text/html; charset=utf-8", "/docs/redoc-2.5.4.js": "text/javascript; charset=utf-8",
	} {
		w := get(path, "")
		require.Equal(t, http.StatusOK, w.Code, path)
		require.Equal(t, media, w.Header().Get("Content-Type"))
		again := get(path, w.Header().Get("ETag"))
		require.Equal(t, http.StatusNotModified, again.Code, path)
		require.Zero(t, again.Body.Len())
	}
	require.Equal(t, doc, get("/openapi.json", "").Body.Bytes())
	require.NotContains(t, get("/docs", "").Body.String(), "//", "no address of another server")
	require.Contains(t, get("/docs", "").Header().Get("Content-Security-Policy"), "script-src 'self';")
	require.False(t, bytes.Contains(get("/docs/redoc-2.5.4.js", "").Body.Bytes(), []byte("cdn.redoc")))
}

// The page's program is a megabyte: who is slow has time to take it.
func TestTheProgramOfThePageTakesItsTime(t *testing.T) {
	t.Parallel()
	e := echo.New()
	openapi.Register(e, openapi.Document())
	w := &testkit.Timed{ResponseRecorder: httptest.NewRecorder()}
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/docs/redoc-2.5.4.js", nil))
	require.Equal(t, http.StatusOK, w.Code)
	require.Greater(t, time.Until(w.Until), 30*time.Second)
}

// What a process pays at its start.
func BenchmarkDocument(b *testing.B) {
	for b.Loop() {
		openapi.Document()
	}
}
