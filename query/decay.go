package query

import (
	"math"

	"sical-backend/events"
)

// decay is how what a learner did on a day counts for less as the days go by.
type decay struct {
	halfLife int // days until it counts for half
	span     int // days after which it does not count at all
}

// unit is the weight of what was done on the reference day itself. Weights are
// whole numbers, so that their sums do not depend on the order of adding.
const unit = 1_000_000

// weights are those of the days by their age, beginning with the reference day.
func (d decay) weights() []int64 {
	weights := make([]int64, d.span)
	for age := range weights {
		weights[age] = int64(math.Round(unit * math.Exp2(-float64(age)/float64(d.halfLife))))
	}
	return weights
}

// first is the first day that counts at a reference day.
func (d decay) first(at events.Date) events.Date { return at - events.Date(d.span) + 1 }
