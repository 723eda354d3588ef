package loadtest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
)

// Header is the head of an answer as it came: its status line and its fields.
type Header []byte

// Get is the value of the first field of a name, in whatever case, or "".
func (h Header) Get(name string) string { return string(h.find(name)) }

func (h Header) find(name string) []byte {
	for len(h) > 0 {
		line, rest, _ := bytes.Cut(h, []byte("\r\n"))
		if len(line) > len(name) && line[len(name)] == ':' && bytes.EqualFold(line[:len(name)], []byte(name)) {
			return textproto.TrimBytes(line[len(name)+1:])
		}
		h = rest
	}
	return nil
}

// answer reads the answer to a request.
func (c *Conn) answer() (a Answer, err error) {
	if err := c.readHead(); err != nil {
		return a, err
	}
	a.Header = c.head
	if status, length, ok := plain(c.head); ok {
		_, _ = c.in.Discard(len(c.head)) // it is buffered
		if cap(c.body) < length {
			c.body = make([]byte, length)
		}
		c.body = c.body[:length]
		_, err = io.ReadFull(c.in, c.body)
		a.Status, a.Body = status, c.body
		return a, err
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return a, err
	}
	c.body, err = appendAll(c.body[:0], answer.Body)
	if err == nil && answer.Close {
		c.Close()
	}
	a.Status, a.Body = answer.StatusCode, c.body
	return a, err
}

// readHead copies the head that comes next, and leaves it there to be read.
func (c *Conn) readHead() error {
	for n := 1; ; n = c.in.Buffered() + 1 {
		if _, err := c.in.Peek(n); errors.Is(err, bufio.ErrBufferFull) {
			return errors.New("the head of an answer is too long")
		} else if err != nil {
			return err
		}
		seen, _ := c.in.Peek(c.in.Buffered()) // cannot fail
		if end := bytes.Index(seen, []byte("\r\n\r\n")); end >= 0 {
			c.head = append(c.head[:0], seen[:end+4]...)
			return nil
		}
	}
}

// longestPlain bounds what is set aside for a body on its declared length alone.
const longestPlain = 16 << 20

// plain tells the status and the length of a body that simply follows the head, as most
// do, those of refusals too. net/http reads all others: it makes a map of each head, which
// takes a load test more time than all else that it does between two system calls.
func plain(head Header) (status, length int, ok bool) {
	line, _, _ := bytes.Cut(head, []byte("\r\n"))
	code, found := bytes.CutPrefix(line, []byte("HTTP/1.1 "))
	if !found || len(code) < 3 || bytes.IndexByte([]byte("245"), code[0]) < 0 || head.find("Transfer-Encoding") != nil || head.find("Connection") != nil {
		return 0, 0, false
	}
	status, bad := strconv.Atoi(string(code[:3]))
	length, none := strconv.Atoi(string(head.find("Content-Length")))
	return status, length, bad == nil && none == nil && length >= 0 && length <= longestPlain
}

// appendAll is io.ReadAll into a buffer that is used again.
func appendAll(b []byte, r io.Reader) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}
