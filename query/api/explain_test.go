package api

import (
	"crypto/md5"
	"fmt"
	"maps"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/projections"
)

// plan is a node of EXPLAIN's answer.
type plan struct {
	Type     string  `json:"Node Type"`
	Schema   string  `json:"Schema"`
	Relation string  `json:"Relation Name"`
	Index    string  `json:"Index Name"`
	Filter   string  `json:"Filter"`
	Loops    float64 `json:"Actual Loops"`
	Rows     float64 `json:"Actual Rows"`
	Filtered float64 `json:"Rows Removed by Filter"`
	Recheck  float64 `json:"Rows Removed by Index Recheck"`
	Plans    []plan  `json:"Plans"`
}

// cost is what a plan reads of the read models, and how.
type cost struct {
	visited float64
	indexes map[string]bool
	scanned []string // tables read from end to end
	walked  []string // indexes of which entries are passed over, with why
}

func (c *cost) add(p plan) {
	if p.Schema == "sical_read" {
		c.visited += p.Loops * (p.Rows + p.Filtered + p.Recheck)
	}
	if p.Index != "" {
		c.indexes[p.Index] = true
	}
	if p.Schema == "sical_read" && p.Index != "" && p.Filter != "" {
		c.walked = append(c.walked, p.Index+": "+p.Filter)
	}
	if p.Type == "Seq Scan" && p.Schema == "sical_read" {
		c.scanned = append(c.scanned, p.Relation)
	}
	for _, below := range p.Plans {
		c.add(below)
	}
}

// question is a request on the crowd, and how many rows one of its statements
// may visit.
type question struct {
	route, target string
	bound         int
}

const (
	page = 20 // as by default
	// merged is what a list may visit that puts together as many as ten: for
	// each visibility and status a page and the row that tells of a next one.
	merged = 10 * (page + 1)
	// found is what a search may visit: a word is in fifty rows, in a thousand, or
	// in so many that it is quicker to walk the list.
	found = 3000
)

// questions asks every route in every way that changes what it reads.
func questions(user, point, assessment, goal, path string) []question {
	of := "/v1/users/" + user
	var goals, points []string
	for n := range 100 {
		goals, points = append(goals, crowdID("goal", n+1)), append(points, crowdID("point", n+1))
	}
	list := []question{
		{"getMe", "/v1/users/me", merged}, {"getUser", of, merged},
		{"getUsers", "/v1/users?ids=" + user + "," + crowdID("user", 2), merged},
		{"getUser", "/v1/users/" + crowdID("user", 2), 1 + page},
		{"getUsers", "/v1/users?ids=" + crowdID("user", 2) + "," + crowdID("user", 3), 2 * (1 + page)},
		{"getGoal", "/v1/goals/" + goal, 2 * page}, {"listGoals", "/v1/goals?ids=" + strings.Join(goals, ","), 2000},
		{"getPath", "/v1/paths/" + path, 1}, {"getPoint", "/v1/points/" + point, 1},
		{"listPoints", "/v1/points?ids=" + strings.Join(points, ","), 100},
		{"getAssessment", "/v1/assessments/" + assessment, 1}, {"getStatistics", "/v1/statistics?at=2026-03-31", 900},
		{"getTrendingPoints", "/v1/trending-points?at=2026-03-31", 720}, {"getPopularGoals", "/v1/popular-goals?category=category+3&at=2026-03-31", 1010},
		{"listProgress", of + "/progress", page + 1},
		{"getWebhook", "/v1/webhooks/" + crowdID("webhook", 1), 1}, {"listWebhooks", "/v1/webhooks", page + 1},
		{"listDeliveries", "/v1/webhooks/" + crowdID("webhook", 1) + "/deliveries", 1},
	}
	// A list of goals also reads whether its 400 paths' points are learnt.
	for _, filter := range []string{"", "category=category+3", "status=paused", "category=category+3&status=paused"} {
		list = append(list, question{"listUserGoals", of + "/goals?" + filter, 800}, question{"listGoals", "/v1/goals?" + filter, 800})
	}
	for _, filter := range []string{"", "category=category+3"} {
		list = append(list, question{"listPaths", "/v1/paths?" + filter, page + 1})
	}
	for _, filter := range []string{"", "category=category+3", "difficulty_level=3", "difficulty_level=9", "category=category+3&difficulty_level=3"} {
		list = append(list, question{"listPoints", "/v1/points?" + filter, merged})
	}
	for _, filter := range []string{"q=rare", "q=word7", "q=rare+word7&category=category+3", "q=every"} {
		list = append(list, question{"listPaths", "/v1/paths?" + filter, found}, question{"listPoints", "/v1/points?" + filter, found})
	}
	for _, filter := range []string{
		"", "assessment_type=exam", "status=graded", "assessment_type=exam&status=graded",
		"since=2026-02-20", "assessment_type=exam&since=2026-02-20",
	} {
		list = append(list, question{"listAssessments", of + "/assessments?" + filter, merged})
	}
	return append(list,
		question{"getComment", "/v1/comments/" + crowdID("comment", 1), 2},
		question{"listComments", "/v1/comments?target_type=point&target_id=" + point, page + 1},
		question{"listUserComments", of + "/comments", page + 1})
}

func crowdID(kind string, n int) string {
	return uuid.UUID(md5.Sum([]byte(kind + strconv.Itoa(n)))).String()
}

