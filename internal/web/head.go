package web

import (
	"net/http"
	"strings"
)

// head writes an answer over a connection of Serve's. It hands the lines of the header to
// the connection and leaves to net/http only what that reads itself: net/http copies the
// map of a header, sorts its keys and searches its values, and a map of more than eight
// grows, all of which took a quarter of the processor time of an answer from memory.
type head struct {
	http.ResponseWriter // net/http's own
	conn                *conn
	header              http.Header // used again: a map that was emptied keeps its room
	written             bool
}

// begin makes h the writer of the answer to a request; it stays out of those that come
// over other connections.
func (h *head) begin(w http.ResponseWriter, c *conn) {
	h.ResponseWriter, h.conn, h.written = w, c, false
	if h.header == nil {
		h.header = http.Header{}
	}
}

// end sees to the header of an answer without a body, and lets go of everything.
func (h *head) end() {
	if !h.written {
		h.WriteHeader(http.StatusOK)
	}
	clear(h.header)
	*h = head{header: h.header}
}

func (h *head) Header() http.Header { return h.header }

// WriteHeader sends the header, or an interim answer, which has none of it.
func (h *head) WriteHeader(status int) {
	if status >= http.StatusOK && !h.written {
		h.written = true
		h.hand(status)
	}
	h.ResponseWriter.WriteHeader(status)
}

func (h *head) Write(b []byte) (int, error) {
	if !h.written {
		h.WriteHeader(http.StatusOK)
	}
	return h.ResponseWriter.Write(b)
}

// FlushError sends all there is so far; http.ResponseController calls it.
func (h *head) FlushError() error {
	if !h.written {
		h.WriteHeader(http.StatusOK)
	}
	return http.NewResponseController(h.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach deadlines and the connection.
func (h *head) Unwrap() http.ResponseWriter { return h.ResponseWriter }

const contentType = "Content-Type"

// hand gives each header field to whom it concerns.
func (h *head) hand(status int) {
	lines := buffers.Get().(*[]byte)
	b := (*lines)[:0]
	told := false // net/http of something beside the type of the body
	for name, values := range h.header {
		switch {
		case name == contentType:
		case readByServer(name) || !plain(values):
			h.ResponseWriter.Header()[name] = values
			told = true
		default:
			b = appendLines(b, name, values)
		}
	}
	values, typed := h.header[contentType]
	guessed := !told && guessable(values, status)
	switch {
	case guessed:
		b = appendLines(b, contentType, values)
	case typed:
		h.ResponseWriter.Header()[contentType] = values
	}
	*lines = b
	h.conn.lines, h.conn.guessed = lines, guessed
}

// guessable tells whether net/http can be left to guess the type of the body, and the
// connection to put the real one in place of that. It is done where net/http is told of nothing
// else: then it has no map of the header at all, and its copy of one was a quarter of the
// bytes that an answer from memory left behind for the collector.
func guessable(values []string, status int) bool {
	return len(values) == 1 && plain(values) && status != http.StatusNoContent && status != http.StatusNotModified
}

func appendLines(b []byte, name string, values []string) []byte {
	for _, value := range values {
		b = append(append(b, name...), ": "...)
		b = append(append(b, value...), "\r\n"...)
	}
	return b
}

// readByServer tells whether net/http acts on a field of an answer.
func readByServer(name string) bool {
	switch name {
	case "Connection", "Content-Encoding", "Content-Length", "Date", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return strings.HasPrefix(name, http.TrailerPrefix)
}

// plain tells whether values can stand in lines as they are. net/http knows what to do
// with others.
func plain(values []string) bool {
	for _, v := range values {
		if strings.IndexByte(v, '\r') >= 0 || strings.IndexByte(v, '\n') >= 0 {
			return false
		}
	}
	return true
}
