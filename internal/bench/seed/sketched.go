package main

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"gorm.io/gorm/logger"
)

// The metrics of the design, under its names.
var (
	requests = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "http_requests_total", Help: "Total number of HTTP requests",
	}, []string{"method", "endpoint", "status"})
	requestDuration = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "http_request_duration_seconds", Help: "HTTP request duration in seconds",
		Buckets: []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5},
	}, []string{"method", "endpoint"})
	queries = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "db_queries_total", Help: "Total number of database queries",
	}, []string{"operation", "table", "status"})
	queryDuration = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "db_query_duration_seconds", Help: "Database query duration in seconds",
		Buckets: []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1},
	}, []string{"operation", "table"})
)

// requestMetrics counts and times each request.
func requestMetrics(c *gin.Context) {
	begun := time.Now()
	c.Next()
	requests.WithLabelValues(c.Request.Method, c.FullPath(), strconv.Itoa(c.Writer.Status())).Inc()
	requestDuration.WithLabelValues(c.Request.Method, c.FullPath()).Observe(time.Since(begun).Seconds())
}

// cors admits every origin.
func cors(c *gin.Context) {
	c.Header("Access-Control-Allow-Origin", "*")
	c.Header("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS")
	c.Header("Access-Control-Allow-Headers", "Origin, Content-Type, Authorization, X-Request-ID")
	if c.Request.Method == http.MethodOptions {
		c.AbortWithStatus(http.StatusNoContent)
	}
}

// slow is from when on a query is logged.
const slow = 100 * time.Millisecond

// queryMetrics counts and times what GORM asks, by the text of the statement.
type queryMetrics struct{ logger.Interface }

func (m queryMetrics) LogMode(level logger.LogLevel) logger.Interface {
	return queryMetrics{m.Interface.LogMode(level)}
}

func (m queryMetrics) Trace(ctx context.Context, begun time.Time, statement func() (sql string, rows int64), err error) {
	took := time.Since(begun)
	sql, rows := statement()
	operation, table := parts(sql)
	status := "success"
	if err != nil {
		status = "error"
	}
	queryDuration.WithLabelValues(operation, table).Observe(took.Seconds())
	queries.WithLabelValues(operation, table, status).Inc()
	if took > slow {
		slog.WarnContext(ctx, "slow query", "duration", took, "table", table, "rows", rows, "error", err)
	}
}

// parts are a statement's verb, and the table that stands in its first quotes.
func parts(sql string) (operation, table string) {
	operation, rest, _ := strings.Cut(sql, " ")
	_, rest, quoted := strings.Cut(rest, `"`)
	table, _, closed := strings.Cut(rest, `"`)
	if !quoted || !closed {
		return strings.ToUpper(operation), "unknown"
	}
	return strings.ToUpper(operation), table
}
