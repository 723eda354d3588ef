package web

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/labstack/echo/v4"
)

// CompressFrom is the size in bytes from which an answer is compressed.
const CompressFrom = 1 << 10

// encoder is what gzip and zstd writers have in common.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// compressor keeps encoders for reuse: they cost far more to make than to run.
type compressor struct {
	gzip, zstd, writers sync.Pool
}

func newCompressor() *compressor {
	return &compressor{
		gzip: sync.Pool{New: func() any {
			w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is known to be valid
			return w
		}},
		zstd: sync.Pool{New: func() any {
			w, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), // likewise
				zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(128<<10), zstd.WithLowerEncoderMem(true))
			return w
		}},
		writers: sync.Pool{New: func() any { return new(compressWriter) }},
	}
}

func (p *compressor) pool(coding string) *sync.Pool {
	if coding == codingZstd {
		return &p.zstd
	}
	return &p.gzip
}

// wrap puts a compressing writer under c's response if the client takes a coding;
// nil if not. The caller calls close on it when the answer is written.
func (p *compressor) wrap(c echo.Context) *compressWriter {
	coding := Coding(c.Request())
	if coding == "" {
		return nil
	}
	w := p.writers.Get().(*compressWriter)
	*w = compressWriter{ResponseWriter: c.Response().Writer, from: p, coding: coding, held: w.held[:0]}
	c.Response().Writer = w
	return w
}

// compressWriter holds an answer back until it is known to be worth compressing.
type compressWriter struct {
	http.ResponseWriter
	from    *compressor
	coding  string
	status  int     // 0 until WriteHeader
	held    []byte  // the beginning, while undecided
	decided bool    // header sent
	encoder encoder // nil for an answer sent as it is
}

// WriteHeader sends the header at once, unless the answer may yet be compressed.
func (w *compressWriter) WriteHeader(status int) {
	if status < 200 {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	if w.status != 0 {
		return
	}
	w.status = status
	if !w.eligible() {
		w.sendHeader()
	}
}

func (w *compressWriter) sendHeader() {
	w.decided = true
	w.ResponseWriter.WriteHeader(w.status)
}

func (w *compressWriter) eligible() bool {
	h := w.Header()
	if w.status == http.StatusNoContent || w.status == http.StatusNotModified ||
		h.Get("Content-Encoding") != "" || h.Get("Content-Range") != "" ||
		strings.Contains(h.Get("Cache-Control"), "no-transform") || !compressible(h.Get("Content-Type")) {
		return false
	}
	length, err := strconv.Atoi(h.Get("Content-Length"))
	return err != nil || length >= CompressFrom
}

func (w *compressWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.encoder != nil {
		return w.encoder.Write(b)
	}
	if w.decided {
		return w.ResponseWriter.Write(b)
	}
	if len(w.held)+len(b) < CompressFrom {
		w.held = append(w.held, b...)
		return len(b), nil
	}
	if err := w.startCoding(); err != nil {
		return 0, err
	}
	return w.encoder.Write(b)
}

// startCoding sends the header of a compressed answer and what was held back.
func (w *compressWriter) startCoding() error {
	h := w.Header()
	h.Set("Content-Encoding", w.coding)
	h.Del("Content-Length")
	h.Del("Accept-Ranges")
	if tag := h.Get("ETag"); tag != "" {
		h.Set("ETag", codedTag(tag, w.coding))
	}
	w.sendHeader()
	w.encoder = w.from.pool(w.coding).Get().(encoder)
	w.encoder.Reset(w.ResponseWriter)
	_, err := w.encoder.Write(w.held)
	return err
}

// sendPlain sends what was held back as it is.
func (w *compressWriter) sendPlain() error {
	w.sendHeader()
	_, err := w.ResponseWriter.Write(w.held)
	return err
}

// FlushError sends all there is so far; http.ResponseController calls it.
func (w *compressWriter) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	var err error
	switch {
	case w.encoder != nil:
		err = w.encoder.Flush()
	case !w.decided:
		err = w.sendPlain()
	}
	if err != nil {
		return err
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach deadlines and the connection.
func (w *compressWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// close finishes the answer and gives back what was borrowed.
func (w *compressWriter) close() error {
	var err error
	switch {
	case w.encoder != nil:
		err = w.encoder.Close()
		w.encoder.Reset(nil)
		w.from.pool(w.coding).Put(w.encoder)
	case w.status != 0 && !w.decided:
		err = w.sendPlain()
	}
	from := w.from
	*w = compressWriter{held: w.held}
	from.writers.Put(w)
	return err
}
