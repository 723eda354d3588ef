package api

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/cache"
	"sical-backend/internal/testkit"
	"sical-backend/query"
)

func problemCode(t *testing.T, a answer) string {
	t.Helper()
	var body struct {
		Code string `json:"code"`
	}
	require.NoError(t, json.Unmarshal([]byte(a.body), &body), a.body)
	return body.Code
}

func TestAnswerTellsItsAge(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	target := "/v1/points/" + s.strokes.String()
	first := s.get(target, "")
	require.Equal(t, len(s.log), position(first))
	require.Equal(t, "private, no-cache", first.header.Get("Cache-Control"))
	require.Contains(t, strings.Join(first.header.Values("Vary"), ", "), "Authorization")
	tag := first.header.Get("ETag")
	require.Regexp(t, `^"1\.[\w-]+"$`, tag, "the aggregate's version stands before the dot")

	again := s.get(target, "", "If-None-Match", tag)
	require.Equal(t, http.StatusNotModified, again.status)
	require.Empty(t, again.body)
	require.Equal(t, tag, again.header.Get("ETag"))

	s.happen(s.wei, events.StreamOf(events.KindPoint, s.strokes), &events.PointRevised{Title: new("基本笔画")})
	s.project()
	changed := s.caughtUp(target, "", "If-None-Match", tag)
	require.Equal(t, http.StatusOK, changed.status)
	require.Contains(t, changed.body, "基本笔画")
	require.Equal(t, "no-store", changed.header.Get("Cache-Control"))
	require.Equal(t, len(s.log), position(changed))
}

// TestReadYourWrite: whoever names the position of their write sees it, however
// late the views come to it.
func TestReadYourWrite(t *testing.T) {
	t.Parallel()
	s := newSchool(t)
	target := "/v1/goals/" + s.private.String()
	require.Equal(t, events.GoalStatusActive, read[query.Goal](s.world, target, s.as(s.ann)).Status)
	s.happen(s.ann, events.StreamOf(events.KindGoal, s.private), &events.GoalPaused{})
	mine := strconv.Itoa(len(s.log))

	unknown := s.caughtUp(target, s.as(s.ann), "Prefer", "handling=lenient") // or the log is too slow to tell
	require.Equal(t, http.StatusConflict, unknown.status)
	require.Equal(t, "position_unknown", problemCode(t, unknown))

	require.NoError(t, inTransaction(s.world, headOf, len(s.log)))
	late := s.get(target, s.as(s.ann), minPosition, mine, "Prefer", "wait=0")
	require.Equal(t, http.StatusServiceUnavailable, late.status)
	require.Equal(t, "not_caught_up", problemCode(t, late))
	require.NotEmpty(t, late.header.Get("Retry-After"))
	require.Equal(t, "no-store", late.header.Get("Cache-Control"))

	older := s.get(target, s.as(s.ann), minPosition, mine, "Prefer", "wait=0, handling=lenient")
	require.Equal(t, http.StatusOK, older.status)
	require.Contains(t, older.body, `"status":"active"`)
	require.Less(t, position(older), len(s.log))

	waited := make(chan answer)
	go func() { waited <- s.get(target, s.as(s.ann), minPosition, mine, "Prefer", "wait=5") }()
	s.project()
	mineNow := testkit.Receive(t, waited)
	if mineNow.status == http.StatusServiceUnavailable { // so busy is this machine
		mineNow = s.caughtUp(target, s.as(s.ann))
	}
	require.Equal(t, http.StatusOK, mineNow.status, mineNow.body)
	require.Contains(t, mineNow.body, `"status":"paused"`)
	require.Equal(t, len(s.log), position(mineNow))
}

// TestStoppedView: there is no waiting for a view that will not come.
func TestStoppedView(t *testing.T) {
	t.Parallel()
	for state, c := range map[string]struct{ code, says string }{
		"paused": {"view_paused", "The view point is paused."}, "failed": {"not_caught_up", "The view point has stopped."},
	} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			s := newSchool(t)
			next := len(s.log) + 1
			require.NoError(t, inTransaction(s.world, headOf, next))
			_, err := s.admin.Exec(t.Context(), `update sical.projection set state = $1 where view = 'point'`, state)
			require.NoError(t, err)
			s.eventually(func() error { // the node hears of it, and tells so instead of waiting
				got := s.get("/v1/points", "", minPosition, strconv.Itoa(next), "Prefer", "wait=5")
				require.Equal(t, http.StatusServiceUnavailable, got.status)
				if problemCode(t, got) != c.code || !strings.Contains(got.body, c.says) {
					return errors.New(got.body)
				}
				return nil
			})
		})
	}
}

func TestParseFreshness(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		position, prefer string
		want             freshness
	}{
		{"", "wait=9, handling=lenient", freshness{wait: defaultWait}},
		{"7", "", freshness{required: true, position: 7, wait: defaultWait}},
		{"7", "wait=1", freshness{required: true, position: 7, wait: time.Second}},
		{"7", "respond-async, Wait = \"3\"; x=1 , handling=lenient", freshness{required: true, position: 7, wait: 3 * time.Second, lenient: true}},
		{"7", "wait=3600", freshness{required: true, position: 7, wait: cache.MaxWait}},
		{"7", "wait=-1, handling=strict", freshness{required: true, position: 7, wait: defaultWait}},
		{"7", "wait=1, handling=strict, wait=5, handling=lenient", freshness{required: true, position: 7, wait: time.Second}},
		{"7", "wait=soon;;=,", freshness{required: true, position: 7, wait: defaultWait}},
	} {
		h := http.Header{}
		if c.position != "" {
			h.Set(minPosition, c.position)
		}
		h.Set("Prefer", c.prefer)
		got, err := parseFreshness(h)
		require.NoError(t, err, c)
		require.Equal(t, c.want, got)
	}
	for _, bad := range []string{"", "+1", "-1", "1.0", "0x1", "9223372036854775808", "1, 2"} {
		_, err := parseFreshness(http.Header{minPosition: {bad}})
		require.Error(t, err, bad)
	}
	_, err := parseFreshness(http.Header{minPosition: {"1", "2"}})
	require.Error(t, err)
}
