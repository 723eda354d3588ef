package testkit

import (
	"net/http/httptest"
	"time"
)

// Timed records an answer, and until when its client may take it.
type Timed struct {
	*httptest.ResponseRecorder
	Until time.Time // zero where that was not moved
}

// SetWriteDeadline is for http.ResponseController.
func (t *Timed) SetWriteDeadline(until time.Time) error {
	t.Until = until
	return nil
}
