package query

import (
	"context"
	"time"

	"sical-backend/events"
	"sical-backend/projections"
)

// profileGoals is how many goals a profile shows; goals_url has them all.
const profileGoals = 20

// User is a user's profile: all of it to the user and to moderators; to others
// who it is and which public goals they are at.
type User struct {
	ID          events.ID         `json:"id"`
	Version     int               `json:"version" doc:"of the user, for If-Match"`
	DisplayName string            `json:"display_name"`
	Username    string            `json:"username,omitempty" doc:"only to the user and to moderators, as is all up to updated_at"`
	Email       string            `json:"email,omitempty"`
	Locale      string            `json:"locale,omitempty" doc:"BCP 47"`
	TimeZone    string            `json:"time_zone,omitempty" doc:"IANA name"`
	Role        events.Role       `json:"role,omitempty" enum:"learner,curator,moderator,admin"`
	Status      events.UserStatus `json:"status,omitempty" enum:"active,suspended"`
	CreatedAt   *time.Time        `json:"created_at,omitempty"`
	UpdatedAt   *time.Time        `json:"updated_at,omitempty"`
	Goals       []Goal            `json:"goals" doc:"the active ones, newest first, at most 20; private ones only to the user"`
	GoalsURL    string            `json:"goals_url" doc:"where all of them are listed"`
}

// profile is what a profile is made of.
type profile struct {
	user  *projections.UserRow
	goals *listed[projections.GoalRow]
}

var usersToNobody, usersToSomeone = profileOf(goalsOfNobody[summary]), profileOf(goalsOfSomeone[summary])

func profileOf(goals reading) reading {
	return reads(append([]*projections.View{projections.User}, goals.views...)...)
}

func userViews(v Viewer) reading {
	if v.anonymous() {
		return usersToNobody
	}
	return usersToSomeone
}

// User asks for one profile.
func (a *Asker) User(v Viewer, id events.ID) Question {
	return Question{
		Key: key("user", raw(id), raw(v.ID), string(v.Role)), Views: userViews(v).names, Deps: func() []string { return userDeps(v, id) },
		Load: func(ctx context.Context) (Answer, error) {
			users, answer, err := a.users(ctx, v, []events.ID{id})
			if err != nil {
				return Answer{}, err
			}
			if len(users) == 0 {
				return Answer{}, ErrNotFound
			}
			answer.Version = users[0].Version
			return rendered(answer, users[0])
		},
	}
}

// UsersByID asks for several, in the order of the ids; missing ones are left out.
func (a *Asker) UsersByID(v Viewer, ids []events.ID) Question {
	return Question{
		Key: key("users", joined(ids), raw(v.ID), string(v.Role)), Views: userViews(v).names, Deps: func() []string { return userDeps(v, ids...) },
		Load: func(ctx context.Context) (Answer, error) {
			users, answer, err := a.users(ctx, v, ids)
			if err != nil {
				return Answer{}, err
			}
			return rendered(answer, Page[User]{Items: users})
		},
	}
}

func userDeps(v Viewer, ids ...events.ID) []string {
	deps := append(rowDeps(projections.User, ids), projections.ProgressOf(v.ID))
	for _, id := range ids {
		deps = append(deps, projections.GoalsOf(id))
	}
	return deps
}

// users reads profiles, all in the same three round trips.
func (a *Asker) users(ctx context.Context, v Viewer, ids []events.ID) ([]User, Answer, error) {
	var profiles []profile
	var parts goalParts
	checkpoints, err := a.read(ctx, userViews(v).views, func(s *snapshot) (err error) {
		found := find[projections.UserRow](s, projections.User, ids...)
		lists := make([]*listed[projections.GoalRow], len(ids))
		for i, id := range ids {
			lists[i] = enlist[projections.GoalRow](s, goalsOf(v, id, GoalFilter{Status: events.GoalActive}, Paging{Limit: profileGoals}))
		}
		if err := s.send(ctx); err != nil {
			return err
		}
		var goals []*projections.GoalRow
		for i, id := range ids {
			if r := found[id]; r != nil && r.Status != events.UserErased {
				profiles = append(profiles, profile{r, lists[i]})
				goals = append(goals, lists[i].rows...)
			}
		}
		parts, err = s.goalParts(ctx, v, goals, summary)
		return err
	})
	if err != nil {
		return nil, Answer{}, err
	}
	users, err := a.showUsers(ctx, v, profiles, parts)
	return users, Answer{Checkpoints: checkpoints, Deps: parts.deps()}, err
}

func (a *Asker) showUsers(ctx context.Context, v Viewer, profiles []profile, parts goalParts) ([]User, error) {
	owners := make([]events.ID, len(profiles))
	for i, p := range profiles {
		owners[i] = p.user.ID
	}
	if err := a.opener.Prefetch(ctx, owners); err != nil {
		return nil, err
	}
	users := make([]User, 0, len(profiles))
	for _, p := range profiles {
		u, ok, err := a.showUser(ctx, v, p.user)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if u.Goals, err = a.summarise(ctx, v, p.goals.rows, parts); err != nil {
			return nil, err
		}
		users = append(users, u)
	}
	return users, nil
}

// showUser renders a profile without its goals; ok is false for a forgotten one.
func (a *Asker) showUser(ctx context.Context, v Viewer, r *projections.UserRow) (u User, ok bool, err error) {
	words, ok, err := a.open(ctx, r.ID, r.DisplayName, r.Username, r.Email)
	if !ok || err != nil {
		return User{}, false, err
	}
	u = User{ID: r.ID, Version: r.Version, DisplayName: words[0], GoalsURL: "/v1/users/" + r.ID.String() + "/goals?status=active"}
	if v.is(r.ID) || v.mayModerate() {
		u.Username, u.Email, u.Locale, u.TimeZone = words[1], words[2], r.Locale, r.TimeZone
		u.Role, u.Status, u.CreatedAt, u.UpdatedAt = r.Role, r.Status, &r.CreatedAt, &r.UpdatedAt
	}
	return u, true, nil
}
