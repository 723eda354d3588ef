package reading

import (
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/projections"
)

// taker takes a row as the server sent it, its id and its doc, which are good until the next.
// Ids come as their bytes: those modes of pgx in which all is text cannot send a list of ids.
type taker func(id, doc []byte) error

// taking is take as a taker.
func taking(take func(id events.ID, doc []byte) error) taker {
	return func(raw, doc []byte) error {
		id, err := uuid.FromBytes(raw)
		if err != nil {
			return err
		}
		return take(id, doc)
	}
}

// decoding is a taker that has take given rows.
func decoding[R any](v projections.ViewOf[R], take func(id events.ID, row *R)) taker {
	return taking(func(id events.ID, doc []byte) error {
		row, err := v.Decode(doc)
		if err == nil {
			take(id, row)
		}
		return err
	})
}

// each gives f what the server sent for each of the rows, as it came. To have pgx scan an id
// and a doc, of which only the bytes are wanted, took longer than to decode a small row.
func each(rows pgx.Rows, f func(raw [][]byte) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.RawValues()); err != nil {
			return err
		}
	}
	return rows.Err()
}
