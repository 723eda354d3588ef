package main

import (
	"context"
	"fmt"
	"iter"
	"time"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/dispatch"
	"sical-backend/internal/importer"
	"sical-backend/internal/oulad"
)

// ImportOULAD imports a folder of Open University Learning Analytics files.
type ImportOULAD struct {
	Dir string `arg:"" help:"Folder with the files." type:"existingdir"`
}

// Run imports stage by stage; a stage relies on the ones before it.
func (o *ImportOULAD) Run(ctx context.Context, a *App, out *output) error {
	var report oulad.Report
	stages, err := oulad.Stages(o.Dir, &report)
	if err != nil {
		return err
	}
	i, err := startImport(ctx, a, out)
	if err != nil {
		return err
	}
	for _, s := range stages {
		if err := i.stage(ctx, s.Name, s.Most, items(s, &report)); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	printReport(out, &report)
	return i.finish(ctx)
}

// items turns the lines of a stage into commands. What one learner does keeps
// its order, and so does what the importer itself does to one thing.
func items(s oulad.Stage, report *oulad.Report) iter.Seq2[importer.Item, error] {
	return func(yield func(importer.Item, error) bool) {
		for line, err := range s.Lines {
			if err != nil {
				yield(importer.Item{}, err)
				return
			}
			rule, ok := command.RuleNamed(line.Type)
			if !ok {
				yield(importer.Item{}, fmt.Errorf("there is no command %q", line.Type))
				return
			}
			given := command.Given{Actor: line.As, Role: events.Learner, At: line.At, Now: time.Now()}
			if line.As == (events.ID{}) {
				given.Role = events.Admin
			}
			lane := *line.Command.Subject()
			if rule.Unchecked {
				lane = line.As // many commands to one history of the learner's
			}
			item := importer.Item{
				Request: &dispatch.Request{Rule: rule, Command: line.Command, Given: given, Key: line.ID},
				Lane:    lane,
				Refused: func(err error) { report.Refuse(line.Place, err.Error()) },
			}
			if !yield(item, nil) {
				return
			}
		}
	}
}

func printReport(out *output, report *oulad.Report) {
	for _, f := range report.Files() {
		fmt.Fprintf(out, "%-24s %9d accepted  %6d repaired  %6d refused\n", f.File, f.Accepted(), f.Repaired, f.Refused)
		for _, n := range f.Notes {
			if n.Refused {
				fmt.Fprintf(out, "  line %d refused: %s\n", n.Number, n.Reason)
			}
		}
	}
}
