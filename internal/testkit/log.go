package testkit

import (
	"log/slog"
	"strings"
	"sync"
)

// Log is what has been logged, which a test may read while more is.
type Log struct {
	mu   sync.Mutex
	text strings.Builder
}

// Logger writes to it.
func (l *Log) Logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// Write is for loggers.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is all of it so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Count is how often the text has been logged.
func (l *Log) Count(text string) int {
	return strings.Count(l.String(), text)
}
