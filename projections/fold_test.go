package projections

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"sical-backend/events"
)

// drawLog draws a history: few aggregates, so that they are changed often; its
// facts in any order after each beginning, as folds must not rely on the
// deciders' rules.
func drawLog(t *rapid.T) []events.Event {
	versions := map[events.Stream]int{}
	var log []events.Event
	for range rapid.IntRange(1, 60).Draw(t, "length") {
		drawn := rapid.SampledFrom(later).Draw(t, "type")
		of := drawn.GoType()
		s := events.StreamOf(drawn.Kind(), id(rapid.IntRange(1, 3).Draw(t, "aggregate")))
		if s.Kind() == events.KindCurriculum {
			s = events.Curriculum
		}
		if begins := beginnings[s.Kind()]; versions[s] == 0 && begins != nil {
			of = begins
		}
		data := drawFact(t, of)
		versions[s]++
		e := events.Event{
			Position: uint64(len(log) + 1), Stream: s, Version: versions[s],
			Type: events.TypeOf(data).Name, Schema: events.TypeOf(data).Schema, Data: data,
			Owner:      id(len(s) % 3),
			OccurredAt: time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "at"), 0),
		}
		log = append(log, e)
	}
	return log
}

func id(n int) events.ID { return events.ID{6: 0x70, 8: 0x80, 15: byte(n)} }

// TestRowsAndTotals folds random histories: the rows come out the same however
// often they are stored in between, and the totals kept by differences are those
// of a recount.
func TestRowsAndTotals(t *testing.T) {
	t.Parallel()
	for _, v := range Views() {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				log := drawLog(t)
				once, stored := newTable(v), newTable(v)
				for _, e := range log {
					once.apply(e)
					stored.apply(e)
					for _, key := range v.Touches(e) {
						stored.restore(t, key)
					}
				}
				require.Equal(t, once.docs(t), stored.docs(t))
				require.Equal(t, recount(v, once.rows), nonzero(once.totals))
			})
		})
	}
}

// restore passes a row through its stored form.
func (tb *table) restore(t require.TestingT, key Key) {
	row := tb.rows[key]
	if row == nil {
		return
	}
	doc, err := tb.view.Encode(row)
	require.NoError(t, err)
	tb.rows[key], err = tb.view.Decode(doc)
	require.NoError(t, err)
	again, err := tb.view.Encode(tb.rows[key])
	require.NoError(t, err)
	require.Equal(t, string(doc), string(again))
}

func nonzero(totals map[string]int64) map[string]int64 {
	maps.DeleteFunc(totals, func(_ string, n int64) bool { return n == 0 })
	return totals
}

