package projections

import (
	"time"

	"sical-backend/events"
)

// UserRow is an account. Username, Email and DisplayName are sealed with the
// user's key. The row of an erased user stays, emptied, to be counted.
type UserRow struct {
	ID          events.ID         `json:"id"`
	Version     int               `json:"version"`
	Username    events.Personal   `json:"username,omitempty"`
	Email       events.Personal   `json:"email,omitempty"`
	DisplayName events.Personal   `json:"display_name,omitempty"`
	Locale      string            `json:"locale,omitempty"`
	TimeZone    string            `json:"time_zone,omitempty"`
	Role        events.Role       `json:"role"`
	Status      events.UserStatus `json:"status"`
	CreatedAt   time.Time         `json:"created_at"`
	UpdatedAt   time.Time         `json:"updated_at"`
}

// User answers: a user by id; how many there are by status.
var User = model[UserRow]{
	name: "user", version: 2, keys: []string{"id"},
	events: []string{
		events.NameOf[events.UserRegistered](), events.NameOf[events.UserRevised](), events.NameOf[events.UserPasswordChanged](),
		events.NameOf[events.UserRoleChanged](), events.NameOf[events.UserSuspended](), events.NameOf[events.UserReactivated](),
		events.NameOf[events.UserErased](),
	},
	touches: ownStream(events.KindUser),
	fold:    foldUser,
	totals:  userTotals,
}.view()

// userTotals counts users by status, and by the day they registered on.
func userTotals(r *UserRow) []Total {
	return counts([]Total{{Daily(Created, events.DateOf(r.CreatedAt)), 1}}, Everyone, string(r.Status), "")
}

func foldUser(r *UserRow, e events.Event) bool {
	r.Version, r.UpdatedAt = e.Version, e.OccurredAt
	switch d := e.Data.(type) {
	case *events.UserRegistered:
		*r = UserRow{
			ID: e.Stream.ID(), Version: e.Version,
			Username: d.Username, Email: d.Email, DisplayName: d.DisplayName, Locale: d.Locale, TimeZone: d.TimeZone,
			Role: d.Role, Status: events.UserStatusActive, CreatedAt: e.OccurredAt, UpdatedAt: e.OccurredAt,
		}
	case *events.UserRevised:
		set(&r.Username, d.Username)
		set(&r.Email, d.Email)
		set(&r.DisplayName, d.DisplayName)
		set(&r.Locale, d.Locale)
		set(&r.TimeZone, d.TimeZone)
	case *events.UserRoleChanged:
		r.Role = d.Role.To
	case *events.UserSuspended:
		r.Status = events.UserStatusSuspended
	case *events.UserReactivated:
		r.Status = events.UserStatusActive
	case *events.UserErased:
		*r = UserRow{
			ID: r.ID, Version: r.Version, Role: d.Role, Status: events.UserStatusErased,
			CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
		}
	}
	return true
}
