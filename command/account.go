package command

import "sical-backend/events"

// What moderators and admins decide about accounts; the rules stand in user.go.

func setRole(s user, c *SetRole, g Given) (Outcome, error) {
	if err := s.found(); err != nil {
		return Outcome{}, err
	}
	if !g.may(events.Admin) {
		return Outcome{}, forbidden("Only an admin sets roles.")
	}
	if err := oneOf("/role", c.Role); err != nil {
		return Outcome{}, err
	}
	if c.ID == g.Actor && c.Role != events.Admin {
		return Outcome{}, broken("own_role", "/role", "Another admin has to take the role away.")
	}
	if s.role == c.Role {
		return Outcome{}, nil
	}
	change := events.Change[events.Role]{From: s.role, To: c.Role}
	return Outcome{Owner: c.ID, Effects: events.Effects{EndSessions: true}, Events: []events.Data{&events.UserRoleChanged{Role: change}}}, nil
}

// moderated refuses an actor who may not shut or open the account.
func (s user) moderated(id events.ID, g Given) error {
	if err := s.found(); err != nil {
		return err
	}
	switch {
	case !g.may(events.Moderator):
		return forbidden("Only a moderator suspends and reactivates accounts.")
	case id == g.Actor:
		return broken("own_account", "", "Nobody suspends or reactivates their own account.")
	case s.role == events.Admin && !g.may(events.Admin):
		return forbidden("Only an admin suspends and reactivates an admin.")
	}
	return nil
}

func suspendUser(s user, c *SuspendUser, g Given) (Outcome, error) {
	if err := s.moderated(c.ID, g); err != nil {
		return Outcome{}, err
	}
	if s.status == events.UserStatusSuspended {
		return Outcome{}, nil
	}
	return Outcome{Owner: c.ID, Effects: events.Effects{EndSessions: true}, Events: []events.Data{&events.UserSuspended{}}}, nil
}

func reactivateUser(s user, c *ReactivateUser, g Given) (Outcome, error) {
	if err := s.moderated(c.ID, g); err != nil {
		return Outcome{}, err
	}
	if s.status == events.UserStatusActive {
		return Outcome{}, nil
	}
	return Outcome{Owner: c.ID, Events: []events.Data{&events.UserReactivated{}}}, nil
}

func eraseUser(s user, c *EraseUser, g Given) (Outcome, error) {
	if err := s.found(); err != nil {
		return Outcome{}, err
	}
	if c.ID != g.Actor && !g.may(events.Admin) {
		return Outcome{}, forbidden("Only an admin erases somebody else.")
	}
	return Outcome{
		Owner:   c.ID,
		Effects: events.Effects{EndSessions: true, Forget: true},
		Events:  []events.Data{&events.UserErased{From: s.status, Role: s.role}},
	}, nil
}
