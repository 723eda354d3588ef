package api

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"sical-backend/internal/live"
	"sical-backend/internal/web"
)

// Ticket lets a browser open a live stream, whose URL must hold no token.
type Ticket struct {
	Ticket    string `json:"ticket" doc:"for GET /v1/stream, once"`
	ExpiresIn int    `json:"expires_in" doc:"seconds it can be used"`
}

// ticket gives a ticket to whoever asks. The stream ends with their token.
func (a *API) ticket(c echo.Context) error {
	p, err := web.RequirePrincipal(c)
	if err != nil {
		return err
	}
	if c.Request().ContentLength != 0 {
		if err := web.DecodeStrict(c.Request(), maxBody, &struct{}{}); err != nil {
			return err
		}
	}
	var ticket string
	err = a.admitted(c, func(ctx context.Context) (err error) {
		ticket, err = a.Tickets.Give(ctx, live.Holder{
			User: p.UserID, Session: p.SessionID, Role: p.Role, Generation: p.Generation, Ends: p.Expires,
		})
		return err
	})
	if err != nil {
		return problem(err)
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusCreated, Ticket{ticket, int(live.TicketLife / time.Second)})
}
