package query

import (
	"context"
	"errors"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sical-backend/events"
	"sical-backend/internal/jsonwriter"
	"sical-backend/internal/reading"
	"sical-backend/projections"
)

// ErrNotFound is returned for what does not exist, and for what the viewer may
// not know to exist.
var ErrNotFound = errors.New("not found")

// Question is something asked, not yet answered.
type Question struct {
	Key   string   // the same for what has the same answer
	Views []string // whose rows it reads
	// Deps name what outdates the answer: a row by its RowName, a group of the
	// view's, or a whole view "<view>". The Answer may add to them. They are only asked
	// for when the question is answered from the tables.
	Deps func() []string
	// Volatile answers change without any event: they are never kept.
	Volatile bool
	Past     uint64 // the position it looks back to, by the log and not by the views; 0 for now
	searches bool   // it opens what may be found, which takes as long as to be read alone
	adds     bool   // it adds up sums of many days, and so takes a turn
	// load answers from the tables, as of one moment, and fails as Answer says.
	load func(context.Context) (Answer, error)
	// gather does so in load's stead where it is read together with others of its kind, which
	// nothing is that looks back.
	gather func(context.Context, reading.Due) (Answer, error)
}

// Answer is a rendered answer and how current it is.
type Answer struct {
	Body    []byte   // given away with what lies behind it, up to its capacity: of no other answer
	Version int      // of the aggregate, 0 for an answer about several
	Deps    []string // that only loading could tell
	// Checkpoints are the builds of the Question's views, in their order, and how
	// far they were in the snapshot that was read.
	Checkpoints []projections.Checkpoint
}

// key makes the key of a question, or of a list. Each part stands behind its length, so that
// no text that a client chose can look like two parts.
func key(parts ...string) string {
	var buf [128]byte
	b := buf[:0]
	for _, part := range parts {
		b = strconv.AppendInt(b, int64(len(part)), 10)
		b = append(b, ':')
		b = append(b, part...)
	}
	return string(b)
}

// raw is an id as a part of a key.
func raw(id events.ID) string { return string(id[:]) }

// on are dependencies that cost nothing to name.
func on(names ...string) func() []string { return func() []string { return names } }

// rowDeps are the dependencies on some rows.
func rowDeps(v *projections.View, ids []events.ID) []string {
	deps := make([]string, len(ids))
	for i, id := range ids {
		deps[i] = v.RowName(projections.KeyOf(id))
	}
	return deps
}

// viewList is a list of views with their names.
type viewList struct {
	views []*projections.View
	names []string
}

func listViews(views ...*projections.View) *viewList {
	return &viewList{views, projections.Names(views)}
}

// written is what writes itself as JSON, as json.Marshal would, at less cost.
type written interface{ write(*jsonwriter.Writer) }

// rendered finishes an answer with its body, which may be rendered already.
func rendered(a Answer, body any) (_ Answer, err error) {
	switch body := body.(type) {
	case jsontext.Value:
		a.Body = body
	case interface{ render() ([]byte, error) }:
		a.Body, err = body.render()
	case written:
		a.Body, err = jsonwriter.Render(body.write)
	default:
		a.Body, err = json.Marshal(body)
	}
	return a, err
}

// joined are ids as a part of a key.
func joined(ids []events.ID) string {
	b := make([]byte, 0, len(events.ID{})*len(ids))
	for _, id := range ids {
		b = append(b, id[:]...)
	}
	return string(b)
}
