package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// maxDepth bounds the nesting of a document: nothing the APIs take comes near.
const maxDepth = 32

// maxGrow bounds the memory set aside for a body on its declared length alone.
const maxGrow = 64 << 10

// The decoder's options, made once because each holds a cache by type. Looking
// for nulls costs a call for every value, so only documents with one pay it.
var (
	readUUID   = json.UnmarshalFromFunc(decodeUUID)
	strict     = json.JoinOptions(json.RejectUnknownMembers(true), json.WithUnmarshalers(readUUID))
	strictNull = json.JoinOptions(strict, json.WithUnmarshalers(
		json.JoinUnmarshalers(json.UnmarshalFromFunc(refuseNull), readUUID)))
)

// DecodeStrict reads one JSON document of at most limit bytes from the body into
// the value into points to. It returns a Problem for anything but exactly what
// the target describes: see ReadBody and DecodeStrictBytes.
func DecodeStrict(r *http.Request, limit int64, into any) error {
	body, err := ReadBody(r, limit)
	if err != nil {
		return err
	}
	return DecodeStrictBytes(body, into)
}

// ReadBody reads a JSON body of at most limit bytes. It refuses (415) any other
// media type and any content coding, as a compressed body has no known size, and
// (413) a body that is larger, before reading it where its length is declared.
func ReadBody(r *http.Request, limit int64) ([]byte, error) {
	if err := checkMedia(r.Header); err != nil {
		return nil, err
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	if r.ContentLength >= 0 && r.ContentLength <= maxGrow {
		body := make([]byte, r.ContentLength)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return nil, unread(err, limit)
		}
		return body, nil
	}
	var body bytes.Buffer
	body.Grow(bytes.MinRead)
	if _, err := body.ReadFrom(io.LimitReader(r.Body, limit+1)); err != nil {
		return nil, unread(err, limit)
	}
	if int64(body.Len()) > limit {
		return nil, tooLarge(limit)
	}
	return body.Bytes(), nil
}

func unread(err error, limit int64) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(limit)
	}
	return NewProblem(BadRequest, "The body did not arrive whole.")
}

func tooLarge(limit int64) error {
	return NewProblem(TooLarge, fmt.Sprintf("At most %d bytes are taken.", limit))
}

func checkMedia(h http.Header) error {
	if len(h["Content-Encoding"]) > 0 {
		return NewProblem(UnsupportedMediaType, "A body with a content coding is not taken.")
	}
	types := h["Content-Type"]
	if len(types) == 1 {
		if types[0] == "application/json" {
			return nil
		}
		media, params, err := mime.ParseMediaType(types[0])
		charset, named := params["charset"]
		plain := len(params) == 0 || len(params) == 1 && named && strings.EqualFold(charset, "utf-8")
		if err == nil && media == "application/json" && plain {
			return nil
		}
	}
	return NewProblem(UnsupportedMediaType, "The body must be application/json.")
}

// DecodeStrictBytes decodes one JSON document into the value into points to. It
// returns a Problem with JSON pointers for: bad syntax, invalid UTF-8, trailing
// data, names that are unknown, duplicate or differ in case, values of another
// type or out of range, null, nesting deeper than 32, and U+0000 in any string,
// which Postgres cannot store. Bounds on arrays and lengths are the target's own
// affair.
func DecodeStrictBytes(body []byte, into any) error {
	found := scan(body)
	if found.depth > maxDepth {
		return NewProblem(BadJSON, fmt.Sprintf("Nested deeper than %d levels.", maxDepth))
	}
	if found.nul {
		return nulProblem(body)
	}
	options := strict
	if found.null {
		options = strictNull
	}
	if err := json.Unmarshal(body, into, options); err != nil {
		return jsonProblem(body, err)
	}
	return nil
}

// refuseNull goes before every value of a document that has a null somewhere: an
// absent member says the same.
func refuseNull(d *jsontext.Decoder, into any) error {
	if d.PeekKind() != 'n' {
		return errors.ErrUnsupported
	}
	if _, ok := into.(*jsontext.Value); ok {
		return errors.ErrUnsupported // decoded, and checked, by its reader
	}
	if err := d.SkipValue(); err != nil {
		return err
	}
	return FieldError{Code: string(InvalidField), Detail: "must not be null"}
}

// decodeUUID takes what ParseID does, but the nil UUID, which names nothing: taken, it
// would pass for an absent one.
func decodeUUID(d *jsontext.Decoder, id *uuid.UUID) error {
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() == '"' {
		if parsed, ok := ParseID(token.String()); ok && parsed != uuid.Nil {
			*id = parsed
			return nil
		}
	}
	return FieldError{Code: string(InvalidField), Detail: "expected a UUID, and not the nil one"}
}

// ParseID takes the canonical form of RFC 9562 only: the uuid package itself also takes
// braces, urn: and bare digits, and two spellings of one id would be two idempotent
// requests.
func ParseID(s string) (uuid.UUID, bool) {
	if len(s) != 36 {
		return uuid.UUID{}, false
	}
	id, err := uuid.Parse(s)
	return id, err == nil
}
