package embedded

import (
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
func (l *logFile) tail() string {
	info, err := l.file.Stat()
	if err != nil {
		return err.Error()
	}
	text := make([]byte, min(info.Size()-l.start, 4096))
	n, _ := l.file.ReadAt(text, info.Size()-int64(len(text)))
	return lastLines(text[:n])
}
