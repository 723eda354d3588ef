package command

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"sical-backend/events"
)

// account is somebody's account and what came of it.
func account(p person, more ...events.Data) history {
	registered := &events.UserRegistered{Username: "张三", Email: "zhang@example.org", DisplayName: "三", Role: p.role}
	return on(events.StreamOf(events.KindUser, p.id), p, append([]events.Data{registered}, more...)...)
}

func TestRegister(t *testing.T) {
	t.Parallel()
	g := given{by: nobody}
	c := RegisterUser{Of: Of{anna.id}, Username: "Anna.K", Email: "Anna@Example.org", Password: "plain words", Credential: "$hash",
		DisplayName: "Anna", Locale: "zh-Hans-CN", TimeZone: "Asia/Shanghai"}
	o := g.when(t, &c, &events.UserRegistered{Username: "Anna.K", Email: "Anna@Example.org", DisplayName: "Anna",
		Locale: "zh-Hans-CN", TimeZone: "Asia/Shanghai", Role: events.Learner})
	same(t, o, Outcome{Owner: anna.id, Events: o.Events, Effects: events.Effects{Credential: "$hash"}, Claims: []Claim{
		{Kind: "username", Value: "anna.k", Field: "/username"},
		{Kind: "email", Value: "anna@example.org", Field: "/email"},
	}})
	with := func(change func(*RegisterUser)) Command { v := c; change(&v); return &v }
	g.refuses(t, with(func(c *RegisterUser) { c.Username = "" }), "blank", "/username")
	g.refuses(t, with(func(c *RegisterUser) { c.Username = "a b" }), "invalid_username", "/username")
	g.refuses(t, with(func(c *RegisterUser) { c.Email = "" }), "blank", "/email")
	g.refuses(t, with(func(c *RegisterUser) { c.Email = "anna" }), "invalid_email", "/email")
	g.refuses(t, with(func(c *RegisterUser) { c.DisplayName = "a\nb" }), "control_character", "/display_name")
	g.refuses(t, with(func(c *RegisterUser) { c.DisplayName = strings.Repeat("三", maxDisplayName+1) }), "too_long", "/display_name")
	g.refuses(t, with(func(c *RegisterUser) { c.Locale = "chinese" }), "invalid_locale", "/locale")
	g.refuses(t, with(func(c *RegisterUser) { c.TimeZone = "../etc/passwd" }), "invalid_time_zone", "/time_zone")
	g.refuses(t, with(func(c *RegisterUser) { c.Password, c.Credential = "", "" }), "missing", "/password")
	g.refuses(t, with(func(c *RegisterUser) { c.Credential = "" }), "missing", "/password")
}

func TestAdminRegistersOthers(t *testing.T) {
	t.Parallel()
	bare := &RegisterUser{Of: Of{bo.id}, Username: "oulad-11391"}
	o := given{by: ada}.when(t, bare, &events.UserRegistered{Username: "oulad-11391", Role: events.Learner})
	same(t, o, Outcome{Owner: bo.id, Events: o.Events, Claims: []Claim{{Kind: "username", Value: "oulad-11391", Field: "/username"}}})
	given{by: mo}.refuses(t, bare, "blank", "/email")
	given{by: ada}.refuses(t, &RegisterUser{Username: "oulad-1", Email: "@"}, "invalid_email", "/email")
	given{by: ada}.refuses(t, &RegisterUser{Username: "oulad-1", Password: "not hashed"}, "missing", "/password")
}

