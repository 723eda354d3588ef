package profile

import (
	"net/http"
	"net/http/pprof"

	"github.com/labstack/echo/v4"
)

// Register puts /debug/pprof/ on a router that is not public: profiles tell of
// everything, and taking them costs.
func Register(e *echo.Echo) {
	for path, handler := range map[string]http.HandlerFunc{
		"cmdline": pprof.Cmdline, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace,
	} {
		e.GET("/debug/pprof/"+path, echo.WrapHandler(handler))
	}
	e.POST("/debug/pprof/symbol", echo.WrapHandler(http.HandlerFunc(pprof.Symbol)))
	e.GET("/debug/pprof/", echo.WrapHandler(http.HandlerFunc(pprof.Index)))
	e.GET("/debug/pprof/:name", echo.WrapHandler(http.HandlerFunc(pprof.Index)))
}