// recount counts the rows as a reader of the table would.
func recount(v *View, rows map[Key]Row) map[string]int64 {
	n := map[string]int64{}
	count := func(scope, status, category string) {
		n[scope+"\x1f"+status+"\x1f"]++
		if category != "" {
			n[scope+"\x1f"+status+"\x1f"+category]++
		}
	}
	daily := func(kind string, at time.Time, more ...string) {
		n[strings.Join(append([]string{kind, at.UTC().Format(time.DateOnly)}, more...), "\x1f")]++
	}
	for _, row := range rows {
		switch r := row.(type) {
		case *UserRow:
			count("all", string(r.Status), "")
			daily("created", r.CreatedAt)
		case *GoalRow:
			daily("created", r.CreatedAt)
			if r.EndedAt != nil {
				daily(string(r.Status), *r.EndedAt)
			}
			count("all", string(r.Status), "")
			count("of/"+r.Owner.String(), string(r.Status), r.Category)
			if r.Visibility == "public" {
				count("public", string(r.Status), r.Category)
				count("public/of/"+r.Owner.String(), string(r.Status), r.Category)
			}
		case *PathRow:
			daily("created", r.CreatedAt)
			if r.PublishedAt != nil {
				daily("published", *r.PublishedAt)
			}
			if r.Status == "published" {
				count("all", "published", r.Category)
			} else {
				count("all", string(r.Status), "")
			}
		case *PointRow:
			daily("created", r.CreatedAt)
			count("all", strconv.Itoa(r.Difficulty), r.Category)
		case *ProgressRow:
			state := "learning"
			if r.CompletedAt != nil {
				state = "learnt"
				daily("learnt", *r.CompletedAt)
			}
			for i, day := range r.Days {
				daily("busy", day.Time(), r.Point.String(), gap(r.Days, i, 70))
			}
			count("all", state, "")
			count("of/"+r.Learner.String(), state, "")
			n["amount"] += r.Amount
			n["times"] += r.Times
		case *AssessmentRow:
			daily("created", r.CreatedAt)
			if r.SubmittedAt != nil {
				daily("submitted", *r.SubmittedAt)
			}
			if r.GradedAt != nil {
				daily("graded", *r.GradedAt)
			}
			n["all\x1f"+string(r.Status)+"\x1f"+string(r.Type)]++
			n["of/"+r.Owner.String()+"\x1f"+string(r.Status)+"\x1f"+string(r.Type)]++
			if r.Score != nil && r.MaxScore > 0 {
				n["scored"]++
				n["score_sum"] += int64(math.Round(float64(*r.Score) * 10000 / float64(r.MaxScore)))
			}
		case *CommentRow:
			daily("created", r.CreatedAt)
			count("all", string(r.Status), "")
			count("on/"+string(r.Target.Type)+"-"+r.Target.ID.String(), "", "")
			count("of/"+r.Author.String(), "", "")
		case *ActivityRow:
			for i, day := range r.Days {
				daily("active", day.Time(), gap(r.Days, i, 30))
			}
		case *AttachmentRow:
			var days Days
			for _, g := range r.Goals {
				days.add(g.Since)
			}
			for i, day := range days {
				daily("took", day.Time(), r.Path.String(), gap(days, i, 140))
			}
		case *WebhookRow:
			count("all", "", "")
		default:
			panic(v.Name + " is not recounted")
		}
	}
	return nonzero(n)
}

func gap(days Days, i, longest int) string {
	if i+1 == len(days) {
		return strconv.Itoa(longest)
	}
	return strconv.Itoa(min(longest, int(days[i+1]-days[i])))
}

// TestUnknownEventsAreIgnored: neither an event of a newer binary nor another
// kind of stream's touches a row.
func TestUnknownEventsAreIgnored(t *testing.T) {
	t.Parallel()
	log, _ := fixture(t)
	for _, v := range Views() {
		for _, e := range log {
			if !slices.Contains(v.Events, e.Type) {
				require.Empty(t, v.Touches(e), "%s of %s", e.Type, v.Name)
			}
			e.Type, e.Data = e.Type+"_anew", nil
			require.Empty(t, v.Touches(e), v.Name)
		}
	}
}

// TestZoneOfAnInstant: where an event was read in does not change its rows.
func TestZoneOfAnInstant(t *testing.T) {
	t.Parallel()
	log, _ := fixture(t)
	elsewhere := time.FixedZone("elsewhere", 8*60*60)
	for _, v := range Views() {
		here, there := newTable(v), newTable(v)
		for _, e := range log {
			here.apply(e)
			e.OccurredAt = e.OccurredAt.In(elsewhere)
			there.apply(e)
		}
		require.Equal(t, here.docs(t), there.docs(t), v.Name)
	}
}

// BenchmarkFold folds a history as a projector does: each event into every view,
// with its row's sums before and after.
func BenchmarkFold(b *testing.B) {
	log, _ := fixture(b)
	b.ReportAllocs()
	folded := 0
	for b.Loop() {
		for _, v := range Views() {
			tb := newTable(v)
			for _, e := range log {
				tb.apply(e)
			}
		}
		folded += len(log)
	}
	b.ReportMetric(float64(folded)/b.Elapsed().Seconds(), "events/s")
}
