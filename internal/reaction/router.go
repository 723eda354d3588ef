package reaction

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"sical-backend/events"
	"sical-backend/internal/pause"
	"sical-backend/internal/postgres"
)

// closing bounds how long handlers may take to notice that the router closes.
const closing = 5 * time.Second

// delivery is an event on its way through the router, and what became of it.
type delivery struct {
	consumer events.ID
	event    events.Event
	err      error
	parked   bool
}

type deliveryKey struct{}

func deliveryOf(msg *message.Message) *delivery {
	return msg.Context().Value(deliveryKey{}).(*delivery)
}

// router has the reaction's one handler behind Watermill's middleware. The order matters:
// outer middleware sees only the errors that the inner one leaves. So the poison queue
// stands around the retries.
func (r *Runtime) router(s *source) (*message.Router, error) {
	quiet := map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug, slog.LevelError: slog.LevelWarn}
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: closing},
		watermill.NewSlogLoggerWithLevelMapping(r.cfg.Logger, quiet))
	if err != nil {
		return nil, err
	}
	parking, err := middleware.PoisonQueueWithFilter(&parking{r.cfg}, r.cfg.Reaction.Name(), poisonous)
	if err != nil {
		return nil, err
	}
	router.AddMiddleware(r.measure, middleware.CorrelationID, parking, r.retry, middleware.Recoverer)
	router.AddConsumerHandler(r.cfg.Reaction.Name(), r.cfg.Reaction.Name(), s, func(msg *message.Message) error {
		d := deliveryOf(msg)
		return r.cfg.Reaction.React(msg.Context(), d.consumer, s.tail.Incarnation(), d.event)
	})
	return router, nil
}

// poisonous tells whether no retry can help. A handler that panics would again.
func poisonous(err error) bool {
	var panicked middleware.RecoveredPanicError
	return errors.Is(err, ErrPoison) || errors.As(err, &panicked)
}

// retry tries a message again soon, as Patience says, unless no retry can help. Watermill's
// own Retry takes a pause off the row each time that its ShouldRetry is asked, and waits for the
// one behind it.
func (r *Runtime) retry(next message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		p := r.cfg.Patience
		for tries := 0; ; tries++ {
			_, err := next(msg)
			if err == nil || poisonous(err) || errors.Is(err, ErrUnwanted) || errors.Is(err, ErrUnknown) {
				return nil, err
			}
			if tries >= p.Quick || !pause.For(msg.Context(), spread(p.First, tries, p.Slow)) {
				return nil, err
			}
		}
	}
}

// measure notes what became of a message, for the meter and for whoever follows
// the consumer.
func (r *Runtime) measure(next message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		d, begun := deliveryOf(msg), time.Now()
		_, err := next(msg)
		d.err = err
		outcome := "done"
		switch {
		case errors.Is(err, ErrUnknown):
			outcome = "left"
		case err != nil:
			outcome = "failed"
		case d.parked:
			outcome = "parked"
		}
		r.cfg.Meter.Reacted(r.cfg.Reaction.Name(), outcome, time.Since(begun).Seconds())
		return nil, err
	}
}

// parking is the poison queue: a Watermill Publisher on a table, as what is parked
// must not go with the stream.
type parking struct{ cfg Config }

// Publish parks the messages.
func (p *parking) Publish(reaction string, messages ...*message.Message) error {
	for _, msg := range messages {
		d, reason := deliveryOf(msg), msg.Metadata.Get(middleware.ReasonForPoisonedKey)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(msg.Context()), patience)
		_, err := p.cfg.Pool.Exec(ctx, `-- park reaction_poison
			insert into sical.reaction_poison (reaction, consumer, position, error) values ($1, $2, $3, $4)
			on conflict (reaction, consumer, position) do update set error = excluded.error, parked_at = clock_timestamp()`,
			reaction, d.consumer, d.event.Position, postgres.Text(reason))
		cancel()
		if err != nil {
			return err
		}
		d.parked = true
		p.cfg.Logger.Error("event parked", "reaction", reaction, "consumer", d.consumer, "position", d.event.Position,
			"type", d.event.Type, "reason", reason)
	}
	return nil
}

// Close does nothing: the pool is its owner's.
func (p *parking) Close() error { return nil }
