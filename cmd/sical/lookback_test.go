package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// A profile of the past is kept, and shows nothing that its owner has hidden or deleted since.
func TestKeptLookBackForgetsWhatIsHidden(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	ann, token, _ := s.account("ann")
	hidden := s.do(http.MethodPost, "/v1/goals", token, `{"title":"Shown for a while","visibility":"public"}`)
	s.do(http.MethodPost, "/v1/goals/"+hidden+"/start", token, "")
	deleted := s.do(http.MethodPost, "/v1/goals", token, `{"title":"Shown until deleted","visibility":"public"}`)
	s.do(http.MethodPost, "/v1/goals/"+deleted+"/start", token, "")
	then := "/v1/users/" + ann + "?as_of=" + s.position
	shows := func(ids ...string) {
		t.Helper()
		for range 2 { // read, and from memory
			r := s.get(then, "")
			require.Equal(t, http.StatusOK, r.status, r.body)
			for _, id := range []string{hidden, deleted} {
				if len(ids) > 0 && ids[0] == id || len(ids) > 1 {
					require.Contains(t, r.body, id)
				} else {
					require.NotContains(t, r.body, id)
				}
			}
		}
	}
	shows(hidden, deleted)
	s.do(http.MethodPatch, "/v1/goals/"+hidden, token, `{"visibility":"private"}`)
	shows(deleted)
	s.do(http.MethodDelete, "/v1/goals/"+deleted, token, "")
	shows()
}
