package oulad

import (
	"fmt"
	"strconv"
	"time"

	"sical-backend/events"
)

// source is one folder of the data: its small tables in memory, its two big
// ones read as they are asked for.
type source struct {
	dir    string
	report *Report
	files  map[string]string // by table

	ordered       []*presentation
	presentations map[[2]string]*presentation // by module and code
	pages         map[int]*page
	assessments   map[int]*assessment
	students      []*student // in the order of their first enrolment
	enrolments    []*enrolment
	enrolled      map[enrolmentKey]*enrolment
}

// presentation is one run of a module, such as AAA of October 2013.
type presentation struct {
	Place
	module, code string
	id           events.ID
	start, end   time.Time
	opened       time.Time // the first registration, or start where that is earlier
	pages        []*page
}

func (p *presentation) name() string { return p.module + " " + p.code }

// at is the instant that a day of the presentation begins.
func (p *presentation) at(day int) time.Time { return p.start.AddDate(0, 0, day) }

// page is a page of a presentation's virtual learning environment.
type page struct {
	Place
	site         int
	id           events.ID
	presentation *presentation
	activity     string
}

type student struct {
	Place
	number int
	id     events.ID
	since  time.Time // the earliest registration
}

// The tables, by the names of their files.
const (
	courses             = "courses"
	vle                 = "vle"
	assessmentsTable    = "assessments"
	studentInfo         = "studentInfo"
	studentRegistration = "studentRegistration"
	studentAssessment   = "studentAssessment"
	studentVle          = "studentVle"
)

// load reads the small tables. It fails where a file is missing or unreadable.
func load(dir string, report *Report) (*source, error) {
	s := &source{dir: dir, report: report, files: map[string]string{}}
	for _, table := range []string{courses, vle, assessmentsTable, studentInfo, studentRegistration, studentAssessment, studentVle} {
		file, err := find(dir, table)
		if err != nil {
			return nil, err
		}
		s.files[table] = file
	}
	for _, read := range []func() error{s.loadPresentations, s.loadPages, s.loadAssessments, s.loadEnrolments, s.loadRegistrations} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *source) loadPresentations() error {
	s.presentations = map[[2]string]*presentation{}
	for r, err := range s.table(s.files[courses], "code_module", "code_presentation", "module_presentation_length") {
		if err != nil {
			return err
		}
		p := &presentation{Place: r.Place, module: r.word(0), code: r.word(1)}
		length := r.number(2, 1, maxDay)
		if p.start, err = startOf(p.code); err != nil {
			r.fail("%w", err)
		}
		key := [2]string{p.module, p.code}
		if twin := s.presentations[key]; twin != nil {
			r.fail("the presentation stands in line %d already", twin.Number)
		}
		if r.refused() {
			continue
		}
		p.id = derived(p.start, "path %s", p.name())
		p.end, p.opened = p.at(length), p.start
		s.presentations[key] = p
		s.ordered = append(s.ordered, p)
	}
	return nil
}

// startOf is day 0 of a presentation's code: a year and the letter of a month.
func startOf(code string) (time.Time, error) {
	months := map[string]time.Month{"B": time.February, "J": time.October}
	if len(code) == len("2013B") {
		month, known := months[code[4:]]
		year, err := strconv.Atoi(code[:4])
		if known && err == nil && year >= 1970 {
			return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC), nil
		}
	}
	return time.Time{}, fmt.Errorf("the presentation %q is not a year with B or J", code)
}

func (s *source) loadPages() error {
	s.pages = map[int]*page{}
	for r, err := range s.table(s.files[vle], "code_module", "code_presentation", "id_site", "activity_type") {
		if err != nil {
			return err
		}
		g := &page{Place: r.Place, presentation: r.presentation(s, 0), site: r.key(2), activity: r.word(3)}
		if twin := s.pages[g.site]; twin != nil {
			r.fail("the page stands in line %d already", twin.Number)
		}
		if r.refused() {
			continue
		}
		g.id = derived(g.presentation.start, "point %s %d", g.presentation.name(), g.site)
		g.presentation.pages = append(g.presentation.pages, g)
		s.pages[g.site] = g
	}
	return nil
}