func TestReviseUser(t *testing.T) {
	t.Parallel()
	self, id := given{anna, account(anna)}, Of{anna.id}
	o := self.when(t, &ReviseUser{Of: id, DisplayName: new("张三丰"), TimeZone: new("UTC"), Locale: new("")},
		&events.UserRevised{DisplayName: new(events.Personal("张三丰")), TimeZone: new("UTC")})
	same(t, o.Claims, nil)
	o = self.when(t, &ReviseUser{Of: id, Username: new("Ｚｈａｎｇ"), Email: new("Z@example.org")},
		&events.UserRevised{Username: new(events.Personal("Zhang")), Email: new(events.Personal("Z@example.org"))})
	same(t, o, Outcome{Owner: anna.id, Events: o.Events, Claims: []Claim{
		{Kind: "username", Value: "zhang", Field: "/username"},
		{Kind: "email", Value: "z@example.org", Field: "/email"},
	}})
	self.when(t, &ReviseUser{Of: id, Username: new("张三"), Email: new("zhang@example.org"), DisplayName: new("三")})
	mixed := given{anna, account(anna, &events.UserRevised{Username: new(events.Personal("аnnа"))})} // half Cyrillic, from before names were of one script
	mixed.when(t, &ReviseUser{Of: id, Username: new("аnnа"), DisplayName: new("Anna")}, &events.UserRevised{DisplayName: new(events.Personal("Anna"))})
	mixed.refuses(t, &ReviseUser{Of: id, Username: new("bоb")}, "mixed_scripts", "/username")
	self.refuses(t, &ReviseUser{Of: id, Username: new("a")}, "invalid_username", "/username")
	self.refuses(t, &ReviseUser{Of: id, Email: new("")}, "blank", "/email")
	self.refuses(t, &ReviseUser{Of: id, DisplayName: new("\x00")}, "control_character", "/display_name")
	self.refuses(t, &ReviseUser{Of: id, Locale: new("zh_CN")}, "invalid_locale", "/locale")
	self.refuses(t, &ReviseUser{Of: id, TimeZone: new("8")}, "invalid_time_zone", "/time_zone")
	given{bo, account(anna)}.refuses(t, &ReviseUser{Of: id, DisplayName: new("x")}, "forbidden")
	given{mo, account(anna)}.refuses(t, &ReviseUser{Of: id, DisplayName: new("x")}, "forbidden")

	// An admin takes an address away: nothing is claimed in its place.
	o = given{ada, account(anna)}.when(t, &ReviseUser{Of: id, Email: new("")}, &events.UserRevised{Email: new(events.Personal(""))})
	same(t, o.Claims, []Claim{{Kind: "email", Field: "/email"}})
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	self := given{anna, account(anna)}
	c := ChangePassword{Of: Of{anna.id}, Current: "old", Password: "new words", Credential: "$hash", Verified: 1}
	o := self.when(t, &c, &events.UserPasswordChanged{})
	same(t, o, Outcome{Owner: anna.id, Events: o.Events, Effects: events.Effects{Credential: "$hash", EndSessions: true, Spare: idOf("session")}})
	with := func(change func(*ChangePassword)) Command { v := c; change(&v); return &v }
	self.refuses(t, with(func(c *ChangePassword) { c.Verified = 0 }), "wrong_password", "/current_password")
	self.refuses(t, with(func(c *ChangePassword) { c.Current = "" }), "missing", "/current_password")
	self.refuses(t, with(func(c *ChangePassword) { c.Credential = "" }), "missing", "/new_password")
	given{ada, account(anna)}.refuses(t, &c, "forbidden")

	// Another change came first, of a password that is the same or not; a profile's counts for nothing.
	later := given{anna, account(anna, &events.UserRevised{Locale: new("zh")}, &events.UserPasswordChanged{}, &events.UserRevised{Locale: new("en")})}
	later.refuses(t, &c, "conflict", "/current_password")
	later.when(t, with(func(c *ChangePassword) { c.Verified = 3 }), &events.UserPasswordChanged{})
}

func TestSetRole(t *testing.T) {
	t.Parallel()
	admin := given{ada, told(account(anna), account(ada))}
	o := admin.when(t, &SetRole{Of{anna.id}, events.Curator},
		&events.UserRoleChanged{Role: events.Change[events.Role]{From: events.Learner, To: events.Curator}})
	same(t, o, Outcome{Owner: anna.id, Events: o.Events, Effects: events.Effects{EndSessions: true}})
	admin.when(t, &SetRole{Of{anna.id}, events.Learner})
	admin.when(t, &SetRole{Of{ada.id}, events.Admin})
	admin.refuses(t, &SetRole{Of{ada.id}, events.Learner}, "own_role", "/role")
	admin.refuses(t, &SetRole{Of{anna.id}, "root"}, "unknown_value", "/role")
	admin.refuses(t, &SetRole{Of: Of{anna.id}}, "missing", "/role")
	for _, p := range []person{anna, bo, cleo, mo} {
		given{p, account(anna)}.refuses(t, &SetRole{Of{anna.id}, events.Admin}, "forbidden")
	}
}

