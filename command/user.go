package command

import "sical-backend/events"

// The rules of a user:
//  1. Anyone registers, as a learner, with username, e-mail and password; an
//     admin registers people who have neither e-mail nor password.
//  2. A username is unique but for case and compatibility forms, and of one
//     script or of those that are written together; an e-mail address is unique
//     but for case.
//  3. A user revises themself, and an admin anyone. Only oneself changes one's
//     password, and has to bring the one that it takes the place of; other
//     sessions end.
//  4. An admin sets roles, but does not step down themself: another admin has to.
//  5. A moderator suspends and reactivates others, an admin's account only an
//     admin; sessions end.
//  6. A user erases themself, and an admin anyone. An erased user is gone: no
//     command finds it.

// RegisterUser begins an account.
type RegisterUser struct {
	Of
	Username    string `json:"username" doc:"unique name: letters, digits, dot, underscore, hyphen" minlen:"2" maxlen:"64"`
	Email       string `json:"email" doc:"unique address" maxlen:"254" format:"email"`
	Password    string `json:"password" doc:"8 to 256 characters" minlen:"8" maxlen:"256" format:"password"`
	DisplayName string `json:"display_name,omitempty" doc:"name shown to others" maxlen:"100"`
	Locale      string `json:"locale,omitempty" doc:"language, BCP 47" maxlen:"64"`
	TimeZone    string `json:"time_zone,omitempty" doc:"IANA name of the time zone" maxlen:"96"`
	Credential  string `json:"-"` // hash of Password
}

// ReviseUser changes what a user says of themself; absent fields stay, and an
// empty text takes an optional one away.
type ReviseUser struct {
	Of
	Username    *string `json:"username,omitzero" doc:"unique name: letters, digits, dot, underscore, hyphen" minlen:"2" maxlen:"64"`
	Email       *string `json:"email,omitzero" doc:"unique address" maxlen:"254" format:"email"`
	DisplayName *string `json:"display_name,omitzero" doc:"name shown to others" maxlen:"100"`
	Locale      *string `json:"locale,omitzero" doc:"language, BCP 47" maxlen:"64"`
	TimeZone    *string `json:"time_zone,omitzero" doc:"IANA name of the time zone" maxlen:"96"`
}

// ChangePassword gives the actor a new password.
type ChangePassword struct {
	Of
	Current    string `json:"current_password" doc:"password so far" maxlen:"256" format:"password"`
	Password   string `json:"new_password" doc:"8 to 256 characters" minlen:"8" maxlen:"256" format:"password"`
	Credential string `json:"-"` // hash of Password
	Verified   int    `json:"-"` // by PasswordOf, the password that the door found Current to be; 0 for none
}

// SetRole grants a role in place of the one before.
type SetRole struct {
	Of
	Role events.Role `json:"role" doc:"each role includes those before it"`
}

// SuspendUser shuts an account.
type SuspendUser struct{ Of }

// ReactivateUser opens a suspended account again.
type ReactivateUser struct{ Of }

// EraseUser ends an account and forgets the person.
type EraseUser struct{ Of }

// user is what deciding about a user needs to know.
type user struct {
	status      events.UserStatus // "" before registration and after erasure
	role        events.Role
	username    string
	email       string
	displayName string
	locale      string
	timeZone    string
	password    int // version of the event that set it last
}

var users = Aggregate[user]{events.KindUser, evolveUser}

var userRules = []Rule{
	creating(rule(users, "register", Public, registerUser)),
	rule(users, "revise", SelfOrAdmin, reviseUser),
	rule(users, "change_password", Self, changePassword),
	provided("An admin keeps their own role until another takes it: 422, `own_role`.", rule(users, "set_role", Admins, setRole)),
	provided(othersAccount, rule(users, "suspend", Moderators, suspendUser)),
	provided(othersAccount, rule(users, "reactivate", Moderators, reactivateUser)),
	rule(users, "erase", SelfOrAdmin, eraseUser),
}

const othersAccount = "Not to one's own account: 422, `own_account`. An admin's account is for admins only."

func evolveUser(s user, e events.Event) user {
	switch d := e.Data.(type) {
	case *events.UserRegistered:
		return user{events.UserStatusActive, d.Role, string(d.Username), string(d.Email), string(d.DisplayName), d.Locale, d.TimeZone, e.Version}
	case *events.UserRevised:
		s.username = string(or(d.Username, events.Personal(s.username)))
		s.email = string(or(d.Email, events.Personal(s.email)))
		s.displayName = string(or(d.DisplayName, events.Personal(s.displayName)))
		s.locale = or(d.Locale, s.locale)
		s.timeZone = or(d.TimeZone, s.timeZone)
	case *events.UserPasswordChanged:
		s.password = e.Version
	case *events.UserRoleChanged:
		s.role = d.Role.To
	case *events.UserSuspended:
		s.status = events.UserStatusSuspended
	case *events.UserReactivated:
		s.status = events.UserStatusActive
	case *events.UserErased:
		return user{}
	}
	return s
}

