package vault

import (
	"context"
	"crypto/hmac"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sical-backend/events"
	"sical-backend/internal/postgres"
)

// ErrOtherMaster is returned where a database was begun with another master key.
var ErrOtherMaster = errors.New("this is not the master key that the database was begun with")

// Begun tells whether a database was begun with a master key, so that one made now
// would be another.
func Begun(ctx context.Context, pool *pgxpool.Pool) (begun bool, err error) {
	err = pool.QueryRow(ctx, `-- find master_key
		select exists (select from sical.master_key) or exists (select from sical.events)`).Scan(&begun)
	return begun, err
}

// Recognize fails with ErrOtherMaster where the database was begun with another master
// key than the vault's. A database that knows of none knows this one from then on.
func (v *Vault) Recognize(ctx context.Context) error {
	known, err := v.known(ctx)
	if errors.Is(err, pgx.ErrNoRows) {
		known, err = v.introduce(ctx)
	}
	if err == nil && !hmac.Equal(known, v.fingerprint) {
		return ErrOtherMaster
	}
	return err
}

// known is the fingerprint that the database has.
func (v *Vault) known(ctx context.Context) (fingerprint []byte, err error) {
	err = v.pool.QueryRow(ctx, `-- read master_key
		select fingerprint from sical.master_key`).Scan(&fingerprint)
	return fingerprint, err
}

// introduce has the database know this key, unless another process was first, and
// returns the one it knows then. A database from before keys were known by anything
// has people's keys, which only the right one opens.
func (v *Vault) introduce(ctx context.Context) ([]byte, error) {
	if err := v.tryOne(ctx); err != nil {
		return nil, err
	}
	_, err := v.pool.Exec(ctx, `-- introduce master_key
		insert into sical.master_key (fingerprint) values ($1) on conflict do nothing`, v.fingerprint)
	if postgres.ReadOnly(err) {
		return v.fingerprint, nil // a standby: whoever writes will introduce it
	}
	if err != nil {
		return nil, err
	}
	return v.known(ctx)
}

// tryOne opens the key of anyone there is.
func (v *Vault) tryOne(ctx context.Context) error {
	var anyone events.ID
	err := v.pool.QueryRow(ctx, `-- try subject_key
		select subject from sical.subject_key limit 1`).Scan(&anyone)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	keys, err := v.read(ctx, []events.ID{anyone})
	if key, stands := keys[anyone]; err == nil && stands && key == nil {
		return ErrOtherMaster
	}
	return err
}
