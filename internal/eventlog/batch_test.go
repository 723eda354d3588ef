package eventlog

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// rename is an entry that takes another name for a user at a version.
func rename(user *Entry, version int, name string) *Entry {
	text := events.Personal(name)
	return &Entry{
		Subject: user.Subject, Stream: user.Stream, Guards: []Guard{{Stream: user.Stream, Version: version}},
		Claims: []Claim{{Kind: "username", Key: []byte(name), Stream: user.Stream}},
		Events: []NewEvent{{Stream: user.Stream, Owner: user.Subject, Data: &events.UserRevised{Username: &text}, OccurredAt: time.Now()}},
	}
}

func results(list ...*Entry) (errs []error) {
	for _, e := range list {
		errs = append(errs, e.Result.Err)
	}
	return errs
}

func TestEachIsJudgedOnItsPredecessors(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	p := open(t, db.URL(postgres.RoleCommand))
	ana, first := register("ana"), point("first")
	require.NoError(t, p.Append(t.Context(), ana, first))

	// A name that is given up is free for the next, one that is taken is not.
	anna, ben, other := rename(ana, 1, "anna"), register("ana"), register("anna")
	require.NoError(t, p.Append(t.Context(), anna, ben, other))
	require.Equal(t, []error{nil, nil, ErrClaimed}, results(anna, ben, other))

	// What builds on something refused is judged without it.
	stale, on, wrong := revision(first.Stream, 9, "a"), revision(first.Stream, 1, "b"), revision(first.Stream, 7, "c")
	require.NoError(t, p.Append(t.Context(), stale, on, wrong))
	lost := ConflictError{first.Stream}
	require.Equal(t, []error{lost, nil, lost}, results(stale, on, wrong))

	// What builds on a refused claim has lost no race: nobody else has changed the stream.
	claimed, built, further := rename(ana, 2, "anna"), rename(ana, 3, "free"), rename(ana, 4, "also free")
	claimed.Claims[0].Stream = other.Stream // anna is ana's
	require.NoError(t, p.Append(t.Context(), claimed, built, further))
	require.Equal(t, []error{ErrClaimed, ErrUnfounded, ErrUnfounded}, results(claimed, built, further))

	// A stream that begins in the batch is there for those behind it.
	second := point("second")
	study := &Entry{Subject: ana.Subject, Stream: events.StreamOf(events.KindStudy, ana.Subject), Guards: []Guard{{Stream: second.Stream, Version: Live}},
		Events: []NewEvent{{Stream: events.StreamOf(events.KindStudy, ana.Subject), Owner: ana.Subject, Data: &events.Studied{Point: second.Subject, Amount: 1}, OccurredAt: time.Now()}}}
	twin := *second
	require.NoError(t, p.Append(t.Context(), second, study, &twin))
	require.Equal(t, []error{nil, nil, ConflictError{second.Stream}}, results(second, study, &twin))
}

// What is given up behind a claim of the same batch is free for everybody, as the log says.
func TestGivenUpInTheSameBatchIsFree(t *testing.T) {
	t.Parallel()
	p := open(t, testkit.Database(t, migrated).URL(postgres.RoleCommand))
	ana := register("ana")
	require.NoError(t, p.Append(t.Context(), ana))
	email := func(user *Entry, version int, key []byte) *Entry {
		e := rename(user, version, "")
		e.Claims[0].Kind, e.Claims[0].Key = "email", key
		return e
	}
	taken, gone := email(ana, 1, []byte("ana@example.org")), email(ana, 2, nil)
	require.NoError(t, p.Append(t.Context(), taken, gone))
	require.Equal(t, []error{nil, nil}, results(taken, gone))
	holder, err := p.Claimed(t.Context(), taken.Claims[0].Key)
	require.NoError(t, err)
	require.Empty(t, holder)
}

// One that the server cannot take fails alone, and so does one whose owner is gone.
func TestWhatCannotBeAppendedFailsAlone(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	p := open(t, db.URL(postgres.RoleCommand))
	list := []*Entry{point("a"), point("b"), point("c\x00"), point("d"), point("e")}
	nobody := events.StreamOf(events.KindGoal, newID())
	list = append(list, &Entry{Subject: nobody.ID(), Stream: nobody, Guards: []Guard{{Stream: nobody}}, Events: []NewEvent{{
		Stream: nobody, Owner: newID(), Data: &events.GoalCreated{Title: "whose?", Visibility: events.Private}, OccurredAt: time.Now()}}})
	list[1].Stream = "point-\x00"
	list[1].Events[0].Stream, list[1].Guards = list[1].Stream, nil
	require.NoError(t, p.Append(t.Context(), list...))
	for i, e := range list {
		if i == 1 || i == 5 {
			require.Error(t, e.Result.Err, i)
		} else {
			require.NoError(t, e.Result.Err, i)
		}
	}
	head, err := p.Head(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 4, head)
}

// An old snapshot keeps every dead row of the tables that are updated; the log
// and its lock have none to keep, however long it is held.
func TestAnOldSnapshotCostsNothing(t *testing.T) {
	t.Parallel()
	db := testkit.Database(t, migrated)
	p, old := open(t, db.URL(postgres.RoleCommand)), asOwner(t, db) // and no pool of ours, which lets nobody idle that long
	_, err := old.Exec(t.Context(), `begin isolation level repeatable read; select count(*) from sical.events`)
	require.NoError(t, err)
	require.NoError(t, p.Append(t.Context(), point("x"))) // an empty table is looked up otherwise
	before := pages(t, p)
	const appends = 300 // of more an index has two levels
	for range appends - 1 {
		require.NoError(t, p.Append(t.Context(), point("x")))
	}
	require.Equal(t, before, pages(t, p), "pages that finding the head and the lock read")
	var size int64
	require.NoError(t, p.pool.QueryRow(t.Context(), `select pg_relation_size('sical.log') / current_setting('block_size')::int`).Scan(&size))
	require.EqualValues(t, 1, size)
	head, err := p.Head(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, appends, head)
	_, err = old.Exec(t.Context(), `rollback`)
	require.NoError(t, err)
}

// pages is how many the two look-ups of every append read: the lock's row and the
// log's head.
func pages(t *testing.T, p *process) (read [2]int) {
	for i, sql := range []string{`select 1 from sical.log`, `select max(position) from sical.events`} {
		var plan []struct {
			Plan struct {
				Hit  int `json:"Shared Hit Blocks"`
				Read int `json:"Shared Read Blocks"`
			}
		}
		require.NoError(t, p.pool.QueryRow(t.Context(), `explain (analyze, buffers, format json) `+sql).Scan(&plan))
		read[i] = plan[0].Plan.Hit + plan[0].Plan.Read
	}
	return read
}
