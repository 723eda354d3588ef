package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"sical-backend/events"
	"sical-backend/internal/admin"
	"sical-backend/internal/eventlog"
)

// Events looks at the log.
type Events struct {
	Tail      Tail            `cmd:"" help:"Print events, one JSON object a line."`
	Erased    Erased          `cmd:"" help:"Print the erasures of the log as commands, to be done again after an older backup was restored."`
	Reconcile ReconcileEvents `cmd:"" help:"Compare log and stream, and make the stream anew where they differ."`
	Replay    ReplayEvents    `cmd:"" help:"Send a range of the log again on another subject, for a consumer outside."`
}

// Tail prints the log from a position on. What is personal stays sealed.
type Tail struct {
	From   uint64 `help:"First position; by default the last 20 events."`
	Type   string `help:"Only events of this type, such as goal.created."`
	Stream string `help:"Only events of this stream, such as goal-0190…"`
	Follow bool   `help:"Go on as events are appended." short:"f"`
}

// Validate refuses what no event can be of: nothing would ever be printed.
func (t *Tail) Validate() error {
	types := events.Types()
	if t.Type != "" && !slices.ContainsFunc(types, func(known *events.Type) bool { return known.Name == t.Type }) {
		return fmt.Errorf("--type: there is no type of event called %q; /docs/events lists them", t.Type)
	}
	s := events.Stream(t.Stream)
	whole := s == events.Curriculum || s == events.StreamOf(s.Kind(), s.ID())
	if s != "" && !(whole && slices.ContainsFunc(types, func(known *events.Type) bool { return known.Kind() == s.Kind() })) {
		return fmt.Errorf("--stream: %q names no stream; one is called by its kind and an id, such as goal-0190…", t.Stream)
	}
	return nil
}

const (
	tailPage  = 1000
	tailPause = 200 * time.Millisecond
)

// Run prints until the head of the log, or for ever.
func (t *Tail) Run(ctx context.Context, a *App, out *output) error {
	log, err := a.openLog(ctx)
	if err != nil {
		return err
	}
	after, head, err := t.begin(ctx, log)
	if err != nil {
		return err
	}
	return t.print(ctx, log, after, head, out)
}

// print prints what comes after a position, at least to the head of before: a busy system
// may append faster than is read.
func (t *Tail) print(ctx context.Context, log eventlog.Reader, after, head uint64, out io.Writer) error {
	encoder := json.NewEncoder(out)
	for t.Follow || after < head {
		list, err := log.Read(ctx, after, tailPage)
		if t.Follow && ctx.Err() != nil {
			return nil // it has no other end
		}
		if err != nil {
			return err
		}
		for _, e := range list {
			after = e.Position
			if t.Type != "" && e.Type != t.Type || t.Stream != "" && string(e.Stream) != t.Stream {
				continue
			}
			if err := encoder.Encode(admin.EventOf(e)); err != nil {
				return fmt.Errorf("standard output: %w", err)
			}
		}
		if len(list) > 0 {
			continue
		}
		if !t.Follow {
			return nil
		}
		// The log has no bell for an operator's terminal: looking five times a
		// second costs an index lookup each.
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(tailPause):
		}
	}
	return nil
}

// begin tells after which position to print, and where the log ends just now.
func (t *Tail) begin(ctx context.Context, log eventlog.Reader) (after, head uint64, err error) {
	head, err = log.Head(ctx)
	switch {
	case err != nil:
		return 0, 0, err
	case t.From == 0:
		return head - min(head, 20), head, nil
	case t.From > head && !t.Follow:
		return 0, 0, fmt.Errorf("there is no event %d yet: the log ends at %d", t.From, head)
	}
	return t.From - 1, head, nil
}
