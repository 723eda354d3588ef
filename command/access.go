package command

import "strings"

// Access says who may give a command, in the words of the API's description. A role
// includes those before it: where curators may, moderators and admins may as well.
type Access string

// The kinds of access.
const (
	Public            Access = "public"                        // anyone, with an account or without
	Authenticated     Access = "authenticated"                 // anyone with an account
	Self              Access = "the user themself"             // not even an admin
	SelfOrAdmin       Access = "the user themself or an admin" // …and admins
	Owner             Access = "owner"                         // whose it is; not even an admin
	OwnerOrCurator    Access = "owner or curator"              // …and curators and above
	Author            Access = "author"                        // of a comment; not even a moderator
	AuthorOrModerator Access = "author or moderator"           // …and moderators and above
	Curators          Access = "curators"
	Moderators        Access = "moderators"
	Admins            Access = "admins"

	// Of a path: until it is published it exists for its owner alone.
	OwnerThenCurators Access = "owner until it is first published, curators from then on"
	OwnThenCurators   Access = "curators, until it is first published its owner alone among them"
	// Of an assessment: nobody judges their own, but for a self test.
	Judges Access = "curators, of what is others'; owner, of a self test; admins"
)

// either lists words that there is a choice of, one at least.
func either(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
