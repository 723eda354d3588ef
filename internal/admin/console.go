package admin

import (
	"embed"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/labstack/echo/v4"

	"sical-backend/internal/web"
)

// console is the page as it is served: plain files, nothing to build.
//
//go:embed console
var console embed.FS

// consolePolicy lets the page load from its own server only, with neither script nor
// style inside the page, and no text made into markup.
const consolePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// consoleMedia are the kinds of file that the page is made of.
var consoleMedia = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
}

// RegisterConsole serves the operator's page at /console, and refuses what another
// site's page would have a browser ask of the listener, which has no login.
func RegisterConsole(e *echo.Echo) {
	e.Pre(sameSite)
	files, err := fs.Sub(console, "console")
	if err == nil {
		err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			body, err := fs.ReadFile(files, name)
			if err != nil {
				return err
			}
			at := "/console/" + name
			if name == "index.html" {
				at = "/console"
			}
			serveFile(e, at, consoleMedia[path.Ext(name)], body)
			return nil
		})
	}
	if err != nil {
		panic(err) // what is embedded can be read
	}
}

func serveFile(e *echo.Echo, at, media string, body []byte) {
	etag := web.ETag(0, body)
	handler := func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("ETag", etag)
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Security-Policy", consolePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if web.NotModified(c.Request().Header["If-None-Match"], etag) {
			return c.NoContent(http.StatusNotModified)
		}
		return c.Blob(http.StatusOK, media, body)
	}
	e.GET(at, handler)
	e.HEAD(at, handler)
}

// sameSite refuses to change anything for a browser that shows another site's page.
// Programs, which send none of the headers that it goes by, pass.
func sameSite(next echo.HandlerFunc) echo.HandlerFunc {
	protection := http.NewCrossOriginProtection()
	return func(c echo.Context) error {
		r := c.Request()
		if err := protection.Check(r); err != nil {
			return web.NewProblem(web.Forbidden, "asked for by the page of another site")
		}
		// A site may have its own name lead here, and then counts as the same: in a
		// browser only names that no site can have are believed, to read as well.
		if browser(r.Header) && !inside(r.Host) {
			return web.NewProblem(web.Forbidden, "browsers use the admin listener under an address or an internal name only")
		}
		return next(c)
	}
}

// browser tells whether a browser asks. Its page can have it leave out where it comes
// from, and it tells the rest to secure addresses only; but a language it always names: a
// page can make another or an empty one of it, and not none. curl and Prometheus send none
// of these.
func browser(h http.Header) bool {
	for _, sign := range []string{"Origin", "Sec-Fetch-Site", "Referer", "Accept-Language"} {
		if len(h[sign]) > 0 {
			return true
		}
	}
	return false
}

// inside tells whether a host is an address, or a name that is not on the internet.
func inside(host string) bool {
	name := strings.ToLower((&url.URL{Host: host}).Hostname())
	if net.ParseIP(name) != nil || !strings.Contains(name, ".") {
		return true
	}
	for _, suffix := range []string{".localhost", ".local", ".internal", ".svc"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}
