// Package fixedlog reads the log that the views' golden files are made of.
package fixedlog

import (
	"fmt"
	"strings"
	"time"

	"sical-backend/events"
)

// Parse reads a log of one event a line: instant, stream, owner (- for none), type
// and data. A line "@name = id" names an id for the lines below; # begins a comment.
// Positions and versions are counted; events are decoded. The second result has the
// names and their ids, in turn, as strings.NewReplacer takes them.
func Parse(text string) (log []events.Event, names []string, err error) {
	versions := map[events.Stream]int{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if name, id, ok := strings.Cut(line, " = "); ok {
			names = append(names, strings.TrimSpace(name), strings.TrimSpace(id))
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		e, err := event(strings.NewReplacer(names...).Replace(line))
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", line, err)
		}
		versions[e.Stream]++
		e.Position, e.Version = uint64(len(log)+1), versions[e.Stream]
		log = append(log, e)
	}
	return log, names, nil
}

func event(line string) (e events.Event, err error) {
	part := strings.SplitN(line, " ", 5)
	if len(part) < 5 {
		return e, fmt.Errorf("%d of 5 parts", len(part))
	}
	e = events.Event{Stream: events.Stream(part[1]), Type: part[3], Schema: 1, Raw: []byte(part[4])}
	if e.OccurredAt, err = time.Parse(time.RFC3339, part[0]); err != nil {
		return e, err
	}
	if part[2] != "-" {
		if err := e.Owner.UnmarshalText([]byte(part[2])); err != nil {
			return e, err
		}
	}
	return e, e.Decode()
}
