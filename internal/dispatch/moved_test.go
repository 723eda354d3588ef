package dispatch

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/command"
	"sical-backend/events"
	"sical-backend/internal/postgres"
	"sical-backend/internal/testkit"
)

// things is what ana has for others to see: a goal with a comment on it, and a path.
type things struct{ ana, ben, goal, comment, path events.ID }

func (w things) post(to *events.ID) *command.PostComment {
	return &command.PostComment{Of: of(uuid.New()), TargetType: events.TargetGoal, TargetID: w.goal, Text: "好", ReplyTo: to}
}

func (w things) comments() *Request { return request("comment.post", w.post(nil), w.ben) }
func (w things) replies() *Request  { return request("comment.post", w.post(&w.comment), w.ben) }
func (w things) attaches() *Request {
	return request("goal.create", &command.CreateGoal{Of: of(uuid.New()), Title: "学习", Paths: []events.ID{w.path}}, w.ben)
}

func (w things) revised(c command.ReviseGoal) *Request {
	c.Of = of(w.goal)
	return request("goal.revise", &c, w.ana)
}
func (w things) shut() *Request {
	return w.revised(command.ReviseGoal{Visibility: new(events.Private)})
}
func (w things) renamed() *Request { return w.revised(command.ReviseGoal{Title: new("树")}) }
func (w things) edited() *Request {
	return request("comment.edit", &command.EditComment{Of: of(w.comment), Text: "还好"}, w.ana)
}
func (w things) hidden() *Request {
	return request("comment.hide", &command.HideComment{Of: of(w.comment)}, uuid.Nil)
}
func (w things) archived() *Request {
	return request("path.archive", &command.ArchivePath{Of: of(w.path)}, uuid.Nil)
}

// What a decision relies on is as it read it, also where another process changes it just
// before the append: nobody speaks of what they can no longer see. A change that takes
// nothing away refuses nobody.
func TestWhatIsReliedOnHasNotMoved(t *testing.T) {
	t.Parallel()
	url := testkit.Database(t, migrated).URL(postgres.RoleCommand)
	other := process(t, url)
	w := things{ana: uuid.New(), ben: uuid.New()}
	do := func(r *Request) { require.NoError(t, other.Do(t.Context(), r).Err) }
	do(register(w.ana, "ana"))
	do(register(w.ben, "ben"))
	for name, c := range map[string]struct {
		change, asked func(things) *Request
		want          string // code of the refusal
	}{
		"comment on a goal made private": {things.shut, things.comments, "unknown_target"},
		"comment on a renamed goal":      {things.renamed, things.comments, ""},
		"reply on a goal made private":   {things.shut, things.replies, "unknown_target"},
		"reply to a hidden comment":      {things.hidden, things.replies, "unknown_comment"},
		"reply to an edited comment":     {things.edited, things.replies, ""},
		"comment beside a hidden one":    {things.hidden, things.comments, ""},
		"attach an archived path":        {things.archived, things.attaches, "unknown_path"},
	} {
		t.Run(name, func(t *testing.T) {
			w.goal, w.path = uuid.New(), uuid.New()
			do(request("goal.create", &command.CreateGoal{Of: of(w.goal), Title: "图论", Visibility: events.Public}, w.ana))
			first := w.post(nil)
			w.comment = first.ID
			do(request("comment.post", first, w.ana))
			do(request("path.create", &command.CreatePath{Of: of(w.path), Title: "图"}, uuid.Nil))
			do(request("path.publish", &command.PublishPath{Of: of(w.path)}, uuid.Nil))
			d := traced(t, url, &before{name: "append events", do: func() { do(c.change(w)) }})
			v := d.Do(t.Context(), c.asked(w))
			require.Equal(t, c.want, code(v.Err))
			require.Equal(t, c.want == "", v.Err == nil, v.Err)
		})
	}
}
