package check

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestConsoleOfFaults goes through what an operator sees when something is wrong, and
// while something takes long.
func TestConsoleOfFaults(t *testing.T) {
	s := serveDemo(t)
	b := openBrowser(t)
	b.prefer("light")
	b.do(chromedp.Navigate(s.Admin + "/console"))
	b.is(`document.body.dataset.connection === 'live'`)
	t.Run("a key is parked and tried again", func(t *testing.T) { consoleParks(t, b, s) })
	t.Run("a slow rebuild", func(t *testing.T) { consoleWaits(t, b, s) })
	assert.Empty(t, b.complained(), "on the browser's console")
}

// consoleParks has the database refuse one goal for a while.
func consoleParks(t *testing.T, b *browser, s *serving) {
	conn := s.projector(t)
	var table string
	require.NoError(t, conn.QueryRow(t.Context(), `
		select table_schema || '.' || table_name from information_schema.columns
		where table_schema = 'sical_read' and table_name like 'goal\_v%' and column_name = 'category'`).Scan(&table))
	_, err := conn.Exec(t.Context(), `alter table `+table+` add constraint trial check (category <> 'refused')`)
	require.NoError(t, err)
	v := register(t, s.API, "ben")
	id := v.call(t, "POST", "/v1/goals", `{"title":"Nobody takes it","category":"refused"}`)["id"].(string)

	row := fmt.Sprintf(`[...document.querySelectorAll('#parked tbody tr')].find(r => r.innerText.includes(%q) && r.innerText.includes('trial'))`, id)
	b.is(`!document.querySelector('#parked').hidden && ` + row)
	value[chromedp.Void](b, `document.querySelector('#parked').scrollIntoView()`)
	b.picture("parked")

	_, err = conn.Exec(t.Context(), `alter table `+table+` drop constraint trial`)
	require.NoError(t, err)
	value[chromedp.Void](b, row+`.querySelector('button').click()`)
	b.is(`document.querySelector('#confirm').open`)
	b.click(`#confirm-yes`)
	b.is(`document.querySelector('#parked').hidden`)
	assert.Equal(t, "Nobody takes it", v.call(t, "GET", "/v1/goals/"+id, "")["title"], "nothing of it is missing")
}

// consoleWaits rebuilds so slowly that it would take minutes, and gives up.
func consoleWaits(t *testing.T, b *browser, s *serving) {
	admin := &visitor{api: s.Admin}
	admin.call(t, "POST", "/admin/projections/progress/rebuild", `{"rate":5}`)
	job := `document.querySelector('[data-job="progress/rebuild"]')`
	b.is(job + `?.querySelector('progress').value > 1 && ` + job + `.innerText.includes('%')`)
	b.is(fmt.Sprintf(`/\d+ events\/s/.test(%s.innerText)`, job))
	value[chromedp.Void](b, `document.querySelector('[data-job="progress/rebuild"]').scrollIntoView({block: 'center'})`)
	b.picture("rebuilding")
	value[chromedp.Void](b, `[...document.querySelectorAll('[aria-label="Cancel rebuild progress"]')].find(e => !e.hidden).click()`)
	b.is(`document.querySelector('#confirm').open`)
	b.click(`#confirm-yes`)
	b.is(job + `.dataset.state === 'cancelled'`)
}

// projector is a connection to the private Postgres with the rights of the projector,
// who owns the read models.
func (s *serving) projector(t *testing.T) *pgx.Conn {
	t.Helper()
	var run struct {
		URLs map[string]string `json:"postgres_urls"`
	}
	text, err := os.ReadFile(filepath.Join(s.data, "run.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &run))
	conn, err := pgx.Connect(t.Context(), run.URLs["sical_projector"])
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}
