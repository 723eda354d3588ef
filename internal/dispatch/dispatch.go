// Package dispatch carries commands out: it loads what a decision needs, calls
// the pure rule, and appends the outcome. In a batch each command is decided on
// the results of those before it. HTTP, imports and batches all go through here.
package dispatch

import (
	"context"
	"errors"
	"slices"
	"time"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/eventlog"
	"sical-backend/internal/vault"
)

// anew is how often a decision that lost a race is made anew.
const anew = 3

// Request is one command to carry out.
type Request struct {
	Rule    command.Rule
	Command command.Command
	Given   command.Given

	// Key makes the request idempotent, zero for not; Asked tells equal requests
	// from others that reuse the key and is kept as a keyed hash, empty for
	// whatever the key stands for; Keep is how long it is remembered, 0 for ever.
	Key   events.ID
	Asked []byte
	Keep  time.Duration

	// IfMatch is the version the aggregate must have, nil for any.
	IfMatch *int

	Correlation string    // the request id
	Causation   events.ID // the event that a reaction answers, zero for none
	TraceParent string
}

// Verdict is what became of a Request.
type Verdict struct {
	ID       events.ID // what the command was about
	Version  int       // of its aggregate
	Position uint64    // by when it is done
	Replayed bool      // it had been done before, under the same Key
	Err      error     // a *command.Refusal, or one of this package's or eventlog's errors
}

// ErrVersion is returned where IfMatch names another version than the
// aggregate's.
var ErrVersion = errors.New("the resource has another version")

// ErrKeyReused is returned where the Key had come with another request.
var ErrKeyReused = errors.New("the idempotency key was used for another request")

// Dispatcher carries out commands. It is safe for concurrent use.
type Dispatcher struct {
	log   *eventlog.Log
	vault *vault.Vault
	folds folds
}

// New makes a dispatcher on a log.
func New(log *eventlog.Log, v *vault.Vault) *Dispatcher {
	return &Dispatcher{log: log, vault: v, folds: folds{long: longFold, kept: map[events.Stream]known{}}}
}

// Do carries out one command.
func (d *Dispatcher) Do(ctx context.Context, r *Request) Verdict { return d.All(ctx, []*Request{r})[0] }

// All carries out several in order, each decided on the results of those before
// it. One that is refused fails alone.
func (d *Dispatcher) All(ctx context.Context, requests []*Request) []Verdict {
	jobs := make([]*job, len(requests))
	for i, r := range requests {
		jobs[i] = d.job(r)
	}
	d.carryOut(ctx, jobs, false)
	verdicts := make([]Verdict, len(jobs))
	for i, j := range jobs {
		verdicts[i] = j.verdict
	}
	return verdicts
}

// carryOut goes from round to round until all are done. Where an event cannot be read, those
// who need its stream have failed, and halves of the others are taken one after the other: as
// many more such streams may be among what they need, and a round finds one.
func (d *Dispatcher) carryOut(ctx context.Context, open []*job, again bool) {
	for ; len(open) > 0; again = true {
		err := d.round(ctx, open, again)
		rest := slices.DeleteFunc(slices.Clone(open), func(j *job) bool { return j.done })
		if len(open) > 1 && errors.As(err, new(eventlog.EventError)) {
			half := len(rest) / 2
			d.carryOut(ctx, rest[:half], again)
			d.carryOut(ctx, rest[half:], again)
			return
		}
		if err != nil {
			for _, j := range rest {
				j.fail(err)
			}
			return
		}
		open = rest
	}
}

// job is a request on its way.
type job struct {
	*Request
	stream    events.Stream // that it is decided on
	subject   events.Stream // that it is about, most often the same
	digest    []byte        // of Asked, nil for none
	required  []command.Reference
	claims    []command.Claim
	entry     *eventlog.Entry
	leans     bool // decided after others of the same round had changed something
	conflicts int
	done      bool
	verdict   Verdict
}

func (d *Dispatcher) job(r *Request) *job {
	subject := events.StreamOf(r.Rule.About, *r.Command.Subject())
	return &job{Request: r, stream: r.Rule.Stream(r.Command, r.Given), subject: subject, digest: d.digest(r)}
}

func (j *job) fail(err error) {
	j.done = true
	j.verdict = Verdict{ID: *j.Command.Subject(), Err: err}
}

// digest is what is kept of a request that has a key. It is keyed with the master key, so
// that nobody without that can guess what was asked, such as the title of an erased user.
func (d *Dispatcher) digest(r *Request) []byte {
	if r.Key == (events.ID{}) || len(r.Asked) == 0 {
		return nil
	}
	return d.vault.Hash("request", string(r.Asked))
}

// refused tells whether the job failed without the log being asked what it knows of its key: by
// its rule, or as nothing can be sealed for somebody who has been erased since.
func (j *job) refused() bool {
	unasked := j.entry == nil || errors.Is(j.entry.Result.Err, vault.ErrForgotten)
	return j.done && unasked && j.verdict.Err != nil
}

