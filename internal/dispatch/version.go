package dispatch

import (
	"errors"

	"sical-backend/command"
	"sical-backend/internal/eventlog"
)

// outdated tells whether the request names another version than what it is about has.
// Where that is not loaded, a guard tells.
func (j *job) outdated(version int) bool {
	return j.IfMatch != nil && *j.IfMatch != version && !j.Rule.Unchecked
}

// withheld tells whether a rule refused somebody who may not see what they name, or may
// not do this to it. They are told so, and nothing of its version: that goes before all
// other refusals, but to answer it first would tell anybody what is there.
func withheld(err error) bool {
	refusal, ok := errors.AsType[*command.Refusal](err)
	return ok && (refusal.Reason == command.NotFound || refusal.Reason == command.Forbidden)
}

// unchanged guards what the command is about, where it is decided on another stream: it
// must be there, at the version asked for.
func (j *job) unchanged() eventlog.Guard {
	if j.IfMatch != nil {
		return eventlog.Guard{Stream: j.subject, Version: *j.IfMatch}
	}
	return eventlog.Guard{Stream: j.subject, Version: eventlog.Live}
}
