package oulad

import (
	"slices"
	"sync"
)

// maxNotes bounds the notes that a Report keeps of one file; counts go on.
const maxNotes = 100

// Place is a line of a file, counted from 1, the header included.
type Place struct {
	File   string // without its folder
	Number int
}

// Note says what was wrong with one line.
type Note struct {
	Place
	Refused bool // left out; otherwise repaired and taken
	Reason  string
}

// FileReport counts the data lines of one file.
type FileReport struct {
	File     string
	Read     int // every data line
	Repaired int // taken, with something put in place of what was missing
	Refused  int // left out, or taken and refused by a rule
	Notes    []Note
}

// Accepted is how many lines were taken, repaired ones included.
func (f FileReport) Accepted() int { return f.Read - f.Refused }

// Report tells what became of every line. It may be written and read by several
// goroutines; the zero Report is ready for use.
type Report struct {
	mu    sync.Mutex
	files []*fileReport // in the order they were first opened
}

type fileReport struct {
	FileReport
	refused map[int]struct{}
}

// Files is a copy of what is known so far, in the order of reading.
func (r *Report) Files() []FileReport {
	r.mu.Lock()
	defer r.mu.Unlock()
	files := make([]FileReport, len(r.files))
	for i, f := range r.files {
		files[i] = f.FileReport
		files[i].Notes = slices.Clone(f.Notes)
	}
	return files
}

// Refuse notes that a line was left out, or that one of its commands was
// refused; a line counts once however many of them were.
func (r *Report) Refuse(at Place, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.file(at.File)
	if _, again := f.refused[at.Number]; again {
		return
	}
	f.refused[at.Number] = struct{}{}
	f.Refused++
	f.note(Note{at, true, reason})
}

func (r *Report) repair(at Place, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.file(at.File)
	f.Repaired++
	f.note(Note{at, false, reason})
}

func (r *Report) read(file string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.file(file).Read++
}

// file finds or begins the report of a file; mu is held.
func (r *Report) file(name string) *fileReport {
	for _, f := range r.files {
		if f.File == name {
			return f
		}
	}
	f := &fileReport{FileReport{File: name}, map[int]struct{}{}}
	r.files = append(r.files, f)
	return f
}

func (f *fileReport) note(n Note) {
	if len(f.Notes) < maxNotes {
		f.Notes = append(f.Notes, n)
	}
}