// round loads, decides and appends what is open. What is decided anew asks who has a
// unique value before it claims it: the log would refuse one of a stream's in each round,
// and n of them would be appended n times.
func (d *Dispatcher) round(ctx context.Context, open []*job, again bool) error {
	states, err := d.load(ctx, open)
	if err != nil {
		return err
	}
	states.asks = again
	var entries []*eventlog.Entry
	for _, j := range open {
		if d.decide(ctx, j, states); j.entry != nil {
			entries = append(entries, j.entry)
		}
	}
	if err := d.log.Append(ctx, entries...); err != nil {
		return err
	}
	head, failed := uint64(0), false
	for _, j := range open {
		switch {
		case j.entry != nil && failed && j.leans && errors.Is(j.entry.Result.Err, eventlog.ErrClaimed):
			// Somebody has it still who may let it go: a predecessor is decided anew.
		case j.entry != nil:
			d.settle(ctx, j)
			failed = failed || j.entry.Result.Err != nil || j.entry.Result.Known
			head = max(head, j.verdict.Position)
		case failed && j.leans:
			j.done = false // decided on what did not come about
		case j.verdict.Err == nil && j.verdict.Position == 0:
			j.verdict.Position = head // it was so already, by a predecessor
		}
	}
	return d.replay(ctx, open)
}

// replay looks whether commands that are refused now had been done before: one that is
// sent again meets what it has changed itself.
func (d *Dispatcher) replay(ctx context.Context, open []*job) error {
	var keys []events.ID
	for _, j := range open {
		if j.refused() && j.Key != (events.ID{}) {
			keys = append(keys, j.Key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	known, err := d.log.Known(ctx, keys)
	if err != nil {
		return err
	}
	for _, j := range open {
		if r, ok := known[j.Key]; ok && j.refused() {
			j.known(r)
		}
	}
	return nil
}

// decide calls the rule and makes the entry to append, or settles the job where
// there is nothing to append.
func (d *Dispatcher) decide(ctx context.Context, j *job, states *states) {
	j.entry, j.leans = nil, states.moved
	state, version, position := states.of(j.stream)
	_, of, _ := states.of(j.subject)
	outcome, err := j.Rule.Decide(state, j.Command, states.given(j))
	if j.outdated(of) && !withheld(err) {
		err = ErrVersion
	}
	if err != nil {
		j.fail(err)
		return
	}
	if idle(outcome) && j.Key == (events.ID{}) {
		j.done, j.verdict = true, Verdict{ID: *j.Command.Subject(), Version: of, Position: position}
		return
	}
	entry := d.entry(j, outcome, version, states)
	if states.asks {
		if err := d.claimed(ctx, j, entry.Claims, states); err != nil {
			j.fail(err)
			return
		}
	}
	j.entry = entry
	for _, n := range j.entry.Events {
		states.evolve(n)
	}
}

// idle tells whether there is nothing to append.
func idle(o command.Outcome) bool {
	return len(o.Events) == 0 && len(o.Also) == 0 && len(o.Claims) == 0 && o.Effects == (events.Effects{})
}

// entry turns an outcome into what the log appends.
func (d *Dispatcher) entry(j *job, o command.Outcome, version int, states *states) *eventlog.Entry {
	subject := *j.Command.Subject()
	e := &eventlog.Entry{
		Command: j.Key, Request: j.digest, Keep: j.Keep, Subject: subject, Stream: j.subject,
		Effects: o.Effects,
	}
	meta := events.Meta{Actor: j.Given.Actor, Command: j.Key, Correlation: j.Correlation, Causation: j.Causation, TraceParent: j.TraceParent}
	for _, data := range o.Events {
		e.Events = append(e.Events, eventlog.NewEvent{Stream: j.stream, Data: data, Owner: o.Owner, OccurredAt: j.Given.At, Meta: meta})
	}
	switch {
	case j.Rule.Creates:
		e.Guards = append(e.Guards, eventlog.Guard{Stream: j.stream})
	case !j.Rule.Unchecked:
		e.Guards = append(e.Guards, eventlog.Guard{Stream: j.stream, Version: version})
	}
	e.Guards = append(e.Guards, states.leaning(j)...)
	for _, also := range o.Also {
		_, at, _ := states.of(also.Stream)
		e.Guards = append(e.Guards, eventlog.Guard{Stream: also.Stream, Version: at})
		e.Events = append(e.Events, eventlog.NewEvent{Stream: also.Stream, Data: also.Data, OccurredAt: j.Given.At, Meta: meta})
	}
	for _, ref := range o.Requires {
		guard := eventlog.Guard{Stream: ref.Stream, Version: eventlog.Live, Owner: ref.Owner}
		if ref.AsRead {
			_, guard.Version, _ = states.of(ref.Stream)
		}
		e.Guards = append(e.Guards, guard)
	}
	if j.subject != j.stream { // after what is to be there: the first guard that fails is told
		e.Guards = append(e.Guards, j.unchanged())
	}
	for _, c := range o.Claims {
		claim := eventlog.Claim{Kind: c.Kind, Stream: j.stream}
		if c.Value != "" {
			claim.Key = d.vault.Hash(c.Kind, c.Value)
		}
		e.Claims = append(e.Claims, claim)
	}
	j.required, j.claims = o.Requires, o.Claims
	return e
}