func TestSuspendAndReactivate(t *testing.T) {
	t.Parallel()
	suspend, reactivate := &SuspendUser{Of{anna.id}}, &ReactivateUser{Of{anna.id}}
	open, shut := account(anna), account(anna, &events.UserSuspended{})
	o := given{mo, open}.when(t, suspend, &events.UserSuspended{})
	same(t, o, Outcome{Owner: anna.id, Events: o.Events, Effects: events.Effects{EndSessions: true}})
	given{mo, shut}.when(t, suspend)
	given{mo, shut}.when(t, reactivate, &events.UserReactivated{})
	given{mo, open}.when(t, reactivate)
	for _, p := range []person{anna, bo, cleo} {
		given{p, open}.refuses(t, suspend, "forbidden")
		given{p, shut}.refuses(t, reactivate, "forbidden")
	}
	given{mo, account(mo)}.refuses(t, &SuspendUser{Of{mo.id}}, "own_account")
	given{mo, account(ada)}.refuses(t, &SuspendUser{Of{ada.id}}, "forbidden")
	second := person{idOf("second admin"), events.Admin}
	given{second, account(ada)}.when(t, &SuspendUser{Of{ada.id}}, &events.UserSuspended{})
	given{ada, account(anna, &events.UserSuspended{}, &events.UserReactivated{})}.when(t, reactivate)
}

func TestErase(t *testing.T) {
	t.Parallel()
	erase := &EraseUser{Of{anna.id}}
	for _, p := range []person{anna, ada} {
		o := given{p, account(anna)}.when(t, erase, &events.UserErased{From: events.UserStatusActive, Role: events.Learner})
		same(t, o, Outcome{Owner: anna.id, Events: o.Events, Effects: events.Effects{EndSessions: true, Forget: true}})
	}
	given{ada, account(anna, &events.UserSuspended{})}.when(t, erase,
		&events.UserErased{From: events.UserStatusSuspended, Role: events.Learner})
	for _, p := range []person{bo, cleo, mo} {
		given{p, account(anna)}.refuses(t, erase, "forbidden")
	}
	for _, p := range []person{anna, bo, mo, ada} {
		gone := given{p, account(anna, &events.UserErased{})}
		for _, c := range []Command{
			erase, &ReviseUser{Of: Of{anna.id}}, &ChangePassword{Of: Of{anna.id}}, &SetRole{Of{anna.id}, events.Curator},
			&SuspendUser{Of{anna.id}}, &ReactivateUser{Of{anna.id}},
		} {
			gone.refuses(t, c, "not_found")
		}
	}
}

// TestNoPasswordIsRemembered fills every password of every command: none may be left in
// what is remembered of it.
func TestNoPasswordIsRemembered(t *testing.T) {
	t.Parallel()
	passwords := 0
	for _, r := range Rules() {
		c := r.New()
		*c.Subject() = uuid.New()
		v := reflect.ValueOf(c).Elem()
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("format") == "password" {
				v.Field(i).SetString("qzcanary")
				passwords++
			}
		}
		with, ok := c.(Passworded)
		if !ok {
			require.NotContains(t, fmt.Sprintf("%+v", v.Interface()), "qzcanary", "%s has a password and is not Passworded", r.Name)
			continue
		}
		_, hash := with.Secret()
		*hash = "qzcanary"
		left := with.Redacted()
		require.NotContains(t, fmt.Sprintf("%+v", reflect.ValueOf(left).Elem().Interface()), "qzcanary", r.Name)
		require.Equal(t, *c.Subject(), *left.Subject(), r.Name)
	}
	require.Equal(t, 3, passwords, "to register with, so far and new")
}
