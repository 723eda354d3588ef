package rebuild

import (
	"fmt"
	"strings"

	"sical-backend/projections"
)

// shown is how many differences are kept to be shown.
const shown = 10

// Difference is a row or a sum that is not what it ought to be.
type Difference struct {
	Key   string `json:"key,omitempty"`   // of a row
	Total string `json:"total,omitempty"` // name of a sum
	Want  string `json:"want"`            // "" for nothing
	Got   string `json:"got"`
}

// Outcome is what a comparison found.
type Outcome struct {
	Position    uint64       `json:"position"`         // the least of the positions it was made at
	Rows        int64        `json:"rows"`             // compared
	Totals      int64        `json:"totals"`           // compared
	Skipped     int64        `json:"skipped,omitzero"` // keys left out, as one of the two has not folded them yet
	Differences int64        `json:"differences"`
	First       []Difference `json:"first,omitempty"` // some of them
	// Sample is the number of rows that were asked for; 0 for all.
	Sample int `json:"sample,omitzero"`
}

// Equal tells whether nothing differs.
func (o *Outcome) Equal() bool { return o.Differences == 0 }

func (o *Outcome) differ(d Difference) {
	o.Differences++
	if len(o.First) < shown {
		o.First = append(o.First, d)
	}
}

// row compares two rows, of which one may be missing.
func (o *Outcome) row(k projections.Key, want, got stored) {
	o.Rows++
	if !want.same(got) {
		o.differ(Difference{Key: k.String(), Want: want.String(), Got: got.String()})
	}
}

// total compares two values of a sum, 0 where it is missing.
func (o *Outcome) total(name string, want, got int64) {
	o.Totals++
	if want != got {
		o.differ(Difference{Total: strings.ReplaceAll(name, "\x1f", "|"), Want: fmt.Sprint(want), Got: fmt.Sprint(got)})
	}
}
