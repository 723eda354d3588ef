package rebuild

import (
	"bytes"
	"cmp"
	"slices"
	"sync"

	"sical-backend/projections"
)

// row is one row of the view with its key; its value is nil where there is none.
type row struct {
	key   projections.Key
	value projections.Row
}

// runs are rows, each run in the order of its keys; take merges them. Rows that are written
// in order make the table and its indexes better ordered.
type runs [][]row

// sorted takes the rows out of the folders.
func (p *pass) sorted() runs {
	var group sync.WaitGroup
	all := make(runs, len(p.folders))
	for i, f := range p.folders {
		group.Go(func() {
			all[i] = slices.DeleteFunc(f.rows, func(r row) bool { return r.value == nil })
			f.rows, f.index, f.twins = nil, nil, nil
			slices.SortFunc(all[i], func(a, b row) int { return compareKeys(a.key, b.key) })
		})
	}
	group.Wait()
	return all
}

// count is how many rows are left.
func (r runs) count() (n int) {
	for _, run := range r {
		n += len(run)
	}
	return n
}

// take moves the next rows into to, as far as that has room, and lets go of them.
func (r runs) take(to []row) []row {
	for to = to[:0]; len(to) < cap(to); {
		least := -1
		for i, run := range r {
			if len(run) > 0 && (least < 0 || compareKeys(run[0].key, r[least][0].key) < 0) {
				least = i
			}
		}
		if least < 0 {
			break
		}
		to = append(to, r[least][0])
		r[least][0].value = nil
		r[least] = r[least][1:]
	}
	return to
}

func compareKeys(a, b projections.Key) int {
	return cmp.Or(bytes.Compare(a.A[:], b.A[:]), bytes.Compare(a.B[:], b.B[:]))
}
