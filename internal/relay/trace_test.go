package relay

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"sical-backend/events"
	"sical-backend/internal/bus"
	"sical-backend/internal/tracing"
	"sical-backend/internal/wire"
)

// A relay that makes the stream anew does not send the past to the exporter; the messages carry on
// what the events came with.
func TestThePastIsNotTraced(t *testing.T) {
	t.Parallel()
	r := &Relay{cfg: Config{Tracer: tracing.New(sdk.NewTracerProvider())}}
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	message := func() *bus.Message {
		return &bus.Message{Header: map[string][]string{wire.Trace: {parent}}}
	}
	messages := []*bus.Message{message(), message()}
	spans := r.trace([]events.Event{{RecordedAt: time.Now().Add(-time.Hour)}, {RecordedAt: time.Now()}}, messages)
	require.Len(t, spans, 1)
	require.Equal(t, parent, messages[0].Header[wire.Trace][0])
	require.NotEqual(t, parent, messages[1].Header[wire.Trace][0])
}
