package query

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/events"
	"sical-backend/internal/admission"
	"sical-backend/internal/vault"
	"sical-backend/projections"
)

// ErrNotFound is returned for what does not exist, and for what the viewer may
// not know to exist.
var ErrNotFound = errors.New("not found")

// Keyring is a vault.Vault: the keys that open personal text. Whose is not among them
// is forgotten.
type Keyring interface {
	Keys(ctx context.Context, owners ...events.ID) (vault.Keys, error)
}

// Answerer makes Questions and answers them from the tables.
type Answerer struct {
	pool    *pgxpool.Pool
	keyring Keyring
	// What is asked for by id is read for all who ask at the same time: goals and profiles
	// with what they are composed of, in which nobody has any progress.
	goalsForNobody, goalsForSomeone *batcher[wish, readResult[goalsFound]]
	ownProfiles                     *batcher[wish, readResult[usersFound]]
	otherProfiles                   *batcher[events.ID, readResult[usersFound]]
	paths                           *rows[projections.PathRow]
	points                          *rows[storedRow]
	assessments                     *rows[projections.AssessmentRow]
	webhooks                        *rows[projections.WebhookRow]

	rows   atomic.Pointer[rowCaches]
	builds buildCache
	// What is read with others, what is not, and what is folded from the log have
	// limits of their own, as they differ in what they cost: anybody may look back, to
	// ever other positions, and shall not have others' lists refused for it.
	gathered, alone, past *admission.Limiter
	// turns are taken by look-backs under way, in the order of their coming, a connection
	// each: half of all.
	turns admission.Semaphore
	// searches are taken by those under way, in the order of their coming, a connection
	// each: one holds up to two thousand rows, and reads twice. Without, all of a rush
	// stood in line for a connection twice, and were answered at its end.
	searches admission.Semaphore
}

// Questions for each connection: at least, and to begin with, which is as many as take a few
// tenths of a second, alone or read together. A thousand people who each ask for a list at
// the same moment are no overload.
const leastOfConn, aloneOfConn, gatheredOfConn = 2, 120, 400

// NewAnswerer makes an Answerer that reads through pool.
func NewAnswerer(pool *pgxpool.Pool, keyring Keyring) *Answerer {
	conns := int(pool.Config().MaxConns)
	half := max(1, conns/2)
	a := &Answerer{
		pool: pool, keyring: keyring,
		gathered: admission.NewLimiter(leastOfConn*conns, gatheredOfConn*conns, groupsAtOnce*groupMost, time.Now),
		alone:    admission.NewLimiter(leastOfConn*conns, aloneOfConn*conns, conns, time.Now),
		past:     admission.NewLimiter(leastOfConn*half, aloneOfConn*half, half, time.Now),
		searches: make(admission.Semaphore, conns),
		turns:    make(admission.Semaphore, half),
	}
	a.goalsForNobody = batchInSnapshot(a, goalsOfNobody[whole].views, findGoals)
	a.goalsForSomeone = batchInSnapshot(a, goalsOfSomeone[whole].views, findGoals)
	a.ownProfiles = batchInSnapshot(a, ownProfile.views, findUsers)
	a.otherProfiles = batchInMoment(a, otherProfile.views, a.findPublic)
	a.paths, a.points = newRows(a, projections.Path), newRows(a, storedPoints)
	a.assessments, a.webhooks = newRows(a, projections.Assessment), newRows(a, projections.Webhook)
	a.Forget()
	return a
}

// Answer answers a question from the tables. It fails with an admission.OverloadError where as
// many are being answered as can be in good time, and with what Load fails with.
func (a *Answerer) Answer(ctx context.Context, q Question) (answer Answer, err error) {
	l, turns := a.limiter(&q)
	err = l.Do(ctx, turns, func() (err error) {
		answer, err = q.load(ctx)
		return err
	})
	return answer, err
}

// Room fails with an admission.OverloadError where Answer would just now, for the price of a look.
func (a *Answerer) Room(q *Question) error {
	l, _ := a.limiter(q)
	return l.Room()
}

// Loads tell how many questions are being answered from the tables, of those that are
// not read together with others, of those that are, and of those that look back; and
// how many may be at a time just now.
func (a *Answerer) Loads() (alone, gathered, past func() (underWay, limit int)) {
	return a.alone.State, a.gathered.State, a.past.State
}

// limiter is that of a question, and the turns that it takes; nil for none.
func (a *Answerer) limiter(q *Question) (*admission.Limiter, admission.Semaphore) {
	switch {
	case q.Past > 0:
		return a.past, a.turns
	case q.gathered:
		return a.gathered, nil
	case q.searches:
		return a.alone, a.searches
	}
	return a.alone, nil
}

// Viewer is who asks; the zero Viewer is anyone.
type Viewer struct {
	ID   events.ID
	Role events.Role
}

func (v Viewer) anonymous() bool { return v.ID == events.ID{} }

func (v Viewer) is(id events.ID) bool { return !v.anonymous() && v.ID == id }

// mayGrade: curators and above see the assessments of others.
func (v Viewer) mayGrade() bool {
	return v.Role == events.Curator || v.mayModerate()
}

// mayModerate: moderators and above see accounts, and the text they have hidden.
func (v Viewer) mayModerate() bool {
	return v.Role == events.Moderator || v.Role == events.Admin
}

// Question is something asked, not yet answered.
type Question struct {
	Key   string   // the same for what has the same answer
	Views []string // whose rows it reads
	// Deps name what outdates the answer: a row by its RowName, a group of the
	// view's, or a whole view "<view>". The Answer may add to them. Only who asks the
	// tables asks for them.
	Deps func() []string
	// Volatile answers change without any event: they are never kept.
	Volatile bool
	Past     uint64 // the position it looks back to, by the log and not by the views; 0 for now
	gathered bool   // it is read together with others of its kind
	searches bool   // it opens what it finds
	// load answers from the tables, in one snapshot. With ErrNotFound the Answer has its
	// checkpoints all the same, where it was read that there is none.
	load func(context.Context) (Answer, error)
}

// Answer is a rendered answer and how current it is.
type Answer struct {
	Body    []byte
	Version int      // of the aggregate, 0 for an answer about several
	Deps    []string // that only loading could tell
	// Checkpoints are the builds of the Question's views, in their order, and how
	// far they were in the snapshot that was read.
	Checkpoints []projections.Checkpoint
}

// key makes the key of a question, or of a list. Each part stands behind its
// length: what a client chose cannot look like two parts.
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

func listViews(views ...*projections.View) *viewList { return &viewList{views, viewNames(views)} }

func viewNames(views []*projections.View) []string {
	names := make([]string, len(views))
	for i, v := range views {
		names[i] = v.Name
	}
	return names
}

// rendered finishes an answer with its body, which may be rendered already.
func rendered(a Answer, body any) (_ Answer, err error) {
	if as, ok := body.(jsontext.Value); ok {
		a.Body = as
		return a, nil
	}
	a.Body, err = json.Marshal(body)
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
