package events

// Role says what a user may do; each includes the ones before it.
type Role string

// The roles.
const (
	Learner   Role = "learner"
	Curator   Role = "curator"
	Moderator Role = "moderator"
	Admin     Role = "admin"
)

// Values lists the roles.
func (Role) Values() []Role {
	return []Role{Learner, Curator, Moderator, Admin}
}

// UserStatus is where an account stands.
type UserStatus string

// The statuses of a user.
const (
	UserStatusActive    UserStatus = "active"
	UserStatusSuspended UserStatus = "suspended"
	UserStatusErased    UserStatus = "erased"
)

// Values lists the statuses of an account that is there: no answer shows an erased one.
func (UserStatus) Values() []UserStatus {
	return []UserStatus{UserStatusActive, UserStatusSuspended}
}

// UserRegistered begins an account. Credentials never enter the log.
type UserRegistered struct {
	Username    Personal `json:"username"`
	Email       Personal `json:"email,omitempty"`
	DisplayName Personal `json:"display_name,omitempty"`
	Locale      string   `json:"locale,omitempty"`    // BCP 47
	TimeZone    string   `json:"time_zone,omitempty"` // IANA name
	Role        Role     `json:"role"`
}

// UserRevised changes what a user says of themself; nil is unchanged.
type UserRevised struct {
	Username    *Personal `json:"username,omitzero"`
	Email       *Personal `json:"email,omitzero"`
	DisplayName *Personal `json:"display_name,omitzero"`
	Locale      *string   `json:"locale,omitzero"`
	TimeZone    *string   `json:"time_zone,omitzero"`
}

// UserPasswordChanged says that, never what.
type UserPasswordChanged struct{}

// UserRoleChanged grants or takes a role.
type UserRoleChanged struct {
	Role Change[Role] `json:"role"`
}

// UserSuspended shuts an account until it is reactivated.
type UserSuspended struct{}

// UserReactivated opens a suspended account again.
type UserReactivated struct{}

// UserErased ends an account and destroys its key.
type UserErased struct {
	From UserStatus `json:"from"`
	Role Role       `json:"role"`
}

func (*UserRegistered) fact()      {}
func (*UserRevised) fact()         {}
func (*UserPasswordChanged) fact() {}
func (*UserRoleChanged) fact()     {}
func (*UserSuspended) fact()       {}
func (*UserReactivated) fact()     {}
func (*UserErased) fact()          {}

var (
	_ = define[UserRegistered]("user.registered", 1)
	_ = define[UserRevised]("user.revised", 1)
	_ = define[UserPasswordChanged]("user.password_changed", 1)
	_ = define[UserRoleChanged]("user.role_changed", 1)
	_ = define[UserSuspended]("user.suspended", 1)
	_ = define[UserReactivated]("user.reactivated", 1)
	_ = defineFinal[UserErased]("user.erased", 1)
)
