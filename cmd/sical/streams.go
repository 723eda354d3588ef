package main

import (
	"context"
	"time"

	"sical-backend/internal/auth"
	"sical-backend/internal/cache"
	"sical-backend/internal/live"
	"sical-backend/internal/telemetry"
	"sical-backend/internal/web"
	queryapi "sical-backend/query/api"
)

// How many live streams a process serves, and one user may have in it.
const (
	mostStreams = 10_000
	streamsEach = 20
)

// streams is what live streams need beside answers.
func (a *App) streams(hub *live.Hub, tickets *live.Tickets, positions *cache.Positions) queryapi.StreamConfig {
	dropped, failed := telemetry.Streams(a.registry, hub.Len)
	return queryapi.StreamConfig{
		Hub: hub, Incarnation: positions.Incarnation, Pace: queryapi.Usual,
		Dropped: dropped.Inc, Failed: failed.Inc, Logger: a.logger,
		Take: func(ctx context.Context, ticket string) (web.Principal, error) {
			h, err := tickets.Take(ctx, ticket)
			return web.Principal{UserID: h.User, Role: h.Role, SessionID: h.Session, Generation: h.Generation, Expires: h.Ends}, err
		},
		SessionAlive: func(p web.Principal) bool {
			return time.Now().Before(p.Expires.Add(auth.Leeway)) &&
				!a.revocations.Revoked(auth.Claims{User: p.UserID, Session: p.SessionID, Role: p.Role, Generation: p.Generation})
		},
	}
}
