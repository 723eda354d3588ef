package openapi

import (
	"bytes"
	_ "embed"
	"net/http"

	"github.com/labstack/echo/v4"

	"sical-backend/internal/web"
)

var (
	//go:embed docs/index.html
	page []byte
	// redoc is the page's renderer as published, npm redoc@2.5.4; its licence and
	// those of its parts stand beside it.
	//
	//go:embed docs/redoc-2.5.4.js
	redoc []byte
)

// redocLogo is the one thing that the renderer would load from elsewhere, an
// image; with an empty one in its place it leaves the image out.
const redocLogo = "https://cdn.redoc.ly/redoc/logo-mini.svg"

// pagePolicy lets the page load from its own server only. The renderer makes
// style elements and, for its search, a worker from a blob.
const pagePolicy = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:; " +
	"style-src 'unsafe-inline'; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Register serves doc at /openapi.json and a page that shows it at /docs; the
// events' document at /asyncapi.json and their catalogue at /docs/events.
func Register(e *echo.Echo, doc []byte) {
	docs := EventDocs()
	serve(e, "/openapi.json", file{media: "application/json", body: doc})
	serve(e, "/asyncapi.json", file{media: "application/json", body: Events(docs)})
	serve(e, "/docs/events", file{media: "text/markdown; charset=utf-8", body: Catalogue(docs)})
	serve(e, "/docs", file{media: "text/html; charset=utf-8", body: page, policy: pagePolicy})
	serve(e, "/docs/redoc-2.5.4.js", file{
		media: "text/javascript; charset=utf-8",
		body:  bytes.ReplaceAll(redoc, []byte(redocLogo), []byte("data:,")),
		fixed: true,
	})
}

// file is what a path serves to everyone.
type file struct {
	media  string
	body   []byte
	policy string // Content-Security-Policy, "" for the API's own
	fixed  bool   // the path names this version for ever
}

func serve(e *echo.Echo, path string, f file) {
	etag := web.ETag(0, f.body)
	handler := func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("ETag", etag)
		h.Set("Cache-Control", "public, no-cache")
		if f.fixed {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		if f.policy != "" {
			h.Set("Content-Security-Policy", f.policy)
		}
		if web.NotModified(c.Request().Header["If-None-Match"], etag) {
			h.Set("ETag", web.CodedETag(c.Request(), etag, len(f.body)))
			return c.NoContent(http.StatusNotModified)
		}
		web.TakeTime(c.Response(), len(f.body))
		return c.Blob(http.StatusOK, f.media, f.body)
	}
	e.GET(path, handler)
	e.HEAD(path, handler)
}
