package bus

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// watchInterval is how long a consumer may be silent before it is asked
// whether it has anything.
const watchInterval = 15 * time.Second

// errStalled ends a consumer that has messages and does not deliver them.
var errStalled = errors.New("bus: consumer stalled")

// stalled returns errStalled if the consumer has messages that nobody is
// working on, or what kept it from answering.
func stalled(ctx context.Context, consumer jetstream.Consumer) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	info, err := consumer.Info(ctx)
	if err != nil {
		return err
	}
	if info.NumPending > 0 && info.NumAckPending == 0 {
		return errStalled
	}
	return nil
}

// stopTimeout bounds the waits for a server that may not be there.
const stopTimeout = 2 * time.Second

// stop ends a consumption and waits until its handler runs no more.
func stop(consuming jetstream.ConsumeContext) {
	consuming.Stop()
	awaitClosed(consuming)
}

func awaitClosed(consuming jetstream.ConsumeContext) {
	select {
	case <-consuming.Closed():
	case <-time.After(stopTimeout):
	}
}
