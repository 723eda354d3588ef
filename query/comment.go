package query

import (
	"context"
	"slices"
	"time"

	"sical-backend/events"
	"sical-backend/internal/reading"
	"sical-backend/projections"
)

// Comment is a comment in its thread.
type Comment struct {
	ID         events.ID            `json:"id"`
	Version    int                  `json:"version" doc:"of the comment, for If-Match"`
	Author     events.ID            `json:"author_id"`
	TargetType events.TargetType    `json:"target_type"`
	TargetID   events.ID            `json:"target_id"`
	ReplyTo    *events.ID           `json:"reply_to,omitempty"`
	Text       *string              `json:"text" doc:"null once deleted, where hidden from the viewer, or where its author is gone"`
	Status     events.CommentStatus `json:"status"`
	CreatedAt  time.Time            `json:"created_at"`
	UpdatedAt  time.Time            `json:"updated_at"`
}

// CommentsOn asks for the comments on a target, in the order of the
// conversation. Load fails with ErrNotFound where the target is not the viewer's
// to see. It fails with ErrCursor.
func (a *Answerer) CommentsOn(v Viewer, target events.Target, page Paging) (Question, error) {
	l := &list{
		name: key("comments on", string(target.Stream())), viewer: key(v.ID.String(), string(v.Role)),
		page: page, oldest: true,
		where:  []match{equals("target_id", target.ID.String()), equals("target_type", string(target.Type))},
		totals: []string{projections.Count(projections.OnTarget(target), "", "")},
	}
	about := targetView(target.Type)
	views := []*projections.View{projections.Comment.View, about}
	q, err := l.question()
	q.Views, q.Deps = projections.Names(views), on(projections.CommentsOn(target), about.RowName(projections.KeyOf(target.ID)))
	q.load = func(ctx context.Context) (Answer, error) {
		var page *rowPage[projections.CommentRow]
		var visible func() (bool, error)
		checkpoints, err := a.reader.Read(ctx, views, func(s *reading.Snapshot) error {
			page = enlist(s, projections.Comment, l)
			visible = a.maySee(ctx, s, v, target)
			return s.Finish(ctx)
		})
		if err != nil {
			return Answer{}, err
		}
		if ok, err := visible(); err != nil {
			return Answer{}, err
		} else if !ok {
			return Answer{Checkpoints: checkpoints}, ErrNotFound
		}
		items, err := a.showComments(ctx, v, page.rows)
		if err != nil {
			return Answer{}, err
		}
		return rendered(Answer{Checkpoints: checkpoints}, Page[Comment]{items, page.next, page.total})
	}
	return q, err
}

// commentViews are a comment's and those in which what it is about may stand.
var commentViews = func() *viewList {
	views := []*projections.View{projections.Comment.View}
	for _, t := range events.Values[events.TargetType]() {
		views = append(views, targetView(t))
	}
	return listViews(views...)
}()

// Comment asks for one comment as it is in its thread. Load fails with ErrNotFound where
// what it is about is not the viewer's to see.
func (a *Answerer) Comment(v Viewer, id events.ID) Question {
	return Question{
		Key: key("comment", raw(id), raw(v.ID), string(v.Role)), Views: commentViews.names,
		Deps: func() []string { return rowDeps(projections.Comment.View, []events.ID{id}) },
		load: func(ctx context.Context) (answer Answer, err error) {
			var r *projections.CommentRow
			var visible func() (bool, error)
			answer.Checkpoints, err = a.reader.Read(ctx, commentViews.views, func(s *reading.Snapshot) error {
				found := reading.Find(s, projections.Comment, id)
				if err := s.Send(ctx); err != nil {
					return err
				}
				if r = found[id]; r != nil && !slices.Contains(events.Values[events.TargetType](), r.Target.Type) {
					r = nil // about what only a newer release knows: nobody may see that here
				}
				if r != nil {
					visible = a.maySee(ctx, s, v, r.Target)
				}
				return s.Finish(ctx)
			})
			if err != nil {
				return Answer{}, err
			}
			if r == nil {
				return answer, ErrNotFound
			}
			answer.Deps = rowDeps(targetView(r.Target.Type), []events.ID{r.Target.ID})
			if ok, err := visible(); err != nil {
				return Answer{}, err
			} else if !ok {
				return answer, ErrNotFound
			}
			shown, err := a.showComments(ctx, v, []*projections.CommentRow{r})
			if err != nil {
				return Answer{}, err
			}
			answer.Version = r.Version
			return rendered(answer, shown[0])
		},
	}
}

