// Command bare serves answers that were made elsewhere, with as little as Echo
// takes: what remains of a read when nobody is asked who they are and nothing is
// counted. Benchmarks measure the distance to it.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/dgraph-io/ristretto/v2"
	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4"
)

// answer is a line of the file of answers.
type answer struct {
	Path string `json:"path"`
	ETag string `json:"etag"`
	Body string `json:"body"`

	bytes []byte
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to serve on")
	answers := flag.String("answers", "", "file of answers to serve from memory, a JSON object a line: path, etag, body")
	postgresURL := flag.String("postgres-url", "", "database to serve from instead: its table bare has id uuid and body bytea")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *listen, *answers, *postgresURL); err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, listen, answers, postgresURL string) (err error) {
	e := echo.New()
	if postgresURL != "" {
		pool, err := fromPostgres(ctx, e, postgresURL)
		if err != nil {
			return err
		}
		defer pool.Close()
	} else if err := fromMemory(e, answers); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	fmt.Println("serving url=http://" + listener.Addr().String())
	server := &http.Server{Handler: e}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

var routes = []string{"/v1/points/:id", "/v1/users/:id", "/v1/goals/:id"}

// fromMemory reads the answers into ristretto and serves them by their paths.
func fromMemory(e *echo.Echo, file string) error {
	store, err := ristretto.NewCache(&ristretto.Config[string, *answer]{NumCounters: 1 << 21, MaxCost: 1 << 30, BufferItems: 64})
	if err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewReader(f)
	for line, err := lines.ReadBytes('\n'); err == nil; line, err = lines.ReadBytes('\n') {
		var a answer
		if err := json.Unmarshal(line, &a); err != nil {
			return err
		}
		a.bytes, a.Body = []byte(a.Body), ""
		store.Set(a.Path, &a, int64(len(a.bytes)))
		store.Wait()
	}
	for _, route := range routes {
		e.GET(route, func(c echo.Context) error {
			a, ok := store.Get(c.Request().URL.Path)
			if !ok {
				return echo.ErrNotFound
			}
			c.Response().Header().Set("ETag", a.ETag)
			if c.Request().Header.Get("If-None-Match") == a.ETag {
				return c.NoContent(http.StatusNotModified)
			}
			return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, a.bytes)
		})
	}
	return nil
}

// fromPostgres serves each answer by a read along the primary key, over as many
// connections as did best.
func fromPostgres(ctx context.Context, e *echo.Echo, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = 10
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	for _, route := range routes {
		e.GET(route, func(c echo.Context) error {
			id, err := uuid.Parse(c.Param("id"))
			if err != nil {
				return echo.ErrNotFound
			}
			var body []byte
			if err := pool.QueryRow(c.Request().Context(), `select body from bare where id = $1`, id).Scan(&body); err != nil {
				return err
			}
			return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, body)
		})
	}
	return pool, nil
}
