package projector

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/projections"
)

// tries are how long a failing fold waits for each further try, before what fails
// is parked.
var tries = []time.Duration{250 * time.Millisecond, time.Second}

// calm is how long nothing must have been parked for a failing fold to have those tries.
const calm = time.Minute

// mostParked bounds the keys and streams that a unit parks. Where more fail, the fold
// itself must be wrong, and the unit stops.
const mostParked = 1000

// failure is a fold that failed, by an error or a panic.
type failure struct {
	index int // of the event among those of the batch
	event *events.Event
	key   *projections.Key // of the row that failed; nil where the event's keys cannot be told
	err   error
}

// name is what the failure is parked under: its key, or its event's stream.
func (f *failure) name() string {
	if f.key == nil {
		return string(f.event.Stream)
	}
	return f.key.String()
}

// names are the dependencies by which answers are found that miss what failed.
func (f *failure) names(v *projections.View) []string {
	key := projections.KeyOf(f.event.Stream.ID())
	if f.key != nil {
		key = *f.key
	}
	return append(v.GroupsOf(key), v.RowName(key))
}

// trouble is what a unit remembers of events that failed, until it is past them.
type trouble struct {
	retryAt         time.Time // when the next try is due; zero where nothing fails
	failedPosition  uint64    // of the event whose fold fails, which was logged; 0 for none
	retries         int       // of that fold
	stoppedPosition uint64    // of the failure that stopped the unit, which was logged; 0 for none

	narrowUntil uint64 // the last batch that the database refused ended here: until then
	narrowTo    int    // a batch has no more events than this
}

// pass notes that a batch was committed: nothing fails any more.
func (t *trouble) pass() {
	t.retryAt, t.failedPosition, t.stoppedPosition = time.Time{}, 0, 0
}

// doubt notes that the database refused a batch, to find out with smaller ones for which of
// its events. Of those behind it, which a larger one had as well, nothing is held against any.
func (t *trouble) doubt(list []*events.Event) {
	t.narrowTo, t.narrowUntil = len(list)/2, list[len(list)-1].Position
}

// narrowed cuts a batch down while the event that the database refuses is looked for.
func (t *trouble) narrowed(list []*events.Event) []*events.Event {
	if list[0].Position > t.narrowUntil {
		return list
	}
	return list[:min(len(list), t.narrowTo)]
}

// refusal tells whether an error is permanent: the same rows would meet it again. aboutData
// tells whether it is about what is in these rows, so that the database may take others. A full
// disk takes no rows at all; they are tried again until there is room.
func refusal(err error) (permanent, aboutData bool) {
	aboutData = errors.Is(err, errView) || postgres.AboutData(err)
	return aboutData || postgres.AboutStatement(err) || postgres.Full(err), aboutData
}

// exhausted counts a try of the first event that fails, and tells whether it was the
// last. Between tries the unit waits a little, as the failure may pass by itself. Once
// something was parked, what fails within calm of that has no further tries: else each of
// many failing events would hold up the unit.
func (r *runner) exhausted(ctx context.Context, f *failure) bool {
	t := &r.trouble
	if f.event.Position != t.failedPosition {
		t.failedPosition, t.retries = f.event.Position, 0
		r.log(ctx, slog.LevelWarn, "fold failed", "position", f.event.Position, "type", f.event.Type, "what", f.name(), "error", f.err)
	}
	r.metrics.Failed.Set(1)
	if t.retries == len(tries) || time.Since(r.parkedAt) < calm {
		return true
	}
	t.retryAt = time.Now().Add(tries[t.retries])
	t.retries++
	return false
}

// fail stops the unit at an event until the next try. Where its tables are gone that is no
// failure of the view, and it returns errLost: either the build was dropped, or whoever
// acquires the unit next has it built again.
func (r *runner) fail(ctx context.Context, position uint64, failed error) error {
	if postgres.UndefinedTable(failed) {
		return errLost
	}
	r.trouble.retryAt = time.Now().Add(stoppedPause)
	if err := r.stop(ctx, position, failed); err != nil {
		return err
	}
	r.metrics.Failed.Set(1)
	if position != r.trouble.stoppedPosition {
		r.trouble.stoppedPosition = position
		r.log(ctx, slog.LevelError, "view failed", "position", position, "error", failed)
	}
	r.tell(nil)
	return nil
}
