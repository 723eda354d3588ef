// Package projections holds the read models, one file each: the row, the events
// that touch it, the pure fold, the totals it adds up to, and the columns and
// indexes its questions need. How rows reach Postgres is not its business: the
// same fold runs live, in a rebuild, in a look back and in a verification.
//
// A view is found by its name in Views. Changing what a fold does means raising
// its version: a golden file per view fails otherwise.
package projections
