package dispatch

import "context"

// Foresee tells what will become of a request as far as that can be known without
// doing it, for those that have something slow ahead of them, such as a password to
// hash: that the rule refuses it, that somebody else has a unique value it claims, or
// that it was done before. ok is false where nothing stands in its way. Do is to judge
// it all the same, for others may come first.
func (d *Dispatcher) Foresee(ctx context.Context, r *Request) (v Verdict, ok bool) {
	j := d.job(r)
	if err := d.foresee(ctx, j); err != nil {
		j.fail(err)
	}
	return j.verdict, j.done
}

// foresee asks last what is known of the key, as a round does: an equal request may have
// been done while this one was looked at, and may be the very reason why it is refused.
func (d *Dispatcher) foresee(ctx context.Context, j *job) error {
	one := []*job{j}
	states, err := d.load(ctx, one)
	if err != nil {
		return err
	}
	states.asks = true
	d.decide(ctx, j, states)
	j.entry = nil // which nobody appends
	return d.replay(ctx, one)
}
