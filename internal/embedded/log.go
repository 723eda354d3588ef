package embedded

import (
	"bytes"
	"os"
)

// logLimit bounds the log kept from earlier runs, in bytes. Postgres writes little
// beside its starts, stops and refusals.
const logLimit = 4 << 20

// logFile is where the server's messages go. The server writes to it directly: a
// pipe through us would break when we die and leave it without a place to say why.
type logFile struct {
	name  string
	file  *os.File
	start int64 // where this run's messages begin
}

// openLog opens the log, setting a long one aside.
func openLog(name string) (*logFile, error) {
	if info, err := os.Stat(name); err == nil && info.Size() > logLimit {
		if err := os.Rename(name, name+".old"); err != nil {
			return nil, err
		}
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, err
	}
	return &logFile{name: name, file: file, start: info.Size()}, nil
}

// tail quotes the last lines of this run.
func (l *logFile) tail() string { return lastLines(l.last(4096)) }

// last is the end of what this run has written, of at most so many bytes.
func (l *logFile) last(limit int64) []byte {
	info, err := l.file.Stat()
	if err != nil {
		return []byte(err.Error())
	}
	text := make([]byte, min(info.Size()-l.start, limit))
	n, _ := l.file.ReadAt(text, info.Size()-int64(len(text)))
	return text[:n]
}

// outOfRoom tells whether a full disk took the server down since it was last ready. What
// says so is not among the last lines where many were turned away while it recovered.
func (l *logFile) outOfRoom() bool {
	text := l.last(1 << 20)
	text = text[max(0, bytes.LastIndex(text, []byte("database system is ready to accept connections"))):]
	for line := range bytes.Lines(text) {
		fatal := bytes.Contains(line, []byte("PANIC:  ")) || bytes.Contains(line, []byte("FATAL:  "))
		if fatal && bytes.Contains(line, []byte("No space left on device")) {
			return true
		}
	}
	return false
}
