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
	Method  string
	Path    string // with {id} for the id of the thing commanded
	Rule    string // name of the command, as in a batch
	Subject Subject
	Doc     string // one sentence
}

// Routes lists the commands that have a path of their own.
func Routes() []Route {
	const post, patch, put, del = http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete
	return []Route{
		{post, "/v1/users", "user.register", FromBody, "Register. With an admin's token, e-mail and password are optional."},
		{patch, "/v1/users/{id}", "user.revise", FromPath, "Change what a user says of themself."},
		{post, "/v1/users/me/password", "user.change_password", FromSelf, "Change one's password; all other sessions end."},
		{post, "/v1/users/{id}/role", "user.set_role", FromPath, "Grant or take a role."},
		{post, "/v1/users/{id}/suspend", "user.suspend", FromPath, "Suspend an account; its sessions end."},
		{post, "/v1/users/{id}/reactivate", "user.reactivate", FromPath, "Open a suspended account again."},
		{del, "/v1/users/{id}", "user.erase", FromPath, "Erase an account and forget the person."},

		{post, "/v1/goals", "goal.create", FromBody, "Begin a goal, as a draft."},
		{patch, "/v1/goals/{id}", "goal.revise", FromPath, "Change what a goal says of itself."},
		{put, "/v1/goals/{id}/paths", "goal.set_paths", FromPath, "Replace a goal's paths, in order."},
		{post, "/v1/goals/{id}/start", "goal.start", FromPath, "Start a goal, or go on with a paused one."},
		{post, "/v1/goals/{id}/pause", "goal.pause", FromPath, "Set an active goal aside."},
		{post, "/v1/goals/{id}/complete", "goal.complete", FromPath, "Say that a goal is reached."},
		{post, "/v1/goals/{id}/abandon", "goal.abandon", FromPath, "Give a goal up."},
		{post, "/v1/goals/{id}/reopen", "goal.reopen", FromPath, "Take an ended goal up again."},
		{del, "/v1/goals/{id}", "goal.delete", FromPath, "Delete a goal."},

		{post, "/v1/paths", "path.create", FromBody, "Begin a path, as a draft of one's own."},
		{patch, "/v1/paths/{id}", "path.revise", FromPath, "Change a path's words."},
		{put, "/v1/paths/{id}/points", "path.set_points", FromPath, "Replace a path's knowledge points, in order."},
		{post, "/v1/paths/{id}/publish", "path.publish", FromPath, "Offer a path to everyone."},
		{post, "/v1/paths/{id}/archive", "path.archive", FromPath, "Take a path off offer."},

		{post, "/v1/points", "point.create", FromBody, "Add a knowledge point."},
		{patch, "/v1/points/{id}", "point.revise", FromPath, "Change a knowledge point."},
		{put, "/v1/points/{id}/prerequisites", "point.set_prerequisites", FromPath, "Replace what is to be learnt before a point."},
		{post, "/v1/points/{id}/study", "study.record", FromPath, "Record that one worked on a point."},
		{post, "/v1/points/{id}/complete", "study.complete", FromPath, "Say that one has learnt a point."},

		{post, "/v1/assessments", "assessment.schedule", FromBody, "Schedule an assessment."},
		{post, "/v1/assessments/{id}/submit", "assessment.submit", FromPath, "Hand an assessment in."},
		{post, "/v1/assessments/{id}/grade", "assessment.grade", FromPath, "Give an assessment its score."},
		{post, "/v1/assessments/{id}/void", "assessment.void", FromPath, "Strike an assessment."},

		{post, "/v1/comments", "comment.post", FromBody, "Comment on a goal, a path, a point or an assessment."},
		{patch, "/v1/comments/{id}", "comment.edit", FromPath, "Change one's comment."},
		{post, "/v1/comments/{id}/hide", "comment.hide", FromPath, "Take a comment from view."},
		{del, "/v1/comments/{id}", "comment.delete", FromPath, "Delete a comment."},

		{post, "/v1/webhooks", "webhook.register", FromBody, "Have events sent to an address, from the next one on."},
		{patch, "/v1/webhooks/{id}", "webhook.revise", FromPath, "Change a webhook's address, events or secret."},
		{post, "/v1/webhooks/{id}/enable", "webhook.enable", FromPath, "Let a disabled webhook go on where it stopped."},
		{post, "/v1/webhooks/{id}/disable", "webhook.disable", FromPath, "Hold a webhook's events back."},
		{del, "/v1/webhooks/{id}", "webhook.delete", FromPath, "Delete a webhook and destroy its secret."},
	}
}
