package postgres

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
)

func TestRefusalsAreToldApart(t *testing.T) {
	t.Parallel()
	for state, want := range map[string][3]bool{
		"22P02": {true, false, false}, "23505": {true, false, false}, "42501": {false, true, false}, "42P01": {false, true, true},
		"0A000": {}, "53100": {}, "57014": {}, "": {},
	} {
		err := fmt.Errorf("view: %w", &pgconn.PgError{Code: state})
		assert.Equal(t, want, [3]bool{AboutData(err), AboutStatement(err), UndefinedTable(err)}, "%q", state)
	}
	for _, err := range []error{nil, errors.New("42P01")} {
		assert.False(t, AboutData(err) || AboutStatement(err) || UndefinedTable(err) || DivisionByZero(err) || UnloggedOnStandby(err), "%v", err)
	}
}
