package api

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/labstack/echo/v4"

	"sical-backend/internal/cache"
	"sical-backend/internal/web"
	"sical-backend/query"
)

// The values of headers that many answers carry, made once: net/http only reads
// them.
var (
	jsonType     = []string{echo.MIMEApplicationJSON}
	keptByClient = []string{"private, no-cache"}
	keptByNone   = []string{"no-store"}
	// A proxy may answer with it for a few seconds, as long as a revoked token
	// may live; browsers ask anew.
	keptByProxy = []string{"public, max-age=0, s-maxage=5"}
)

// forms are the compressed forms that are kept with an answer, by coding.
var forms = func() map[string]*cache.Form {
	forms := map[string]*cache.Form{}
	for kind, coding := range web.Codings() {
		forms[coding] = &cache.Form{Kind: kind, From: web.CompressFrom, Make: func(a cache.Answer) ([]byte, string) {
			return web.Coded(coding, a.Body, a.ETag)
		}}
	}
	return forms
}()

// write gives the answer, or 304 where the client has it.
func write(c echo.Context, answer cache.Answer, keep []string) error {
	r, w := c.Request(), c.Response()
	h := w.Header()
	conditions := r.Header["If-None-Match"]
	known := len(conditions) > 0 && web.NotModified(conditions, answer.ETag)
	tag := answer.ETag
	if known {
		web.WithoutBody(h)
		tag = web.CodedETag(r, tag, len(answer.Body))
	}
	h["Sical-Position"] = positionHeader(answer.Position)
	h["Cache-Control"] = keep
	h["Etag"] = []string{tag}
	if cursor := nextCursor(answer.Body); cursor != "" {
		h["Link"] = []string{"<" + nextPage(r.URL, cursor) + `>; rel="next"`}
	}
	if known {
		return c.NoContent(http.StatusNotModified)
	}
	if len(answer.Body) >= web.CompressFrom {
		coding := web.Coding(r)
		if form := forms[coding]; form != nil {
			if coded, made := answer.In(form); made {
				answer = coded
				h["Content-Encoding"] = []string{coding}
				h["Etag"] = []string{answer.ETag}
			}
		}
	}
	if len(answer.Body) > buffered {
		h["Content-Length"] = []string{strconv.Itoa(len(answer.Body))}
	}
	h["Content-Type"] = jsonType
	web.TakeTime(w, len(answer.Body))
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(answer.Body)
	return err
}

// buffered is up to how many bytes net/http counts an answer itself, at less cost.
const buffered = 2 << 10

// told is how a position is told. The last one is told again and again.
type told struct {
	at     uint64
	header []string
}

var lastPosition atomic.Pointer[told]

func positionHeader(at uint64) []string {
	if last := lastPosition.Load(); last != nil && last.at == at {
		return last.header
	}
	now := &told{at, []string{strconv.FormatUint(at, 10)}}
	lastPosition.Store(now)
	return now.header
}

// shared tells whether an answer to nobody in particular may be kept by a proxy:
// what is about everything is, what is about one thing or person is not, as its
// owner may want it gone at once.
func (r *Route) shared() bool { return r.Access == Public && !strings.Contains(r.Path, "{id}") }

// keep says who may keep an answer.
func (a *asked) keep(shared bool, fresh freshness) []string {
	switch {
	case fresh.required:
		return keptByNone // it was for who wrote, at that moment
	case shared && a.viewer == (query.Viewer{}) && !a.query.Has(ids.Name) && !a.query.Has(targetID.Name):
		return keptByProxy
	}
	return keptByClient
}

// pageBegins is how every page begins.
var pageBegins = []byte(`{"items":`)

// nextCursor finds the cursor at the end of a page. In JSON no text looks like
// it: its quotation marks would stand behind backslashes.
func nextCursor(body []byte) string {
	if !bytes.HasPrefix(body, pageBegins) {
		return ""
	}
	_, rest, found := bytes.Cut(body[max(0, len(body)-maxText):], []byte(`"next_cursor":"`))
	if !found {
		return ""
	}
	cursor, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(cursor)
}

// nextPage is the same list from the cursor on, relative to the server.
func nextPage(u *url.URL, cursor string) string {
	values := u.Query()
	values.Set("cursor", cursor)
	return u.Path + "?" + values.Encode()
}
