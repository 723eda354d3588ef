package main

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"sical-backend/internal/monitor"
	"sical-backend/internal/postgres"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/wire"
	"sical-backend/projections"
)

// startMonitor has this process watch the whole system whenever no other does.
func (a *App) startMonitor(ctx context.Context) error {
	p, err := a.pool(ctx, postgres.RoleMonitor, 2, nil)
	if err != nil {
		return err
	}
	js, err := jetstream.New(a.nats.Conn)
	if err != nil {
		return err
	}
	var views []monitor.View
	for _, v := range projections.Views() {
		views = append(views, monitor.View{Name: v.Name, Version: v.Version})
	}
	a.work("monitor", monitor.New(monitor.Config{
		Pool: p, Views: views, Categories: a.Categories, Interval: a.MonitorInterval,
		System: telemetry.NewSystem(a.registry), Logger: a.logger,
		Stream: func(ctx context.Context) (uint64, error) {
			stream, err := js.Stream(ctx, wire.Stream)
			if err != nil {
				return 0, err
			}
			return stream.CachedInfo().State.LastSeq, nil
		},
	}).Run)
	return nil
}
