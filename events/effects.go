package events

// Effects is what is done together with an append beside its events: to secrets, and
// to the sessions that such a change ends. None of it may stand in an event. The zero
// Effects means nothing; it is compared with that, so every field is comparable.
type Effects struct {
	Credential  string // password hash to set for the user
	EndSessions bool   // end the user's sessions, but for Spare
	Spare       ID     // session that EndSessions leaves, zero for none
	Forget      bool   // destroy the user's key, credential, sessions and claims
	Secret      string // key to keep, sealed, for the webhook; its bytes, "" for none
	DropSecret  bool   // destroy that key
}
