// Package lines reads files line by line that others have made: of those, a single
// line that is too long is stepped over and not the end.
package lines

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// ErrLong is what Next gives in place of a line that the reader's buffer cannot hold.
var ErrLong = errors.New("the line is too long")

// BOM begins some texts of UTF-8, and belongs to no line.
const BOM = "\ufeff"

// Next gives the next line without its end, valid until the next call; io.EOF after
// the last one, and ErrLong for one that was stepped over.
func Next(text *bufio.Reader) ([]byte, error) {
	line, err := text.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = text.ReadSlice('\n')
		}
		if err == nil || errors.Is(err, io.EOF) {
			err = ErrLong
		}
		return nil, err
	}
	if errors.Is(err, io.EOF) && len(line) > 0 {
		err = nil
	}
	return bytes.TrimRight(line, "\r\n"), err
}
