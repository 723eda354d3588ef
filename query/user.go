package query

import (
	"context"
	"slices"
	"time"

	"sical-backend/events"
	"sical-backend/internal/jsonwriter"
	"sical-backend/internal/reading"
	"sical-backend/internal/vault"
	"sical-backend/projections"
)

// profileGoals is how many goals a profile shows; goals_url has them all.
const profileGoals = 20

// User is a user's profile: all of it to the user; to others who it is and which public
// goals they are at, and to moderators all that the account has. What others see of it is
// the same for all of them.
type User struct {
	ID          events.ID         `json:"id"`
	Version     int               `json:"version" doc:"of the user, for If-Match"`
	DisplayName string            `json:"display_name"`
	Username    string            `json:"username,omitempty" doc:"only to the user and to moderators, as is all up to updated_at"`
	Email       string            `json:"email,omitempty"`
	Locale      string            `json:"locale,omitempty" doc:"BCP 47"`
	TimeZone    string            `json:"time_zone,omitempty" doc:"IANA name"`
	Role        events.Role       `json:"role,omitempty"`
	Status      events.UserStatus `json:"status,omitempty"`
	CreatedAt   *time.Time        `json:"created_at,omitempty"`
	UpdatedAt   *time.Time        `json:"updated_at,omitempty"`
	Goals       []Goal            `json:"goals" doc:"the active ones, newest first, at most 20; private ones, and progress, only to the user"`
	GoalsURL    string            `json:"goals_url" doc:"where all of them are listed"`
}

// profile is what a profile is made of.
type profile struct {
	user  *projections.UserRow
	goals goalsFor
}

var (
	ownProfile   = listViews(append([]*projections.View{projections.User.View}, goalsOfSomeone[summary].views...)...)
	otherProfile = listViews(append([]*projections.View{projections.User.View}, goalsOfNobody[summary].views...)...)
)

func profileViews(to Viewer) *viewList {
	if to.anonymous() {
		return otherProfile
	}
	return ownProfile
}

// audience is who some profiles are rendered for. That is the viewer, where one of the
// profiles is their own; else it is any moderator, or anybody. All viewers with the same
// audience share one answer.
func (v Viewer) audience(ids ...events.ID) Viewer {
	switch {
	case slices.ContainsFunc(ids, v.is):
		return v
	case v.mayModerate():
		return Viewer{Role: events.Moderator}
	}
	return Viewer{}
}

// User asks for one profile.
func (a *Answerer) User(v Viewer, id events.ID) Question {
	to := v.audience(id)
	return Question{
		Key: key("user", raw(id), raw(to.ID), string(to.Role)), Views: profileViews(to).names, Deps: func() []string { return userDeps(to, id) },
		gather: func(ctx context.Context, due reading.Due) (Answer, error) {
			users, answer, err := a.users(ctx, to, []events.ID{id}, due)
			if err != nil {
				return Answer{}, err
			}
			if len(users) == 0 {
				return answer, ErrNotFound
			}
			answer.Version = users[0].Version
			return rendered(answer, &users[0])
		},
	}
}

// UsersByID asks for several, in the order of the ids; missing ones are left out.
func (a *Answerer) UsersByID(v Viewer, ids []events.ID) Question {
	to := v.audience(ids...)
	return Question{
		Key: key("users", joined(ids), raw(to.ID), string(to.Role)), Views: profileViews(to).names, Deps: func() []string { return userDeps(to, ids...) },
		gather: func(ctx context.Context, due reading.Due) (Answer, error) {
			users, answer, err := a.users(ctx, to, ids, due)
			if err != nil {
				return Answer{}, err
			}
			return rendered(answer, Page[User]{Items: users})
		},
	}
}

func userDeps(to Viewer, ids ...events.ID) []string {
	deps := rowDeps(projections.User.View, ids)
	for _, id := range ids {
		deps = append(deps, projections.GoalsOf(id))
	}
	return to.progress(deps...)
}

func (a *Answerer) users(ctx context.Context, to Viewer, ids []events.ID, due reading.Due) ([]User, Answer, error) {
	wishes := make([]wish, len(ids))
	for i, id := range ids {
		wishes[i] = wish{to.audience(id), id} // beside their own, they see others' as all do
	}
	t, err := a.profiles(ctx, to, wishes, due)
	if err != nil {
		return nil, Answer{}, err
	}
	var profiles []profile
	var deps []string
	for _, w := range wishes {
		if r := t.Found.rows[w.id]; r != nil && r.Status != events.UserStatusErased {
			p := profile{r, t.Found.goalsOf(w)}
			profiles = append(profiles, p)
			deps = append(deps, p.goals.deps(summary)...)
		}
	}
	users, err := a.showUsers(ctx, profiles, t.Found.parts)
	return users, Answer{Checkpoints: t.Checkpoints, Deps: deps}, err
}

func (a *Answerer) showUsers(ctx context.Context, profiles []profile, parts goalParts) ([]User, error) {
	owners := make([]events.ID, len(profiles))
	for i, p := range profiles {
		owners[i] = p.user.ID
	}
	keys, err := a.keyring.Opener(ctx, owners...)
	if err != nil {
		return nil, err
	}
	users := make([]User, 0, len(profiles))
	for _, p := range profiles {
		u, ok, err := showUser(keys, p.goals.to, p.user)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if u.Goals, err = summaries(keys, p.goals, parts); err != nil {
			return nil, err
		}
		users = append(users, u)
	}
	return users, nil
}

// showUser renders a profile without its goals; ok is false for a forgotten one. Only words
// that are shown are opened: to open one takes as long as to decode a member of a row.
func showUser(keys vault.Opener, v Viewer, r *projections.UserRow) (u User, ok bool, err error) {
	all := v.is(r.ID) || v.mayModerate()
	sealed := []events.Personal{r.DisplayName, r.Username, r.Email}
	if !all && r.DisplayName != "" { // without a sealed word nobody could tell whether the owner is forgotten
		sealed = sealed[:1]
	}
	words, ok, err := opened(keys, r.ID, sealed...)
	if !ok || err != nil {
		return User{}, false, err
	}
	u = User{ID: r.ID, Version: r.Version, DisplayName: words[0], GoalsURL: "/v1/users/" + r.ID.String() + "/goals?status=active"}
	if all {
		u.Username, u.Email, u.Locale, u.TimeZone = words[1], words[2], r.Locale, r.TimeZone
		u.Role, u.Status, u.CreatedAt, u.UpdatedAt = r.Role, r.Status, &r.CreatedAt, &r.UpdatedAt
	}
	return u, true, nil
}

func (u *User) write(w *jsonwriter.Writer) {
	w.Begin('{')
	w.Name("id").ID(u.ID)
	w.Name("version").Int(u.Version)
	w.Name("display_name").Text(u.DisplayName)
	w.Optional("username", u.Username)
	w.Optional("email", u.Email)
	w.Optional("locale", u.Locale)
	w.Optional("time_zone", u.TimeZone)
	w.Optional("role", string(u.Role))
	w.Optional("status", string(u.Status))
	w.OptionalTime("created_at", u.CreatedAt)
	w.OptionalTime("updated_at", u.UpdatedAt)
	w.Name("goals").Begin('[')
	for i := range u.Goals {
		u.Goals[i].write(w)
	}
	w.End(']')
	w.Name("goals_url").Text(u.GoalsURL)
	w.End('}')
}
