package main

import (
	"context"
	"encoding/json"
	"io"

	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/ids"
)

// Erased prints the command that erases each user who was, a line of `import ndjson`
// each. A backup from before an erasure brings the person's key back; what this
// printed, kept apart from the database, takes it away again after a restore.
type Erased struct {
	From uint64 `help:"First position of the log to look at." default:"1"`
}

// erasure is the line of one user. Its id is derived from theirs: however often it is
// brought in, it is done once.
type erasure struct {
	ID   events.ID `json:"id"`
	Type string    `json:"type"`
	Data struct {
		ID events.ID `json:"id"`
	} `json:"data"`
}

// Run prints the erasures up to the log's head.
func (x *Erased) Run(ctx context.Context, a *App, out *output) error {
	log, err := a.openLog(ctx)
	if err != nil {
		return err
	}
	head, err := log.Head(ctx)
	if err != nil {
		return err
	}
	return x.print(ctx, log, head, out)
}

// print prints those up to the head of before, and what comes with its last page.
func (x *Erased) print(ctx context.Context, log eventlog.Reader, head uint64, out io.Writer) error {
	encoder := json.NewEncoder(out)
	for after := max(x.From, 1) - 1; after < head; {
		list, err := log.Read(ctx, after, tailPage)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, e := range list {
			after = e.Position
			if e.Type != events.NameOf[events.UserErased]() {
				continue
			}
			line := erasure{ID: ids.Derive("erased", e.RecordedAt, "%s", e.Stream.ID()), Type: "user.erase"}
			line.Data.ID = e.Stream.ID()
			if err := encoder.Encode(line); err != nil {
				return err
			}
		}
	}
	return nil
}