// CommentsOf asks for a user's comments, newest first. It fails with ErrNotFound
// for anyone but the user and moderators, as they may stand where others cannot
// see them, and with ErrCursor.
func (a *Answerer) CommentsOf(v Viewer, author events.ID, page Paging) (Question, error) {
	if !v.is(author) && !v.mayModerate() {
		return Question{}, ErrNotFound
	}
	l := &list{
		name: key("comments of", author.String()), viewer: key(v.ID.String(), string(v.Role)), page: page,
		where:  []match{equals("author_id", author.String())},
		totals: []string{projections.Count(projections.OfUser(author), "", "")},
	}
	return ask(a, projections.Comment, l, projections.CommentsOf(author), func(ctx context.Context, rows []*projections.CommentRow) ([]Comment, error) {
		return a.showComments(ctx, v, rows)
	})
}

// targetView is the view in which targets of a type stand.
func targetView(t events.TargetType) *projections.View {
	switch t {
	case events.TargetGoal:
		return projections.Goal.View
	case events.TargetPath:
		return projections.Path.View
	case events.TargetPoint:
		return projections.Point.View
	case events.TargetAssessment:
		return projections.Assessment.View
	}
	panic("query: no view of what a comment is about: " + string(t))
}

// maySee queues reading a target; once sent, the function it returns tells
// whether the viewer may see it.
func (a *Answerer) maySee(ctx context.Context, s *reading.Snapshot, v Viewer, target events.Target) func() (bool, error) {
	switch target.Type {
	case events.TargetGoal:
		found := reading.Find(s, projections.Goal, target.ID)
		return func() (bool, error) {
			r := found[target.ID]
			if !v.maySeeGoal(r) {
				return false, nil
			}
			_, ok, err := a.open(ctx, r.Owner, r.Title)
			return ok, err
		}
	case events.TargetPath:
		found := reading.Find(s, projections.Path, target.ID)
		return func() (bool, error) { r := found[target.ID]; return r != nil && v.maySeePath(r), nil }
	case events.TargetPoint:
		found := reading.Find(s, projections.Point, target.ID)
		return func() (bool, error) { return found[target.ID] != nil, nil }
	case events.TargetAssessment:
		found := reading.Find(s, projections.Assessment, target.ID)
		return func() (bool, error) { r := found[target.ID]; return r != nil && v.maySeeAssessment(r.Owner), nil }
	}
	panic("query: nobody knows who may see what a comment is about: " + string(target.Type))
}

// showComments renders comments; those without a text to show keep their place.
func (a *Answerer) showComments(ctx context.Context, v Viewer, rows []*projections.CommentRow) ([]Comment, error) {
	authors := set[events.ID]{}
	for _, r := range rows {
		authors.add(r.Author)
	}
	keys, err := a.keyring.Opener(ctx, authors.members...)
	if err != nil {
		return nil, err
	}
	items := make([]Comment, len(rows))
	for i, r := range rows {
		items[i] = Comment{
			ID: r.ID, Version: r.Version, Author: r.Author, TargetType: r.Target.Type, TargetID: r.Target.ID,
			ReplyTo: r.ReplyTo, Status: r.Status, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
		}
		if r.Status == events.CommentStatusDeleted || r.Status == events.CommentStatusHidden && !v.is(r.Author) && !v.mayModerate() {
			continue
		}
		words, ok, err := opened(keys, r.Author, r.Text)
		if err != nil {
			return nil, err
		}
		if ok {
			items[i].Text = &words[0]
		}
	}
	return items, nil
}
