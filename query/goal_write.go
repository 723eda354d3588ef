package query

import "sical-backend/internal/jsonwriter"

// Goals are what most answers consist of, a profile's and lists' among them: json.Marshal took
// a tenth of the processor time of one that memory does not have. What is written here is
// what the types' tags say.

func (g *Goal) write(w *jsonwriter.Writer) {
	w.Begin('{')
	w.Name("id").ID(g.ID)
	w.Name("version").Int(g.Version)
	w.Name("owner_id").ID(g.Owner)
	w.Name("title").Text(g.Title)
	w.Optional("description", g.Description)
	w.Optional("category", g.Category)
	w.Name("status").Text(string(g.Status))
	if g.TargetDate != nil {
		w.Name("target_date").Text(g.TargetDate.String())
	}
	w.Name("visibility").Text(string(g.Visibility))
	w.Name("progress")
	g.Progress.write(w)
	w.Name("created_at").Time(g.CreatedAt)
	w.Name("updated_at").Time(g.UpdatedAt)
	w.OptionalTime("ended_at", g.EndedAt)
	if g.Paths != nil {
		w.Name("paths").Begin('[')
		for i := range g.Paths {
			g.Paths[i].write(w)
		}
		w.End(']')
	}
	w.End('}')
}

func (p *GoalProgress) write(w *jsonwriter.Writer) {
	if p == nil {
		w.Null()
		return
	}
	w.Begin('{')
	w.Name("completed").Int(p.Completed)
	w.Name("total").Int(p.Total)
	w.Name("percent")
	if p.Percent == nil {
		w.Null()
	} else {
		w.Int(*p.Percent)
	}
	w.End('}')
}

func (p *GoalPath) write(w *jsonwriter.Writer) {
	w.Begin('{')
	w.Name("id").ID(p.ID)
	w.Name("title").Text(p.Title)
	w.Optional("category", p.Category)
	w.Name("status").Text(string(p.Status))
	w.Name("points").Begin('[')
	for i := range p.Points {
		p.Points[i].write(w)
	}
	w.End(']')
	w.End('}')
}

func (p *GoalPoint) write(w *jsonwriter.Writer) {
	w.Begin('{')
	w.Name("id").ID(p.ID)
	w.Name("title").Text(p.Title)
	w.Optional("category", p.Category)
	w.Name("difficulty_level").Int(p.Difficulty)
	if p.Minutes != 0 {
		w.Name("estimated_minutes").Int(p.Minutes)
	}
	w.Name("completed")
	if p.Completed == nil {
		w.Null()
	} else {
		w.Bool(*p.Completed)
	}
	w.End('}')
}
