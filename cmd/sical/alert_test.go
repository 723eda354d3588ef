package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sical-backend/internal/testkit"
)

// scraper is a real Prometheus that scrapes a system.
type scraper struct {
	t   *testing.T
	url string
}

// startPrometheus runs it on the shipped rules, in a hurry: it scrapes every second and
// judges more often, no alert waits, and a view is late after one second instead of ten.
func startPrometheus(t *testing.T, target string) scraper {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("no prometheus is installed (Debian: apt-get install prometheus)")
	}
	folder := t.TempDir()
	rules, err := os.ReadFile("../../deploy/prometheus/rules.yml")
	require.NoError(t, err)
	rules = regexp.MustCompile(`(?m)^( +for): .*$`).ReplaceAll(rules, []byte("$1: 0s"))
	hasty := bytes.Replace(rules, []byte("sical_view_lag_seconds) > 10"), []byte("sical_view_lag_seconds) > 1"), 1)
	require.NotEqual(t, rules, hasty)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "rules.yml"), hasty, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "prometheus.yml"), fmt.Appendf(nil, `
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 200ms }
rule_files: [rules.yml]
scrape_configs: [{ job_name: sical, static_configs: [{ targets: [%q] }] }]
`, target), 0o600))
	address := fmt.Sprint("127.0.0.1:", testkit.Port(t))

	var said bytes.Buffer
	command := exec.Command(program, "--config.file="+filepath.Join(folder, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(folder, "data"), "--web.listen-address="+address, "--log.level=warn")
	command.Stdout, command.Stderr = &said, &said
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	return scraper{t, "http://" + address}
}

// get asks its API.
func (p scraper) get(path string, into any) error {
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.url+path, nil)
	if err != nil {
		return err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %d %s", path, response.StatusCode, text)
	}
	return json.Unmarshal(text, into)
}

// firing tells whether an alert fires for a view.
func (p scraper) firing(name, view string) (bool, error) {
	var answer struct {
		Data struct {
			Alerts []struct {
				Labels map[string]string
				State  string
			}
		}
	}
	err := p.get("/api/v1/alerts", &answer)
	for _, a := range answer.Data.Alerts {
		if a.State == "firing" && a.Labels["alertname"] == name && a.Labels["view"] == view {
			return true, err
		}
	}
	return false, err
}

// becomes waits until an alert fires, or no longer does.
func (p scraper) becomes(name, view string, want bool) {
	p.t.Helper()
	testkit.Eventually(p.t, func() error {
		got, err := p.firing(name, view)
		if err == nil && got != want {
			err = fmt.Errorf("%s of %s fires: %v", name, view, got)
		}
		return err
	})
}

// TestPausedViewAlertsAndClears is the way of an alert from end to end: what is wrong
// with the system, its metric, the scrape, the rule, and back.
func TestPausedViewAlertsAndClears(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs a Prometheus beside a whole system")
	}
	s := serveOn(t, Config{
		DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: testkit.NATS(t).URL,
		Watching: Watching{MonitorInterval: 50 * time.Millisecond},
	}, slog.New(slog.DiscardHandler))
	p := startPrometheus(t, strings.TrimPrefix(s.app.adminURL, "http://"))
	operate := func(what string) {
		var out, said bytes.Buffer
		require.Equal(t, 0, run([]string{"projections", what, "goal", "--data-dir", s.app.DataDir}, &out, &said), said.String())
	}
	s.do("POST", "/v1/users", "", `{"username":"ana","email":"ana@example.org","password":"correct horse 42"}`)
	token := s.call("POST", "/v1/sessions", "", `{"username":"ana","password":"correct horse 42"}`).field(t, "access_token")
	s.do("POST", "/v1/goals", token, `{"title":"Seen"}`)
	require.Equal(t, http.StatusOK, s.get("/v1/users/me", token).status)
	p.becomes("SicalViewLag", "goal", false)

	operate("pause")
	testkit.Eventually(t, func() error {
		// The owner heeds a pause within a second: one of these it will not fold.
		s.do("POST", "/v1/goals", token, `{"title":"Not seen yet"}`)
		fires, err := p.firing("SicalViewLag", "goal")
		if err == nil && !fires {
			err = errors.New("the alert does not fire")
		}
		return err
	})
	p.becomes("SicalViewStopped", "goal", true)
	p.becomes("SicalViewLag", "user", false) // the others go on

	operate("resume")
	p.becomes("SicalViewLag", "goal", false)
	p.becomes("SicalViewStopped", "goal", false)

	for _, q := range watchedBy(t) {
		assert.NoError(t, p.get("/api/v1/query?query="+url.QueryEscape(q.text), &struct{}{}), q.where)
	}
	var users struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	testkit.Eventually(t, func() error { // a busy system may miss a scrape
		err := p.get("/api/v1/query?query="+url.QueryEscape("sum(active_users_total)"), &users)
		if err == nil && (len(users.Data.Result) != 1 || users.Data.Result[0].Value[1] != "1") {
			err = fmt.Errorf("%+v", users)
		}
		return err
	})
}
