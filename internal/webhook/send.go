package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/reaction"
	"sical-backend/internal/web"
)

const (
	maxAnswer = 16 << 10        // bytes of an answer that are read, so that its connection can serve again
	maxLogged = 100             // attempts of a webhook that are kept
	maxReason = 500             // characters of why one failed, in which the receiver may have its say
	patience  = 5 * time.Second // of one exchange with the database
)

// React delivers one event to one webhook.
func (w *Webhooks) React(ctx context.Context, id, incarnation events.ID, e events.Event) error {
	text, err := body(e, incarnation)
	if err != nil {
		return err
	}
	keys, err := w.secrets(ctx, id)
	if err != nil {
		return err
	}
	begun := w.cfg.Now()
	status, err := w.post(ctx, w.endpoint(id).url, e, text, keys)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	w.note(ctx, id, e, begun, status, err)
	if status == http.StatusGone {
		return fmt.Errorf("%w: it answered 410 Gone", reaction.ErrUnwanted)
	}
	return err
}

// post sends the body and returns the answer's status, 0 for none.
func (w *Webhooks) post(ctx context.Context, to string, e events.Event, text []byte, keys [][]byte) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(text))
	if err != nil {
		return 0, plain(err)
	}
	id, at := e.ID.String(), w.cfg.Now()
	h := request.Header
	h.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	h.Set("User-Agent", "sical-webhooks")
	// In the spelling of the specification; receivers ignore case.
	h["webhook-id"], h["webhook-timestamp"] = []string{id}, []string{strconv.FormatInt(at.Unix(), 10)}
	h["webhook-signature"] = []string{signature(keys, id, at, text)}
	answer, err := w.cfg.Client.Do(request)
	if err != nil {
		return 0, plain(err)
	}
	defer answer.Body.Close()
	// What it says does not matter.
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer)
	if answer.StatusCode/100 != 2 {
		return answer.StatusCode, fmt.Errorf("it answered %d", answer.StatusCode)
	}
	return answer.StatusCode, nil
}

// plain is why a call failed, in at most maxReason characters, without the address,
// whose query may be a secret, and without what a name inside resolves to.
func plain(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		if wrapped.Timeout() {
			return errors.New("it did not answer in time")
		}
		err = wrapped.Err
	}
	var refused web.AddressError
	if errors.As(err, &refused) {
		return errors.New("its address is not outside, and its network is not allowed")
	}
	return fmt.Errorf("%.*s", maxReason, err)
}

// note keeps the attempt among the latest. What cannot be noted does not matter
// enough to deliver twice for.
func (w *Webhooks) note(ctx context.Context, id events.ID, e events.Event, begun time.Time, status int, failure error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.patience)
	defer cancel()
	var reason, code any
	if failure != nil {
		reason = postgres.Text(failure.Error()) // parts of it come from the receiver
	}
	if status != 0 {
		code = status
	}
	_, err := w.cfg.Pool.Exec(ctx, `-- note webhook_delivery
		with pruned as (
			delete from sical.webhook_delivery where webhook = $1 and id <= (
				select d.id from sical.webhook_delivery d where d.webhook = $1 order by d.id desc offset $8 limit 1)
		)
		insert into sical.webhook_delivery (webhook, position, event_id, type, took_ms, status, error)
		values ($1, $2, $3, $4, $5, $6, $7)`,
		id, e.Position, e.ID, e.Type, w.cfg.Now().Sub(begun).Milliseconds(), code, reason, maxLogged-1)
	if err != nil {
		w.cfg.Logger.WarnContext(ctx, "delivery not noted", "webhook", id, "error", err)
	}
}
