package api

import "net/http"

// Subject says where the id of the thing commanded comes from.
type Subject int

// The places an id comes from.
const (
	FromPath Subject = iota // the path's {id}; a body must not bring another
	FromBody                // a creation: the body's, or a new one
	FromSelf                // the caller's own
)

// Route is one path that commands something.
type Route struct {
	Method, Path string
	Rule         string // name of the command, as in a batch
	Subject      Subject
	Bare         bool   // takes no body
	Public       bool   // needs no access token
	Doc          string // one sentence
}

// Routes lists the commands that have a path of their own.
func Routes() []Route {
	const post, patch, put, del = http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete
	return []Route{
		{post, "/v1/users", "user.register", FromBody, false, true, "Register. With an admin's token, e-mail and password are optional."},
		{patch, "/v1/users/:id", "user.revise", FromPath, false, false, "Change what a user says of themself."},
		{post, "/v1/users/me/password", "user.change_password", FromSelf, false, false, "Change one's password; all other sessions end."},
		{post, "/v1/users/:id/role", "user.set_role", FromPath, false, false, "Grant or take a role."},
		{post, "/v1/users/:id/suspend", "user.suspend", FromPath, true, false, "Suspend an account; its sessions end."},
		{post, "/v1/users/:id/reactivate", "user.reactivate", FromPath, true, false, "Open a suspended account again."},
		{del, "/v1/users/:id", "user.erase", FromPath, true, false, "Erase an account and forget the person."},

		{post, "/v1/goals", "goal.create", FromBody, false, false, "Begin a goal, as a draft."},
		{patch, "/v1/goals/:id", "goal.revise", FromPath, false, false, "Change what a goal says of itself."},
		{put, "/v1/goals/:id/paths", "goal.set_paths", FromPath, false, false, "Replace a goal's paths, in order."},
		{post, "/v1/goals/:id/start", "goal.start", FromPath, true, false, "Start a goal, or go on with a paused one."},
		{post, "/v1/goals/:id/pause", "goal.pause", FromPath, true, false, "Set an active goal aside."},
		{post, "/v1/goals/:id/complete", "goal.complete", FromPath, true, false, "Say that a goal is reached."},
		{post, "/v1/goals/:id/abandon", "goal.abandon", FromPath, true, false, "Give a goal up."},
		{post, "/v1/goals/:id/reopen", "goal.reopen", FromPath, true, false, "Take an ended goal up again."},
		{del, "/v1/goals/:id", "goal.delete", FromPath, true, false, "Delete a goal."},

		{post, "/v1/paths", "path.create", FromBody, false, false, "Begin a path, as a draft of one's own."},
		{patch, "/v1/paths/:id", "path.revise", FromPath, false, false, "Change a path's words."},
		{put, "/v1/paths/:id/points", "path.set_points", FromPath, false, false, "Replace a path's knowledge points, in order."},
		{post, "/v1/paths/:id/publish", "path.publish", FromPath, true, false, "Offer a path to everyone."},
		{post, "/v1/paths/:id/archive", "path.archive", FromPath, true, false, "Take a path off offer."},

		{post, "/v1/points", "point.create", FromBody, false, false, "Add a knowledge point."},
		{patch, "/v1/points/:id", "point.revise", FromPath, false, false, "Change a knowledge point."},
		{put, "/v1/points/:id/prerequisites", "point.set_prerequisites", FromPath, false, false, "Replace what is to be learnt before a point."},
		{post, "/v1/points/:id/study", "study.record", FromPath, false, false, "Record that one worked on a point."},
		{post, "/v1/points/:id/complete", "study.complete", FromPath, false, false, "Say that one has learnt a point."},

		{post, "/v1/assessments", "assessment.schedule", FromBody, false, false, "Schedule an assessment."},
		{post, "/v1/assessments/:id/submit", "assessment.submit", FromPath, true, false, "Hand an assessment in."},
		{post, "/v1/assessments/:id/grade", "assessment.grade", FromPath, false, false, "Give an assessment its score."},
		{post, "/v1/assessments/:id/void", "assessment.void", FromPath, true, false, "Strike an assessment."},

		{post, "/v1/comments", "comment.post", FromBody, false, false, "Comment on a goal, a path, a point or an assessment."},
		{patch, "/v1/comments/:id", "comment.edit", FromPath, false, false, "Change one's comment."},
		{post, "/v1/comments/:id/hide", "comment.hide", FromPath, true, false, "Take a comment from view."},
		{del, "/v1/comments/:id", "comment.delete", FromPath, true, false, "Delete a comment."},

		{post, "/v1/webhooks", "webhook.register", FromBody, false, false, "Have events sent to an address, from the next one on."},
		{patch, "/v1/webhooks/:id", "webhook.revise", FromPath, false, false, "Change a webhook's address, events or secret."},
		{post, "/v1/webhooks/:id/enable", "webhook.enable", FromPath, true, false, "Let a disabled webhook go on where it stopped."},
		{post, "/v1/webhooks/:id/disable", "webhook.disable", FromPath, false, false, "Hold a webhook's events back."},
		{del, "/v1/webhooks/:id", "webhook.delete", FromPath, true, false, "Delete a webhook and destroy its secret."},
	}
}
