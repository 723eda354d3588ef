package web

import (
	"bytes"
	"net/http"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Codings are the content codings in which answers are given.
func Codings() []string { return []string{codingGzip, codingZstd} }

// Coding is the one of Codings that the client likes best, empty for none.
func Coding(r *http.Request) string { return negotiate(r.Header["Accept-Encoding"]) }

// zstds compresses whole bodies, several at once. It keeps an encoder for each that
// ran at a time, so they are lean.
var zstds = sync.OnceValue(func() *zstd.Encoder {
	w, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), // options known to be valid
		zstd.WithEncoderConcurrency(2), zstd.WithWindowSize(128<<10), zstd.WithLowerEncoderMem(true))
	return w
})

var gzips = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.DefaultCompression) // likewise
	return w
}}

// Coded is a whole answer compressed for keeping, harder than one that is sent
// once, and its entity tag; nil where that makes it no smaller by a tenth.
func Coded(coding string, body []byte, etag string) (coded []byte, codedETag string) {
	switch coding {
	case codingZstd:
		coded = zstds().EncodeAll(body, make([]byte, 0, len(body)/2))
	case codingGzip:
		var b bytes.Buffer
		w := gzips.Get().(*gzip.Writer)
		w.Reset(&b)
		_, _ = w.Write(body) // a Buffer takes everything
		_ = w.Close()
		gzips.Put(w)
		coded = b.Bytes()
	}
	if coded == nil || len(coded) > len(body)-len(body)/10 {
		return nil, ""
	}
	return bytes.Clone(coded), codedTag(etag, coding) // of about its size
}
