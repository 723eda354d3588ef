package oulad

import (
	"math"

	"sical-backend/command"
)

// click is what identical lines have in common within one day.
type click struct {
	student, site, amount int
}

// occurrences numbers identical lines, which the data holds rightly: the same
// page, visited again. The file goes through a presentation day by day, so only
// one day's lines are kept; a file that comes back to a day begins another run
// of it, whose lines are told apart by the run's number.
type occurrences struct {
	today date
	seen  map[click]int
	runs  map[date]int
}

// date is a day of a presentation.
type date struct {
	presentation *presentation
	day          int
}

// next is the number of the day's run, and of c in it, each from 1.
func (o *occurrences) next(p *presentation, day int, c click) (run, nth int) {
	if today := (date{p, day}); o.today != today {
		o.today = today
		o.runs[today]++
		clear(o.seen)
	}
	o.seen[c]++
	return o.runs[o.today], o.seen[c]
}

// study gives the clicks, a command for each line.
func (s *source) study(yield func(Line, error) bool) {
	o := occurrences{seen: map[click]int{}, runs: map[date]int{}}
	for r, err := range s.table(s.files[studentVle], "code_module", "code_presentation", "id_student", "id_site", "date", "sum_click") {
		if err != nil {
			yield(Line{}, err)
			return
		}
		p, site, day, amount := r.presentation(s, 0), r.key(3), r.day(4), r.number(5, 1, math.MaxInt32)
		e := r.enrolment(s, p, 2)
		g := s.pages[site]
		if g == nil || g.presentation != p {
			r.fail("page %d is not one of the presentation", site)
		}
		if r.refused() {
			continue
		}
		run, nth := o.next(p, day, click{e.student.number, site, amount})
		at := p.at(day)
		id := derived(at, "study.record %s %d %d %d %d %d %d", p.name(), day, e.student.number, site, amount, run, nth)
		record := &command.RecordStudy{Of: command.Of{ID: g.id}, Amount: new(int64(amount)), Kind: "click"}
		if !yield(Line{r.Place, id, "study.record", e.student.id, at, record}, nil) {
			return
		}
	}
}
