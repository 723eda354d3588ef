package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"sical-backend/events"
	"sical-backend/internal/testkit"
)

// watched is one expression that somebody watches by.
type watched struct{ where, text string }

// watchedBy lists every expression of the dashboard and of the alerts.
func watchedBy(t *testing.T) (list []watched) {
	t.Helper()
	content, err := os.ReadFile("../../deploy/grafana/dashboards/sical.json")
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(content, &dashboard))
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			list = append(list, watched{"panel " + p.Title, strings.ReplaceAll(target.Expr, "$__rate_interval", "5m")})
		}
	}
	require.Greater(t, len(list), 30)
	content, err = os.ReadFile("../../deploy/prometheus/rules.yml")
	require.NoError(t, err)
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	require.NoError(t, yaml.NewDecoder(bytes.NewReader(content)).Decode(&rules))
	for _, r := range rules.Groups[0].Rules {
		list = append(list, watched{r.Alert, r.Expr})
	}
	return list
}

var described = regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)

// names is what a whole system's registry knows: each metric with its labels, and those
// that Prometheus adds.
func names(t *testing.T, registry *prometheus.Registry) map[string][]string {
	t.Helper()
	found := map[string][]string{"up": {"job", "instance"}}
	all := make(chan *prometheus.Desc, 10_000)
	registry.Describe(all)
	close(all)
	for desc := range all {
		m := described.FindStringSubmatch(desc.String())
		require.NotNil(t, m, desc.String())
		labels := []string{"job", "instance"}
		for label := range strings.SplitSeq(m[2], ",") {
			labels = append(labels, strings.TrimPrefix(strings.TrimSpace(label), "c("))
		}
		found[m[1]] = labels
		for _, suffix := range []string{"_sum", "_count"} {
			found[m[1]+suffix] = labels
		}
		found[m[1]+"_bucket"] = append(slices.Clone(labels), "le")
	}
	// A summary of the Go collector, with a label that its description leaves out.
	found["go_gc_duration_seconds"] = append(found["go_gc_duration_seconds"], "quantile")
	return found
}

// busy is a system in which everything that is watched has happened once.
func busy(t *testing.T) *system {
	t.Helper()
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(receiver.Close)
	s := serveOn(t, Config{
		DataDir: t.TempDir(), PostgresURL: testkit.Database(t, migrated).AdminURL, NATSURL: testkit.NATS(t).URL,
		Webhooks: Webhooks{WebhookAllow: []string{"127.0.0.0/8"}},
	}, slog.New(slog.DiscardHandler))
	id, token, _ := s.account("ana")
	s.do("POST", "/v1/webhooks", newDesk(t, s.app).token(t, id, events.Admin),
		fmt.Sprintf(`{"url":%q,"event_types":["goal.created"],"secret":"whsec_%s="}`, receiver.URL, strings.Repeat("A", 43)))
	s.do("POST", "/v1/goals", token, `{"title":"Watched"}`)
	require.Equal(t, 200, s.get("/v1/users/me", token).status)
	return s
}

// sums is what each metric's samples add up to; a histogram's, how many there are.
func (s *system) sums() map[string]float64 {
	s.t.Helper()
	families, err := s.app.registry.Gather()
	require.NoError(s.t, err)
	all := map[string]float64{}
	for _, f := range families {
		name := f.GetName()
		for _, m := range f.GetMetric() {
			all[name] += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return all
}

// tells waits until every metric that is watched has a sample, and those that cannot be
// nothing are something.
func (s *system) tells(watched map[string]bool) {
	s.t.Helper()
	parts := regexp.MustCompile(`_(sum|count|bucket)$`)
	testkit.Eventually(s.t, func() error {
		told := s.sums()
		for name := range watched {
			if _, ok := told[parts.ReplaceAllString(name, "")]; !ok && name != "up" { // Prometheus's own
				return fmt.Errorf("nothing tells %s", name)
			}
		}
		for _, name := range []string{
			"memory_usage_bytes", "goroutines_total", "sical_pool_connections", "sical_pool_connections_max", "sical_pool_acquires_total",
			"sical_http_connections", "http_request_duration_seconds", "db_query_duration_seconds", "sical_reaction_seconds",
		} {
			if told[name] == 0 {
				return fmt.Errorf("%s is 0", name)
			}
		}
		return nil
	})
}

// Nobody shall watch a metric that is not there or that nothing tells, or group by a label
// that it has not.
func TestDashboardAndAlertsNameWhatExists(t *testing.T) {
	t.Parallel()
	s, metrics := busy(t), map[string]bool{}
	known := names(t, s.app.registry)
	for _, q := range watchedBy(t) {
		expr, err := metricsql.Parse(q.text)
		require.NoError(t, err, q.where)
		used := map[string]bool{} // labels of the metrics within
		metricsql.VisitAll(expr, func(e metricsql.Expr) {
			m, ok := e.(*metricsql.MetricExpr)
			if !ok {
				return
			}
			require.Len(t, m.LabelFilterss, 1, q.where)
			name := ""
			for _, f := range m.LabelFilterss[0] {
				if f.Label == "__name__" {
					name = f.Value
					continue
				}
				assert.Contains(t, known[name], f.Label, "%s: %s", q.where, q.text)
			}
			labels, exists := known[name]
			assert.True(t, exists, "%s: there is no metric %s", q.where, name)
			metrics[name] = true
			for _, l := range labels {
				used[l] = true
			}
		})
		metricsql.VisitAll(expr, func(e metricsql.Expr) {
			var by []string
			switch e := e.(type) {
			case *metricsql.AggrFuncExpr:
				by = e.Modifier.Args
			case *metricsql.BinaryOpExpr:
				by = e.GroupModifier.Args
			}
			for _, label := range by {
				assert.True(t, used[label], "%s: no metric in it has the label %s", q.where, label)
			}
		})
	}
	s.tells(metrics)
}

// A pool that adds up with another is not seen to be short of connections while the other
// has some. Those of a system, with a --max-conns of 6, are the ones that deploy/sizing.md counts.
func TestEveryPoolTellsOfItself(t *testing.T) {
	t.Parallel()
	families, err := newSystem(t).app.registry.Gather()
	require.NoError(t, err)
	most := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "sical_pool_connections_max" {
			continue
		}
		for _, m := range f.GetMetric() {
			most[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
		}
	}
	assert.Equal(t, map[string]float64{
		"command": 6, "command_apart": 2, "relay": 2, "query": 6, "projector": 8, "projector_rebuild": 4, "reaction": 4, "monitor": 2,
	}, most)
}

// What is read by its caller's name shows which was forgotten: a statement of the
// system's own life without a leading comment.
func TestEveryStatementHasAName(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.do("POST", "/v1/users", "", `{"username":"ana","email":"ana@example.org","password":"correct horse 42"}`)
	token := s.call("POST", "/v1/sessions", "", `{"username":"ana","password":"correct horse 42"}`).field(t, "access_token")
	other := s.do("POST", "/v1/users", "", `{"username":"ben","email":"ben@example.org","password":"correct horse 42"}`)
	goal := s.do("POST", "/v1/goals", token, `{"title":"Named","visibility":"public"}`)
	for _, path := range []string{"/v1/goals/" + goal, "/v1/users/me", "/v1/users/" + other, "/v1/goals?status=draft", "/v1/statistics", "/v1/popular-goals", "/v1/trending-points"} {
		require.Equal(t, 200, s.get(path, token).status, path)
	}
	families, err := s.app.registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() != "db_queries_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				assert.NotEqual(t, "unnamed", l.GetValue(), "a statement has no name: begin it with a comment, -- operation table")
			}
		}
	}
}
