// Command seed is a server of the design that this project replaces, for
// benchmarks only: see README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8090", "address to serve on")
	postgresURL := flag.String("postgres-url", "", "database to use; its table goals is made where absent")
	redisURL := flag.String("redis", "", "cache for single goals, such as redis://127.0.0.1:6379/0; none by default")
	sketched := flag.Bool("as-sketched", false, "with the design's own pool of connections, CORS and metrics, rather than without")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *listen, *postgresURL, *redisURL, *sketched); err != nil {
		slog.Error("seed", "error", err)
		os.Exit(1)
	}
}

// serve answers on listen until ctx ends, and then finishes what is under way.
func serve(ctx context.Context, listen, postgresURL, redisURL string, sketched bool) error {
	if postgresURL == "" {
		return errors.New("-postgres-url is needed")
	}
	db, err := openDatabase(postgresURL, sketched)
	if err != nil {
		return err
	}
	pool, err := db.DB()
	if err != nil {
		return err
	}
	defer pool.Close()
	store := &store{db: db}
	if redisURL != "" {
		if store.cache, err = openCache(redisURL); err != nil {
			return err
		}
		defer store.cache.close()
	}

	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	slog.Info("serving", "url", "http://"+listener.Addr().String())
	server := &http.Server{Handler: routes(store, sketched), ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return server.Shutdown(ending)
}