// found refuses a user who is not there.
func (s user) found() error {
	if s.status == "" {
		return notFound(events.KindUser)
	}
	return nil
}

func registerUser(_ user, c *RegisterUser, g Given) (Outcome, error) {
	name := nameForm(c.Username)
	byAdmin := g.may(events.Admin)
	err := first(
		username("/username", name),
		address("/email", c.Email, byAdmin),
		line("/display_name", c.DisplayName, maxDisplayName),
		locale("/locale", c.Locale),
		timeZone("/time_zone", c.TimeZone),
	)
	if err != nil {
		return Outcome{}, err
	}
	if c.Credential == "" && (c.Password != "" || !byAdmin) {
		return Outcome{}, missing("/password")
	}
	claims := []Claim{UsernameClaim(name)}
	if c.Email != "" {
		claims = append(claims, EmailClaim(c.Email))
	}
	return Outcome{Owner: c.ID, Claims: claims, Effects: events.Effects{Credential: c.Credential}, Events: []events.Data{&events.UserRegistered{
		Username:    events.Personal(name),
		Email:       events.Personal(c.Email),
		DisplayName: events.Personal(c.DisplayName),
		Locale:      c.Locale,
		TimeZone:    c.TimeZone,
		Role:        events.Learner,
	}}}, nil
}

func reviseUser(s user, c *ReviseUser, g Given) (Outcome, error) {
	if err := s.found(); err != nil {
		return Outcome{}, err
	}
	if c.ID != g.Actor && !g.may(events.Admin) {
		return Outcome{}, forbidden("Only an admin revises somebody else.")
	}
	if c.Username != nil {
		c = &ReviseUser{c.Of, new(nameForm(*c.Username)), c.Email, c.DisplayName, c.Locale, c.TimeZone}
	}
	d := events.UserRevised{
		Username:    (*events.Personal)(differing(s.username, c.Username)),
		Email:       (*events.Personal)(differing(s.email, c.Email)),
		DisplayName: (*events.Personal)(differing(s.displayName, c.DisplayName)),
		Locale:      differing(s.locale, c.Locale),
		TimeZone:    differing(s.timeZone, c.TimeZone),
	}
	if d == (events.UserRevised{}) {
		return Outcome{}, nil
	}
	err := first( // of what changes: what stands already may be from before a rule
		ifSet((*string)(d.Username), func(v string) error { return username("/username", v) }),
		ifSet((*string)(d.Email), func(v string) error { return address("/email", v, g.may(events.Admin)) }),
		ifSet((*string)(d.DisplayName), func(v string) error { return line("/display_name", v, maxDisplayName) }),
		ifSet(d.Locale, func(v string) error { return locale("/locale", v) }),
		ifSet(d.TimeZone, func(v string) error { return timeZone("/time_zone", v) }),
	)
	if err != nil {
		return Outcome{}, err
	}
	var claims []Claim
	if d.Username != nil {
		claims = append(claims, UsernameClaim(*c.Username))
	}
	if d.Email != nil {
		claims = append(claims, EmailClaim(*c.Email))
	}
	return Outcome{Owner: c.ID, Claims: claims, Events: []events.Data{&d}}, nil
}

func changePassword(s user, c *ChangePassword, g Given) (Outcome, error) {
	if err := s.found(); err != nil {
		return Outcome{}, err
	}
	switch {
	case c.ID != g.Actor:
		return Outcome{}, forbidden("Everyone changes their own password only.")
	case c.Current == "":
		return Outcome{}, missing("/current_password")
	case c.Verified == 0:
		return Outcome{}, broken("wrong_password", "/current_password", "This is not the password so far.")
	case c.Verified != s.password:
		return Outcome{}, &Refusal{Conflict, "conflict", "/current_password", "The password was changed at the same time."}
	case c.Credential == "":
		return Outcome{}, missing("/new_password")
	}
	return Outcome{
		Owner:   c.ID,
		Events:  []events.Data{&events.UserPasswordChanged{}},
		Effects: events.Effects{Credential: c.Credential, EndSessions: true, Spare: g.Session},
	}, nil
}

// address checks an e-mail address, which only some may leave out.
func address(pointer, v string, optional bool) error {
	switch {
	case v != "":
		return email(pointer, v)
	case optional:
		return nil
	}
	return broken("blank", pointer, "An e-mail address is needed.")
}

// Secret is the password to register with.
func (c *RegisterUser) Secret() (password string, hash *string) { return c.Password, &c.Credential }

// Secret is the password to change to.
func (c *ChangePassword) Secret() (password string, hash *string) { return c.Password, &c.Credential }

// Redacted is the registration without its password.
func (c *RegisterUser) Redacted() Command {
	open := *c
	open.Password, open.Credential = "", ""
	return &open
}

// Redacted is the change without the passwords, so nothing but whose it is.
func (c *ChangePassword) Redacted() Command { return &ChangePassword{Of: c.Of} }
