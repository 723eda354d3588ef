package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"sical-backend/command"
	"sical-backend/command/api"
	"sical-backend/events"
	"sical-backend/internal/dispatch"
	"sical-backend/internal/importer"
	"sical-backend/internal/lines"
	"sical-backend/internal/web"
)

// ImportNDJSON imports a file of commands.
type ImportNDJSON struct {
	File string `arg:"" help:"File of commands, or - for standard input." type:"existingfile"`
}

// maxLine bounds a line, in bytes.
const maxLine = 1 << 20

// Run imports the lines in their order; a bad one is named and left out.
func (n *ImportNDJSON) Run(ctx context.Context, a *App, out *output) error {
	in := io.Reader(os.Stdin)
	if n.File != "-" {
		f, err := os.Open(n.File)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	i, err := startImport(ctx, a, out)
	if err != nil {
		return err
	}
	if err := i.stage(ctx, "commands", -1, commands(until{ctx, in}, out)); err != nil {
		return err
	}
	return i.finish(ctx)
}

// until reads as the reader does until the context ends, and fails with why it has. A read
// that is under way then is left to itself: of a terminal or a pipe nothing ends it.
type until struct {
	context.Context
	io.Reader
}

func (u until) Read(p []byte) (int, error) {
	var n int
	var err error
	done := make(chan struct{})
	go func() {
		n, err = u.Reader.Read(p)
		close(done)
	}()
	select {
	case <-done:
		return n, err
	case <-u.Done():
		return 0, context.Cause(u)
	}
}

// commands reads one of each line, all in one lane: each may follow on any before it.
func commands(in io.Reader, out io.Writer) iter.Seq2[importer.Item, error] {
	return func(yield func(importer.Item, error) bool) {
		text := bufio.NewReaderSize(in, maxLine)
		for number := 1; ; number++ {
			line, err := lines.Next(text)
			switch {
			case errors.Is(err, io.EOF):
				return
			case errors.Is(err, context.Canceled):
				yield(importer.Item{}, err)
				return
			case err != nil && !errors.Is(err, lines.ErrLong):
				yield(importer.Item{}, fmt.Errorf("line %d: %w", number, err))
				return
			}
			if number == 1 {
				line = bytes.TrimPrefix(line, []byte(lines.BOM))
			}
			if err == nil && len(line) == 0 {
				continue
			}
			item := importer.Item{Err: err, Refused: func(err error) { fmt.Fprintf(out, "line %d: %s\n", number, reason(err)) }}
			if err == nil {
				item.Request, item.Err = request(line)
			}
			if !yield(item, nil) {
				return
			}
		}
	}
}

// request is the command of a line, nil with an error where it is none.
func request(text []byte) (*dispatch.Request, error) {
	var line api.Line
	if err := web.DecodeStrictBytes(text, &line); err != nil {
		return nil, err
	}
	now := time.Now()
	return line.Request(command.Given{Role: events.Admin, At: now, Now: now})
}

// reason is an error in one line.
func reason(err error) string {
	if p, ok := errors.AsType[*web.Problem](err); ok {
		return p.Error()
	}
	return err.Error()
}
