// Command consumer is an example of a consumer outside of sical: it follows the
// events on NATS with plain nats.go, prints one line for each, and goes on after any
// end of itself, of NATS or of the stream. It imports nothing of sical; copy it and
// put your own work where it prints.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	var c config
	run := flag.String("run", "", "run.json of a running `sical serve`, which holds the URL of its NATS and the credential")
	flag.StringVar(&c.url, "nats-url", os.Getenv("NATS_URL"), "NATS to connect to, with its credential")
	flag.StringVar(&c.durable, "durable", "sical_consumer", "name of the consumer on the server, in a deployment this one")
	flag.StringVar(&c.state, "state", "consumer.json", "file that remembers the place")
	flag.StringVar(&c.subject, "subject", "sical.events.>", "events to follow; with less than all, holes are not noticed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := start(ctx, c, *run, os.Stdout); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "consumer:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, c config, runFile string, out io.Writer) error {
	if runFile != "" {
		text, err := os.ReadFile(runFile)
		if err != nil {
			return err
		}
		var run struct {
			NATSURL string `json:"nats_url"`
		}
		if err := json.Unmarshal(text, &run); err != nil {
			return fmt.Errorf("%s: %w", runFile, err)
		}
		c.url = run.NATSURL
	}
	if c.url == "" {
		return errors.New("--run or --nats-url is needed")
	}
	return follow(ctx, c, out)
}
