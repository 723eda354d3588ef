package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// place is how far the events have been dealt with. Keep it in one transaction with
// what was made of them, where there is a database: then each takes effect once.
type place struct {
	Incarnation string `json:"incarnation"` // the history of the log that the position belongs to
	Position    uint64 `json:"position"`
}

// load reads the place; of a file that is not there, the beginning.
func load(file string) (p place, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(text, &p)
}

// save replaces the file as a whole, so that a kill leaves the old or the new one.
func (p place) save(file string) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(file), ".place-*")
	if err != nil {
		return err
	}
	_, err = temp.Write(text)
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		os.Remove(temp.Name())
	}
	return err
}
