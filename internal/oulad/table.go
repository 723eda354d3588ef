package oulad

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"sical-backend/internal/lines"
)

// maxLine bounds a line, in bytes; the longest real one has about 150.
const maxLine = 64 << 10

var errQuote = errors.New("a quotation mark stands alone")

// table reads one file's data lines, giving the named columns in the order
// asked for. Lines of another shape are reported and left out. The row is valid
// until the next one. An error ends it: a file that cannot be read on, or that
// lacks a column.
func (s *source) table(file string, columns ...string) iter.Seq2[*row, error] {
	return func(yield func(*row, error) bool) {
		text, done, err := open(s.dir, file)
		if err != nil {
			yield(nil, err)
			return
		}
		defer done()
		header, err := readHeader(text, columns)
		if err != nil {
			yield(nil, fmt.Errorf("%s: %w", file, err))
			return
		}
		r := &row{Place: Place{file, 1}, report: s.report, names: columns}
		var all []string
		for {
			line, err := lines.Next(text)
			if errors.Is(err, io.EOF) {
				return
			}
			r.Number++
			if err != nil && !errors.Is(err, lines.ErrLong) {
				yield(nil, fmt.Errorf("%s:%d: %w", file, r.Number, err))
				return
			}
			s.report.read(file)
			if err == nil {
				all, err = split(all[:0], string(line))
			}
			if err == nil && len(all) != header.width {
				err = fmt.Errorf("%d columns where %d are expected", len(all), header.width)
			}
			if err != nil {
				s.report.Refuse(r.Place, err.Error())
				continue
			}
			r.take(all, header.at)
			if !yield(r, nil) {
				return
			}
		}
	}
}

// header says where the wanted columns stand, and among how many.
type header struct {
	at    []int
	width int
}

func readHeader(text *bufio.Reader, columns []string) (header, error) {
	line, err := lines.Next(text)
	if err != nil {
		return header{}, fmt.Errorf("no header: %w", err)
	}
	names, err := split(nil, strings.TrimPrefix(string(line), lines.BOM))
	if err != nil {
		return header{}, err
	}
	h := header{width: len(names)}
	for _, c := range columns {
		at := slices.Index(names, c)
		if at < 0 {
			return header{}, fmt.Errorf("no column %s", c)
		}
		h.at = append(h.at, at)
	}
	return h, nil
}

// split appends the fields of one line of comma-separated values (RFC 4180) to
// fields. A field does not span lines here: one lost quotation mark would
// swallow the rest of the file.
func split(fields []string, line string) ([]string, error) {
	for {
		if !strings.HasPrefix(line, `"`) {
			field, rest, more := strings.Cut(line, ",")
			if strings.Contains(field, `"`) {
				return nil, errQuote
			}
			fields = append(fields, field)
			if !more {
				return fields, nil
			}
			line = rest
			continue
		}
		field, rest, closed := cutQuoted(line[1:])
		if !closed || rest != "" && rest[0] != ',' {
			return nil, errQuote
		}
		fields = append(fields, field)
		if rest == "" {
			return fields, nil
		}
		line = rest[1:]
	}
}

// cutQuoted reads up to the closing quotation mark; two in a row stand for one.
func cutQuoted(line string) (field, rest string, closed bool) {
	for from := 0; ; {
		at := strings.IndexByte(line[from:], '"')
		if at < 0 {
			return "", "", false
		}
		at += from
		if !strings.HasPrefix(line[at+1:], `"`) {
			return strings.ReplaceAll(line[:at], `""`, `"`), line[at+1:], true
		}
		from = at + 2
	}
}
