package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"time"

	"sical-backend/command"
	"sical-backend/command/api"
	"sical-backend/events"
	"sical-backend/internal/importer"
	"sical-backend/internal/web"
)

// ImportNDJSON imports a file of commands.
type ImportNDJSON struct {
	File string `arg:"" help:"File of commands, or - for standard input."`
}

// maxLine bounds a line, in bytes.
const maxLine = 1 << 20

// Run imports the lines in their order; a bad one is named and left out.
func (n *ImportNDJSON) Run(ctx context.Context, c *Config, out *output, logger *slog.Logger) error {
	in := io.Reader(os.Stdin)
	if n.File != "-" {
		f, err := os.Open(n.File)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	i, err := startImport(ctx, c, out, logger)
	if err != nil {
		return err
	}
	defer i.app.Close()
	refused := 0
	if err := i.stage(ctx, "commands", -1, lines(in, out, &refused)); err != nil {
		return err
	}
	if refused > 0 {
		fmt.Fprintf(out, "%d lines were no commands\n", refused)
	}
	return i.finish(ctx)
}

// lines reads commands, all in one lane: each may follow on any before it.
func lines(in io.Reader, out io.Writer, refused *int) iter.Seq2[importer.Item, error] {
	return func(yield func(importer.Item, error) bool) {
		scanner := bufio.NewScanner(in)
		scanner.Buffer(nil, maxLine)
		for number := 1; scanner.Scan(); number++ {
			if len(scanner.Bytes()) == 0 {
				continue
			}
			item, err := readLine(scanner.Bytes())
			if err != nil {
				*refused++
				fmt.Fprintf(out, "line %d: %s\n", number, reason(err))
				continue
			}
			item.Refused = func(err error) { fmt.Fprintf(out, "line %d: %s\n", number, reason(err)) }
			if !yield(item, nil) {
				return
			}
		}
		if err := scanner.Err(); err != nil {
			yield(importer.Item{}, err)
		}
	}
}

func readLine(text []byte) (importer.Item, error) {
	var line api.Line
	if err := web.DecodeStrictBytes(text, &line); err != nil {
		return importer.Item{}, err
	}
	now := time.Now()
	r, err := line.Request(command.Given{Role: events.Admin, At: now, Now: now})
	return importer.Item{Request: r}, err
}

// reason is an error in one line.
func reason(err error) string {
	if p, ok := errors.AsType[*web.Problem](err); ok {
		return p.Error()
	}
	return err.Error()
}
