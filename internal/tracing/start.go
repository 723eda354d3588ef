package tracing

import (
	"context"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	// otlptracehttp: OTLP over HTTP as every collector takes it, configured by the
	// standard variables; Apache-2.0, by OpenTelemetry's makers.
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// Wanted tells whether the environment asks for traces: by an endpoint or by naming
// the exporter, unless the whole is disabled
// (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
func Wanted() bool {
	if os.Getenv("OTEL_SDK_DISABLED") == "true" {
		return false
	}
	switch os.Getenv("OTEL_TRACES_EXPORTER") {
	case "none":
		return false
	case "otlp":
		return true
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// Start makes the Tracer that the environment asks for, nil where it asks for none.
// Where to, how often and under which name are the OTEL_* variables' to say; the
// protocol is http/protobuf. stop sends what is left, until ctx ends.
func Start(ctx context.Context, service, version string, logger *slog.Logger) (t *Tracer, stop func(context.Context) error, err error) {
	if !Wanted() {
		return nil, func(context.Context) error { return nil }, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, nil, err
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", service), attribute.String("service.version", version)),
		resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil {
		return nil, nil, err
	}
	// What cannot be sent is dropped and told, and nobody waits for it.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { logger.Warn("traces are not sent", "error", err) }))
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	return New(provider), provider.Shutdown, nil
}
