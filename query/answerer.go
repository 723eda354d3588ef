package query

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/events"
	"sical-backend/internal/admission"
	"sical-backend/internal/reading"
	"sical-backend/internal/vault"
	"sical-backend/projections"
)

// Keyring is a vault.Vault: it has the keys that open personal text. To an Opener an owner
// who has none is forgotten.
type Keyring interface {
	Opener(ctx context.Context, owners ...events.ID) (vault.Opener, error)
}

// Answerer makes Questions and answers them from the tables.
type Answerer struct {
	reader  *reading.Reader
	pool    *pgxpool.Pool
	keyring Keyring
	// What is asked for by id is read for all callers at the same time. Goals and profiles come
	// with what they are composed of; for nobody in particular that is less, as there is no
	// progress to show.
	goalsForNobody, goalsForSomeone *reading.Batcher[wish, reading.Result[goalsFound]]
	ownProfiles                     *reading.Batcher[wish, reading.Result[usersFound]]
	otherProfiles                   *reading.Batcher[events.ID, reading.Result[usersFound]]
	paths                           *reading.RowBatcher[projections.PathRow]
	points                          *reading.RowBatcher[storedRow]
	assessments                     *reading.RowBatcher[projections.AssessmentRow]
	webhooks                        *reading.RowBatcher[projections.WebhookRow]

	// Questions that are read together, those read alone, searches with them, and those folded from
	// the log have a limit each, as they differ in what they cost. Anybody may look back, to as many
	// positions as they like: nobody's list shall be refused because of it.
	gathered, alone, past *admission.Limiter
	// turns are those of look-backs, in the order of their coming. Each takes a connection;
	// together they take half of all.
	turns admission.Semaphore
	// adders are the turns of rankings and statistics, one a connection: of a rush of them, which
	// take long each, those whose turn comes too late are refused.
	adders admission.Semaphore
	// seekers take turns, one a connection: a search reads twice, and holds up to 1,250 rows, eight
	// that share a turn 3,000. Without turns, each one of a rush waited for a connection twice, and
	// all were answered at its end. Those who wait for one and look through the same list share it.
	seekers *reading.Batcher[*seeker, map[*seeker]findings]
}

// Questions for each connection to begin with: as many as take a few tenths of a second, alone
// or read together. A thousand people who each ask for a list at the same moment are no
// overload.
const aloneOfConn, gatheredOfConn = 120, 400

// least is how many questions there may be at any time: one for each connection, and one that
// waits for every second.
func least(conns int) int { return conns + (conns+1)/2 }

// NewAnswerer makes an Answerer that reads through pool.
func NewAnswerer(pool *pgxpool.Pool, keyring Keyring) *Answerer {
	conns := int(pool.Config().MaxConns)
	half := max(1, conns/2)
	wait := admission.NewRunQueue(time.Now).Delay
	a := &Answerer{
		reader: reading.NewReader(pool), pool: pool, keyring: keyring,
		gathered: admission.NewLimiter(least(conns), gatheredOfConn*conns, reading.MostAtOnce, time.Now, wait),
		alone:    admission.NewLimiter(least(conns), aloneOfConn*conns, conns, time.Now, wait),
		past:     admission.NewLimiter(least(half), aloneOfConn*half, half, time.Now, wait),
		turns:    make(admission.Semaphore, half),
		adders:   make(admission.Semaphore, conns),
	}
	a.seekers = reading.NewTurnBatcher(conns, mostSeekers, sameList, a.seek)
	a.goalsForNobody = reading.NewSnapshotBatcher(a.reader, goalsOfNobody[whole].views, findGoals)
	a.goalsForSomeone = reading.NewSnapshotBatcher(a.reader, goalsOfSomeone[whole].views, findGoals)
	a.ownProfiles = reading.NewSnapshotBatcher(a.reader, ownProfile.views, findUsers)
	a.otherProfiles = reading.NewMomentBatcher(a.reader, otherProfile.views, findPublic)
	a.paths, a.points = reading.NewRowBatcher(a.reader, projections.Path), reading.NewRowBatcher(a.reader, storedPoints)
	a.assessments, a.webhooks = reading.NewRowBatcher(a.reader, projections.Assessment), reading.NewRowBatcher(a.reader, projections.Webhook)
	return a
}

// Forget drops every row that is remembered, as reading.Reader does.
func (a *Answerer) Forget() { a.reader.Forget() }

// Remembered tells how many rows are remembered.
func (a *Answerer) Remembered() (rows int) { return a.reader.Remembered() }

// Answer answers a question from the tables. It fails with an admission.OverloadError where
// as many are being answered as can be in good time, and with ErrNotFound. The Answer has its
// Checkpoints with ErrNotFound, too, where it was read that there is none, and Deps.
func (a *Answerer) Answer(ctx context.Context, q Question) (answer Answer, err error) {
	l, turns := a.limiter(&q)
	if q.gather != nil {
		err = l.Together(func(due func(together int) error) (err error) {
			answer, err = q.gather(ctx, due)
			return err
		})
		return answer, err
	}
	err = l.Do(ctx, turns, func() (err error) {
		answer, err = q.load(ctx)
		return err
	})
	return answer, err
}

// Room fails with an admission.OverloadError where Answer would refuse the question just now,
// and costs next to nothing.
func (a *Answerer) Room(q *Question) error {
	l, _ := a.limiter(q)
	return l.Room()
}

// Loads tell how many questions are being answered from the tables, and how many may be just
// now: of those that are read alone and searches, of those read together, and of those that look
// back.
func (a *Answerer) Loads() (alone, gathered, past func() (underWay, limit int)) {
	return a.alone.State, a.gathered.State, a.past.State
}

// limiter is the limiter of a question, and the turns that it takes; nil for none.
func (a *Answerer) limiter(q *Question) (*admission.Limiter, admission.Semaphore) {
	switch {
	case q.Past > 0:
		return a.past, a.turns
	case q.gather != nil && !q.searches:
		return a.gathered, nil
	case q.adds:
		return a.alone, a.adders
	}
	return a.alone, nil
}
