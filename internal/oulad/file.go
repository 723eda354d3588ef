package oulad

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// find names the file of a table in dir: table.csv or table.csv.gz, else one
// that says which part of the table it is, such as table_first1000.csv.gz.
func find(dir, table string) (string, error) {
	for _, pattern := range []string{table + ".csv", table + ".csv.gz", table + "_*.csv", table + "_*.csv.gz"} {
		found, err := fs.Glob(os.DirFS(dir), pattern)
		if err != nil {
			return "", err
		}
		if len(found) > 1 {
			return "", fmt.Errorf("%s: several files for one table: %s", dir, strings.Join(found, ", "))
		}
		if len(found) == 1 {
			return found[0], nil
		}
	}
	return "", fmt.Errorf("%s: no %s.csv or %s.csv.gz", dir, table, table)
}

// open reads a file's text, unpacked where its name ends in .gz. The caller
// calls done once.
func open(dir, file string) (text *bufio.Reader, done func() error, err error) {
	f, err := os.Open(filepath.Join(dir, file))
	if err != nil {
		return nil, nil, err
	}
	if !strings.HasSuffix(file, ".gz") {
		return bufio.NewReaderSize(f, maxLine), f.Close, nil
	}
	packed, err := gzip.NewReader(f)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s: %w", file, err), f.Close())
	}
	return bufio.NewReaderSize(packed, maxLine), f.Close, nil
}

// countLines counts the data lines of a file, without its header.
func countLines(dir, file string) (int, error) {
	text, done, err := open(dir, file)
	if err != nil {
		return 0, err
	}
	defer done()
	block := make([]byte, 64<<10)
	lines, last := 0, byte('\n')
	for {
		n, err := text.Read(block)
		lines += bytes.Count(block[:n], []byte{'\n'})
		if n > 0 {
			last = block[n-1]
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
	}
	if last != '\n' {
		lines++
	}
	return max(0, lines-1), nil
}
