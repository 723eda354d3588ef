package web

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
)

// TestProblemsAreWhatJSONSays: a problem is written by hand, and to the byte as
// json.Marshal would.
func TestProblemsAreWhatJSONSays(t *testing.T) {
	t.Parallel()
	for _, p := range []*Problem{
		{Code: Overloaded, Detail: "The database has as much to do as it can in good time."},
		{Code: NotFound},
		{Code: "made_up"}, // only listed codes go out
		{Code: ViewParked, Detail: "\"\\</script>\n\u0001\u2028 视图 \U0001f600"},
		{Code: InvalidField, Errors: []FieldError{{Code: "required"}, {Pointer: "/a~1b", Code: "too_long", Detail: "At most \"3\"."}, {Parameter: "q", Code: "x"}}},
	} {
		for _, instance := range []string{"", "abc-1", "\"<"} {
			status, title := p.Code.meaning()
			code := p.Code
			if status == 500 {
				code = Internal
			}
			want, err := json.Marshal(problemBody{"urn:sical:problem:" + string(code), title, status, p.Detail, instance, code, p.Errors})
			require.NoError(t, err)
			got, err := p.append([]byte("before "), instance)
			require.NoError(t, err)
			require.Equal(t, "before "+string(want), string(got))
		}
	}
	for _, p := range []*Problem{{Code: NotFound, Detail: "\xff"}, {Code: NotFound, Errors: []FieldError{{Detail: "\xff"}}}} {
		_, err := p.append(nil, "")
		require.Error(t, err)
	}
}
