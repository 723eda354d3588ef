package query

import (
	"strconv"

	"github.com/jackc/pgx/v5"

	"sical-backend/events"
	"sical-backend/internal/reading"
	"sical-backend/projections"
)

// Ranking says which ranks are asked for.
type Ranking struct {
	At       events.Date // the reference day: what was done later does not count
	Category string      // only subjects of it, where not empty
	Limit    int         // subjects, at least 1
	Explain  bool        // whether each is to say what it is made of
}

func (r Ranking) key(name string) string {
	return key(name, r.At.String(), r.Category, strconv.Itoa(r.Limit), strconv.FormatBool(r.Explain))
}

// LearnersOn is one day's part in a score.
type LearnersOn struct {
	Day      events.Date `json:"day"`
	Learners int64       `json:"learners" doc:"each once, whatever they did that day"`
	Weight   int64       `json:"weight" doc:"of each of them, in millionths"`
}

// rankedRow is a subject with its score.
type rankedRow[R any] struct {
	row         *R
	score       int64
	learnerDays int64
	learners    int64 // distinct ones
	madeOf      []LearnersOn
}

// rank queues ranking the subjects of a view by daily sums of another, the highest
// score first and the lowest id among equals; Send fills what it returns. only is
// a condition on the subjects.
//
// The sums are named by kind, day, subject and the gap until the learners' next day, by
// which one who came on several days is told from several who came on one.
func rank[R any](s *reading.Snapshot, d decay, kind string, sums *projections.View, subjects projections.ViewOf[R], only string, r Ranking) *[]rankedRow[R] {
	found := &[]rankedRow[R]{}
	weights := d.weights()
	condition := ""
	if only != "" {
		condition += " and " + only
	}
	if r.Category != "" {
		condition += " and category = $7"
	} else {
		condition += " and $7 = ''"
	}
	// The limit in the innermost query has the subjects looked up one by one: read
	// from end to end, their table would cost more than the sums.
	s.Queue(`-- rank `+sums.Name+`
		with seen as (
			select split_part(name, E'\x1f', 3)::uuid as id, $3 - (split_part(name, E'\x1f', 2)::date - date '1970-01-01') as age,
				split_part(name, E'\x1f', 4)::int as gap, value
			from `+s.Totals(sums)+` where name >= $1 and name < $2
		), daily as (
			select id, age, sum(value)::bigint as learners, coalesce(sum(value) filter (where gap > age), 0)::bigint as last
			from seen group by id, age having sum(value) <> 0
		), scored as (
			select id, sum(learners * ($4::bigint[])[age + 1])::bigint as score, sum(learners)::bigint as learner_days, sum(last)::bigint as learners,
				case when $5 then array_agg(age order by age) end as ages, case when $5 then array_agg(learners order by age) end as parts
			from daily group by id
		)
		select t.doc, score, learner_days, learners, ages, parts
		from scored, lateral (select doc from `+s.Table(subjects.View)+` t where t.id = scored.id`+condition+` limit 1) t
		order by score desc, scored.id limit $6`,
		projections.Daily(kind, d.first(r.At)), projections.Daily(kind, r.At+1), int32(r.At), weights, r.Explain, r.Limit, r.Category).
		Query(func(rows pgx.Rows) error {
			var doc []byte
			var one rankedRow[R]
			var ages []int32
			var parts []int64
			_, err := pgx.ForEachRow(rows, []any{&doc, &one.score, &one.learnerDays, &one.learners, &ages, &parts}, func() (err error) {
				one.row, err = subjects.Decode(doc)
				one.madeOf = nil
				for i, age := range ages {
					one.madeOf = append(one.madeOf, LearnersOn{r.At - events.Date(age), parts[i], weights[age]})
				}
				*found = append(*found, one)
				return err
			})
			return err
		})
	return found
}
