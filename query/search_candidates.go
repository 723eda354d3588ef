package query

import (
	"slices"
	"time"

	"sical-backend/internal/vault"
	"sical-backend/projections"
)

// candidate is a goal that may be what is searched for.
type candidate struct {
	row         *projections.GoalRow
	opened, has bool // whether it was looked into, and has the words
}

// candidates are goals in the order of their lists.
type candidates struct {
	list []candidate
	more bool // there are older ones, which were not read
}

// candidatesOf are those of a page. has tells which have the words, nil where nobody has
// looked into them.
func candidatesOf(page *rowPage[projections.GoalRow], has []bool) candidates {
	c := candidates{list: make([]candidate, len(page.rows)), more: page.next != ""}
	for i, r := range page.rows {
		c.list[i].row = r
		if has != nil {
			c.list[i].opened, c.list[i].has = true, has[i]
		}
	}
	return c
}

func markOf(r *projections.GoalRow) mark { return mark{r.CreatedAt.Truncate(time.Microsecond), r.ID} }

// newest orders goals as their lists do.
func newest(a, b *projections.GoalRow) int {
	if order := b.CreatedAt.Compare(a.CreatedAt); order != 0 {
		return order
	}
	return slices.Compare(b.ID[:], a.ID[:])
}

// merged puts those of two lists together in order. Where there are more in a list, some that are
// older than its last one may be missing: they are left out.
func merged(a, b candidates) (c candidates) {
	order := func(a, b candidate) int { return newest(a.row, b.row) }
	c.list = slices.Concat(a.list, b.list)
	slices.SortFunc(c.list, order)
	for _, of := range []candidates{a, b} {
		if !of.more {
			continue
		}
		c.more = true
		if end, found := slices.BinarySearchFunc(c.list, of.list[len(of.list)-1], order); found {
			c.list = c.list[:end+1]
		}
	}
	return c
}

// choose takes candidates until as many are found as the seeker wants, and tells after which
// one the search goes on; nil at its end.
func (k *seeker) choose(keys vault.Opener, c candidates) (found []*projections.GoalRow, next *mark, err error) {
	for i, one := range c.list {
		if !one.opened {
			terms, err := termsOf(keys, one.row)
			if err != nil {
				return nil, nil, err
			}
			one.has = terms != nil && k.search.in(terms)
		}
		if one.has {
			found = append(found, one.row)
		}
		last := i == len(c.list)-1
		if len(found) == k.limit && !last || last && c.more {
			m := markOf(one.row)
			return found, &m, nil
		}
	}
	return found, nil, nil
}
