package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// ErrNotRunning is returned by ReadRun when no process works in the data folder.
var ErrNotRunning = errors.New("nothing runs on the data folder")

// Run is what a running sical tells other processes of the same user, so that they
// find it. It holds credentials.
type Run struct {
	PID       int       `json:"pid"`
	Started   time.Time `json:"started"`
	PublicURL string    `json:"public_url"`
	AdminURL  string    `json:"admin_url"`
	// PostgresURLs has a URL for each database role.
	PostgresURLs map[string]string `json:"postgres_urls"`
	NATSURL      string            `json:"nats_url"`
}

func runFile(dir string) string { return filepath.Join(dir, "run.json") }

// WriteRun leaves run in the data folder, readable by its owner only. The process
// that started an Instance on the folder calls it once its listeners are open.
func WriteRun(dir string, run Run) error {
	text, err := json.MarshalIndent(run, "", "  ")
	if err != nil {
		return err
	}
	return writeSecret(runFile(dir), append(text, '\n'))
}

// ReadRun returns what the process working in the data folder left. It returns
// ErrNotRunning when there is none, also if a killed one left its file behind.
func ReadRun(dir string) (Run, error) {
	text, err := os.ReadFile(runFile(dir))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !locked(dir) {
		return Run{}, fmt.Errorf("%w: %s", ErrNotRunning, dir)
	}
	if err != nil {
		return Run{}, err
	}
	var run Run
	if err := json.Unmarshal(text, &run); err != nil {
		return Run{}, fmt.Errorf("%s: %w", runFile(dir), err)
	}
	return run, nil
}

// RemoveRun takes back what WriteRun left; that it is gone already is no error.
func RemoveRun(dir string) error {
	if err := os.Remove(runFile(dir)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// writeSecret replaces a file as a whole, so that no reader sees half of it, with a
// mode that lets nobody else read it.
func writeSecret(name string, text []byte) error {
	file, err := os.CreateTemp(filepath.Dir(name), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return err
}
