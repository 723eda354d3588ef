package dispatch

import (
	"context"

	"sical-backend/events"
)

// Foresee tells what will become of a request as far as that can be known without
// doing it, for those that have something slow ahead of them, such as a password to
// hash: that it was done before, that the rule refuses it, or that somebody else has
// a unique value it claims. ok is false where nothing stands in its way. Do is to
// judge it all the same, for others may come first.
func (d *Dispatcher) Foresee(ctx context.Context, r *Request) (v Verdict, ok bool) {
	j := d.job(r)
	if err := d.foresee(ctx, j); err != nil {
		j.fail(err)
	}
	return j.verdict, j.done
}

func (d *Dispatcher) foresee(ctx context.Context, j *job) error {
	if j.Key != (events.ID{}) {
		known, err := d.log.Known(ctx, []events.ID{j.Key})
		if err != nil {
			return err
		}
		if r, ok := known[j.Key]; ok {
			j.known(r)
			return nil
		}
	}
	states, err := d.load(ctx, []*job{j})
	if err != nil {
		return err
	}
	if d.decide(j, states); j.entry == nil {
		return nil
	}
	return d.claimed(ctx, j)
}
