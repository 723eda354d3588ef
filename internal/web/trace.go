package web

import (
	"net/http"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"

	"sical-backend/internal/tracing"
)

// trace begins the span of a request, named after its route as metrics are. The answer
// carries it as traceparent.
func (g *gate) trace(c echo.Context) (span tracing.Span) {
	if g.cfg.Tracer == nil {
		return span
	}
	r, name := c.Request(), "unmatched"
	if c.Path() != "" {
		name = spanMethod(r.Method) + " " + c.Path()
	}
	ctx, span := g.cfg.Tracer.Follow(r.Context(), r.Header.Get("traceparent"), name, tracing.Server)
	if span.Recording() {
		span.Set(attribute.String("http.route", c.Path()), attribute.String("request.id", RequestID(c)))
	}
	c.SetRequest(r.WithContext(ctx))
	c.Response().Header().Set("traceparent", span.Parent())
	return span
}

// spanMethod bounds a span's name, as clients may send any token for a method: as OpenTelemetry's
// conventions for HTTP have it, one that is not known is HTTP.
func spanMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "HTTP"
}

// answered ends the span of a request.
func answered(span tracing.Span, status int) {
	if span.Recording() {
		span.Set(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.Fail()
		}
	}
	span.End()
}
