package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
)

// overlap is how long a delivery is signed with the secret before as well.
const overlap = 24 * time.Hour

// errNoSecret is returned for a webhook that was deleted meanwhile.
var errNoSecret = errors.New("the webhook has no secret")

// secrets are the keys to sign with, the current one first. It has an end of its own: the lease
// is renewed meanwhile, so that nobody else would deliver while this waits for a server that is gone.
func (w *Webhooks) secrets(ctx context.Context, id events.ID) ([][]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, w.patience)
	defer cancel()
	var sealed, previous []byte
	var changed time.Time
	err := w.cfg.Pool.QueryRow(ctx, `-- read webhook_secret
		select sealed, previous, changed_at from sical.webhook_secret where webhook = $1`, id).
		Scan(&sealed, &previous, &changed)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errNoSecret
	}
	if err != nil {
		return nil, fmt.Errorf("the secret cannot be read: %w", err)
	}
	if w.cfg.Now().Sub(changed) > overlap {
		previous = nil
	}
	var keys [][]byte
	for _, s := range [][]byte{sealed, previous} {
		if s == nil {
			continue
		}
		key, err := w.cfg.Vault.OpenSecret(id, s)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// signature is the value of webhook-signature: one for each key, by spaces apart.
func signature(keys [][]byte, id string, at time.Time, body []byte) string {
	signatures := make([]string, len(keys))
	for i, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(signatures, " ")
}