// TestEveryQuestionIsCovered asks everything of tables of 100,000 rows and looks
// at the plans the server chooses by itself: indexes only, few rows, also in the
// middle of a list, and no index that nothing uses. Where the server
// may come to use one plan for all arguments, that one must be as good, and so must one
// that was made while there was nothing in the tables: it is kept while they grow.
func TestEveryQuestionIsCovered(t *testing.T) {
	if testing.Short() {
		t.Skip("fills 700,000 rows")
	}
	t.Parallel()
	sent := &statements{}
	w := newWorld(t, sent)
	w.crowd()
	young := newWorld(t, nil)
	user, point := crowdID("user", 1), crowdID("point", 1)
	asked, used := map[string]bool{}, map[string]bool{}
	for _, q := range questions(user, point, crowdID("assessment", 1), crowdID("goal", 7), crowdID("path", 7)) {
		asked[q.route] = true
		for range 2 { // the first page, and the one its link leads to
			role := events.Learner
			if strings.HasPrefix(q.target, "/v1/webhooks") {
				role = events.Admin
			}
			got := w.get(q.target, token(uuid.MustParse(user), role))
			require.Equal(t, http.StatusOK, got.status, "%s: %s", q.target, got.body)
			for _, s := range sent.take() {
				for _, planned := range []string{"auto", s.planned} {
					c := w.explain(s, planned)
					require.Empty(t, c.scanned, "%s reads a whole table: %s (%s)", q.target, s.sql, planned)
					require.LessOrEqual(t, c.visited, float64(q.bound), "%s: %s (%s)", q.target, s.sql, planned)
					maps.Copy(used, c.indexes)
				}
				if s.planned == "force_generic_plan" {
					c := young.explain(s, s.planned)
					require.Empty(t, c.scanned, "%s would read a whole table: %s", q.target, s.sql)
					require.Empty(t, c.walked, "%s would walk a whole index: %s", q.target, s.sql)
				}
			}
			next := strings.TrimSuffix(strings.TrimPrefix(got.header.Get("Link"), "<"), `>; rel="next"`)
			if next == "" {
				break
			}
			q.target = next + "&total=true"
			if strings.Contains(next, "since=") || strings.Contains(next, "q=") {
				q.target = next
			}
		}
	}
	for _, r := range Routes() {
		require.True(t, asked[r.Name], "nothing is asked of %s", r.Name)
	}
	for _, index := range w.indexes() {
		require.True(t, used[index], "%s serves no question", index)
	}
}

func (w *world) crowd() {
	w.t.Helper()
	text, err := os.ReadFile("testdata/crowd.sql")
	require.NoError(w.t, err)
	ctx := w.t.Context()
	require.NoError(w.t, inTransaction(w, checkpoint, 1))
	for _, index := range w.indexes() {
		_, err = w.admin.Exec(ctx, `drop index sical_read.`+index) // quicker made again over all rows
		require.NoError(w.t, err)
	}
	_, err = w.admin.Exec(ctx, string(text))
	require.NoError(w.t, err)
	for _, v := range projections.Views() {
		_, err = w.admin.Exec(ctx, v.IndexDDL(v.Build(1)))
		require.NoError(w.t, err)
	}
	_, err = w.admin.Exec(ctx, `vacuum analyze`)
	require.NoError(w.t, err)
}

// explain runs a statement, planned in one of the ways of plan_cache_mode, and
// tells what it cost.
func (w *world) explain(s statement, planned string) cost {
	w.t.Helper()
	ctx := w.t.Context()
	conn, err := w.admin.Acquire(ctx)
	require.NoError(w.t, err)
	defer conn.Release()
	_, err = conn.Exec(ctx, `set plan_cache_mode = `+planned)
	require.NoError(w.t, err)
	_, err = conn.Conn().Prepare(ctx, "asked", s.sql)
	require.NoError(w.t, err)
	arguments := make([]string, len(s.args))
	for i, arg := range s.args {
		arguments[i] = literal(arg)
	}
	var text []byte
	require.NoError(w.t, conn.QueryRow(ctx, `explain (analyze, verbose, format json) execute asked (`+strings.Join(arguments, ", ")+`)`,
		pgx.QueryExecModeSimpleProtocol).Scan(&text), s.sql)
	require.NoError(w.t, conn.Conn().Deallocate(ctx, "asked"))
	_, err = conn.Exec(ctx, `reset plan_cache_mode`)
	require.NoError(w.t, err)
	var explained []struct{ Plan plan }
	require.NoError(w.t, json.Unmarshal(text, &explained))
	c := cost{indexes: map[string]bool{}}
	c.add(explained[0].Plan)
	return c
}

// literal writes an argument in SQL; none of the crowd's needs escaping.
func literal(arg any) string {
	switch v := arg.(type) {
	case time.Time:
		return "'" + v.Format(time.RFC3339Nano) + "'"
	case []string:
		return `'{"` + strings.Join(v, `","`) + `"}'`
	case []int64, []int32:
		return "'{" + strings.Trim(strings.ReplaceAll(fmt.Sprint(v), " ", ","), "[]") + "}'"
	case []uuid.UUID:
		texts := make([]string, len(v))
		for i, id := range v {
			texts[i] = id.String()
		}
		return "'{" + strings.Join(texts, ",") + "}'"
	}
	return fmt.Sprintf("'%v'", arg)
}

// indexes are the names of all but those of the primary keys, which the
// projectors need.
func (w *world) indexes() []string {
	w.t.Helper()
	rows, err := w.admin.Query(w.t.Context(), `select indexname from pg_indexes 
		where schemaname = 'sical_read' and indexname not like '%_pkey' order by indexname collate "C"`)
	require.NoError(w.t, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(w.t, err)
	return names
}
