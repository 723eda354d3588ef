package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/embedded"
	"sical-backend/internal/testkit"
)

// The canaries: a text for every personal field, in two scripts, that stands
// nowhere else.
var canaries = []string{
	"qzcanaryname", "qzcanaryrenamed", "qzcanarymail", "Qzcanary Displayed", "金丝雀显示名",
	"Qzcanary goal title", "金丝雀目标标题", "Qzcanary goal words", "金丝雀目标描述", "Qzcanary revised title",
	"Qzcanary draft title", "金丝雀草稿描述", "Qzcanary comment text", "金丝雀评论内容",
	"qzcanary", "金丝", "丝雀", // what an index of words would keep of them
}

// control is in a title that belongs to everyone: finding it shows that the search
// finds what is there.
const control = "Qzcontrol 对照文本"

func TestErasedPersonIsForgottenEverywhere(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts and rewrites a whole Postgres")
	}
	var logged testkit.Log
	logger := slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	config := Config{DataDir: dataDir(t), PostgresBin: testkit.PostgresBin()}
	s := serveOn(t, config, logger)
	p := newProtected(s)

	require.NotEmpty(t, found(p.everyAnswer(p.victimToken)), "the canaries are to be seen before")
	before := p.othersAnswers()
	s.position = s.call(http.MethodDelete, "/v1/users/"+p.victim, p.victimToken, "").header.Get("Sical-Position")
	require.NotEmpty(t, s.position)

	check := func(when string) {
		assert.Empty(t, found(p.everyAnswer("")), "answers to nobody, %s", when)
		assert.Empty(t, found(p.everyAnswer(p.other)), "answers to another, %s", when)
		assert.Empty(t, found(p.everyAnswer(p.admin)), "answers to an admin, %s", when)
		assert.Equal(t, before, p.othersAnswers(), "what is another's, %s", when)
		assert.Equal(t, http.StatusUnauthorized, s.call(http.MethodGet, "/v1/users/me", p.victimToken, "").status)
		tables := everyRow(t, s.app.instance.Postgres.AdminURL)
		assert.Empty(t, found(tables), "tables, %s", when)
		assert.Contains(t, tables, control)
		files := everyFile(t, s.app.DataDir)
		assert.Empty(t, found(files), "files, %s", when)
		assert.Contains(t, files, control)
		assert.Contains(t, everyFile(t, filepath.Join(s.app.DataDir, "nats")), control)
		assert.Empty(t, found(logged.String()), "logs, %s", when)
	}
	check("at once")
	settle(t, s.app.instance.Postgres.AdminURL)
	check("after vacuum")

	s.app.Close()
	dropViews(t, config.DataDir)
	position := s.position
	s = serveOn(t, config, logger)
	s.position, p.system = position, s
	check("after a rebuild")
}

// dataDir is a folder that the user Postgres runs as may pass, which one of
// testing's own is not.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sical-e2e-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o711))
	return dir
}

// protected is a system with somebody whose every text is a canary.
type protected struct {
	*system
	victim, victimToken, other, otherID, admin string
	goal, open, draft, point, comment          string
}

func newProtected(s *system) *protected {
	p := &protected{system: s}
	d := newDesk(s.t, s.app)
	p.victim = s.do(http.MethodPost, "/v1/users", "", fmt.Sprintf(`{"username":%q,"email":"%s@example.org","display_name":%q,"password":%q}`,
		canaries[0], canaries[2], canaries[3], password))
	p.victimToken = d.token(s.t, p.victim, events.Curator)
	s.do(http.MethodPatch, "/v1/users/"+p.victim, p.victimToken, fmt.Sprintf(`{"username":%q,"display_name":%q}`, canaries[1], canaries[4]))
	p.otherID = s.do(http.MethodPost, "/v1/users", "", fmt.Sprintf(`{"username":"bystander","email":"b@example.org","password":%q}`, password))
	p.other, p.admin = d.token(s.t, p.otherID, events.Learner), d.token(s.t, p.otherID, events.Admin)

	p.point = s.do(http.MethodPost, "/v1/points", p.admin, fmt.Sprintf(`{"title":%q}`, control))
	p.goal = s.do(http.MethodPost, "/v1/goals", p.victimToken, fmt.Sprintf(`{"title":%q,"description":%q}`, canaries[5], canaries[7]))
	s.do(http.MethodPatch, "/v1/goals/"+p.goal, p.victimToken, fmt.Sprintf(`{"title":%q}`, canaries[9]))
	p.open = s.do(http.MethodPost, "/v1/goals", p.victimToken, fmt.Sprintf(`{"title":%q,"description":%q,"visibility":"public"}`, canaries[6], canaries[8]))
	s.do(http.MethodPost, "/v1/goals/"+p.open+"/start", p.victimToken, "")
	p.draft = s.do(http.MethodPost, "/v1/paths", p.victimToken, fmt.Sprintf(`{"title":%q,"description":%q}`, canaries[10], canaries[11]))
	s.do(http.MethodPut, "/v1/goals/"+p.goal+"/paths", p.victimToken, fmt.Sprintf(`{"paths":[%q]}`, p.draft))
	p.comment = s.do(http.MethodPost, "/v1/comments", p.victimToken, fmt.Sprintf(`{"target_type":"point","target_id":%q,"text":%q}`, p.point, canaries[12]))
	s.do(http.MethodPatch, "/v1/comments/"+p.comment, p.victimToken, fmt.Sprintf(`{"text":%q}`, canaries[13]))
	s.do(http.MethodPost, "/v1/goals", p.other, `{"title":"Stays as it is"}`)
	s.do(http.MethodPost, "/v1/comments", p.other, fmt.Sprintf(`{"target_type":"goal","target_id":%q,"text":"Good luck"}`, p.open))
	return p
}

// everyAnswer is all that the API says about the person and their things.
func (p *protected) everyAnswer(token string) string {
	var all strings.Builder
	for _, path := range []string{
		"/v1/users/" + p.victim, "/v1/users?ids=" + p.victim, "/v1/users/" + p.victim + "/goals", "/v1/goals/" + p.goal, "/v1/goals/" + p.open,
		"/v1/goals", "/v1/goals?q=words+qz%63anary", "/v1/goals?q=%E9%9B%80%E7%9B%AE%E6%A0%87", "/v1/paths?q=title", "/v1/goals?ids=" + p.goal + "," + p.open, "/v1/paths/" + p.draft, "/v1/paths",
		"/v1/comments?target_type=point&target_id=" + p.point, "/v1/users/" + p.victim + "/comments",
		"/v1/users/" + p.victim + "/progress", "/v1/users/" + p.victim + "/assessments", "/v1/statistics",
	} {
		r := p.get(path, token)
		require.Less(p.t, r.status, 500, "%s: %s", path, r.body)
		all.WriteString(r.body + "\n")
	}
	return all.String()
}

// othersAnswers is what somebody else sees of their own.
func (p *protected) othersAnswers() string {
	return p.get("/v1/users/me", p.other).body + p.get("/v1/users/"+p.otherID+"/goals", p.other).body +
		p.get("/v1/users/"+p.otherID+"/comments", p.other).body
}

// found lists the canaries in a text: as they are, in hexadecimal as bytea is
// printed, and escaped as in JSON.
func found(text string) (list []string) {
	for _, c := range canaries {
		var escaped strings.Builder
		for _, r := range c {
			fmt.Fprintf(&escaped, "\\u%04x", r)
		}
		for _, form := range []string{c, fmt.Sprintf("%x", c), escaped.String()} {
			if strings.Contains(text, form) {
				list = append(list, form)
			}
		}
	}
	return list
}

// everyRow is the content of all tables there are.
func everyRow(t *testing.T, url string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	tables := column(t, conn, `
		select format('%I.%I', schemaname, tablename) from pg_tables
		where schemaname not in ('pg_catalog', 'information_schema') or tablename in ('pg_statistic')`)
	require.Greater(t, len(tables), 10)
	var all strings.Builder
	for _, table := range tables {
		for _, row := range column(t, conn, `select r::text from `+table+` r`) {
			all.WriteString(row + "\n")
		}
	}
	return all.String()
}

func column(t *testing.T, conn *pgx.Conn, sql string) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql)
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err, sql)
	return list
}

// everyFile is the content of all files below a folder: tables, indexes, the
// write-ahead log, JetStream's store, keys.
func everyFile(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if os.IsNotExist(err) || err == nil && !d.Type().IsRegular() {
			return nil // servers come and go with files
		}
		text, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil
		}
		all.Write(text)
		return err
	}))
	return all.String()
}

// settle rewrites every table and writes everything out.
func settle(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	for _, statement := range []string{`analyze`, `vacuum full`, `checkpoint`} {
		_, err := conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
}

// dropViews deletes every read model of a data folder that nobody works in.
func dropViews(t *testing.T, dir string) {
	t.Helper()
	instance, err := embedded.Start(t.Context(), embedded.Options{
		DataDir: dir, PostgresBin: testkit.PostgresBin(), SkipNATS: true, Logger: slog.New(slog.DiscardHandler),
		Settings: map[string]string{"fsync": "off"}, // or a slow disk may take longer than a stop does
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, instance.Close(t.Context())) }()
	conn, err := pgx.Connect(t.Context(), instance.Postgres.AdminURL)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	tables := column(t, conn, `select format('%I.%I', schemaname, tablename) from pg_tables where schemaname = 'sical_read'`)
	require.NotEmpty(t, tables)
	for _, table := range tables {
		_, err := conn.Exec(t.Context(), `drop table `+table+` cascade`)
		require.NoError(t, err)
	}
	_, err = conn.Exec(t.Context(), `delete from sical.projection`)
	require.NoError(t, err)
}
