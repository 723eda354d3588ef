package api

import (
	"sical-backend/events"
	"sical-backend/query"
)

// Access says who gets an answer from a route. What is not the client's to see is
// answered 404; 401 only says that a token is missing.
type Access string

// The kinds of access.
const (
	Public           Access = "public"             // anyone; what is private is left out or not found
	Authenticated    Access = "authenticated"      // anyone with a token, about themself
	Owner            Access = "owner"              // the user of the path
	OwnerOrCurator   Access = "owner or curator"   // …and curators and above
	OwnerOrModerator Access = "owner or moderator" // …and moderators and above
	Admins           Access = "admins"             // admins alone; others are told so
)

// Type is the form of a parameter.
type Type string

// The types of parameters.
const (
	ID      Type = "uuid"
	IDs     Type = "uuids" // at most 100, separated by commas
	Date    Type = "date"  // YYYY-MM-DD
	Integer Type = "integer"
	Boolean Type = "boolean"
	Text    Type = "string" // at most 200 characters
	Moment  Type = "moment" // a position, or an instant as RFC 3339 writes it
)

// Param is a parameter of the query string.
type Param struct {
	Name     string
	Type     Type
	Doc      string
	Enum     []string // the values it may have, nil for any
	Min, Max int      // of an Integer
	Required bool
}

// Route is one question that can be asked over HTTP, by GET or HEAD.
type Route struct {
	Path   string // with {id} for the id of what is asked about
	Name   string // unique among the routes of the system
	Doc    string
	Access Access
	Params []Param
	Answer any // the zero value of what is answered
	ask    func(*asked) (query.Question, error)
}

const maxText = 200

var (
	ids    = Param{Name: "ids", Type: IDs, Doc: "these instead of a list, in their order; missing ones are left out"}
	paging = []Param{
		{Name: "limit", Type: Integer, Doc: "items of a page, 20 where absent", Min: 1, Max: 200},
		{Name: "cursor", Type: Text, Doc: "next_cursor of the page before"},
		{Name: "total", Type: Boolean, Doc: "whether to count the whole list as well"},
	}
	asOf             = Param{Name: "as_of", Type: Moment, Doc: "look back: a position, or an instant (RFC 3339) for all that was recorded by then, with words that were edited since; now where absent"}
	reference        = Param{Name: "at", Type: Date, Doc: "the reference day, in UTC; today where absent"}
	words            = Param{Name: "q", Type: Text, Doc: "only those with all these words in title or description, whatever their case and width, of Chinese any run of characters, where one of three or more is found by its pairs; has no total"}
	category         = Param{Name: "category", Type: Text, Doc: "only this category"}
	goalStatus       = Param{Name: "status", Type: Text, Doc: "only this status", Enum: enum[events.GoalStatus]()}
	pathStatus       = Param{Name: "status", Type: Text, Doc: "published, as if absent: drafts are not listed", Enum: []string{string(events.PathStatusPublished)}}
	difficulty       = Param{Name: "difficulty_level", Type: Integer, Doc: "only this level", Min: 1, Max: 10}
	assessmentType   = Param{Name: "assessment_type", Type: Text, Doc: "only this type", Enum: enum[events.AssessmentType]()}
	assessmentStatus = Param{Name: "status", Type: Text, Doc: "only this status", Enum: enum[events.AssessmentStatus]()}
	since            = Param{Name: "since", Type: Date, Doc: "only those created on that day or later, in UTC; has no total"}
	targetType       = Param{Name: "target_type", Type: Text, Doc: "what the comments are about", Enum: enum[events.TargetType](), Required: true}
	targetID         = Param{Name: "target_id", Type: ID, Doc: "its id", Required: true}
)

var lookBack = []Param{asOf}

// ranking is what narrows a ranked list; it has no further pages.
var ranking = []Param{
	reference, category, {Name: "limit", Type: Integer, Doc: "how many, 20 where absent", Min: 1, Max: 200},
	{Name: "explain", Type: Boolean, Doc: "whether each says which days it is made of"},
}

func with(more []Param, params ...Param) []Param { return append(params, more...) }

// enum is what a parameter of a closed list may be.
func enum[T events.Enum[T]]() (values []string) {
	for _, v := range events.Values[T]() {
		values = append(values, string(v))
	}
	return values
}

// Routes lists every question that can be asked over HTTP.
func Routes() []Route {
	return []Route{
		{"/v1/users/me", "getMe", "Your profile with your active goals.", Authenticated, lookBack, query.User{}, me},
		{"/v1/users/{id}", "getUser", "A user with the active goals you may see.", Public, lookBack, query.User{}, user},
		{"/v1/users", "getUsers", "Several users, as each is alone.", Public, []Param{required(ids)}, query.Page[query.User]{}, users},
		{"/v1/users/{id}/goals", "listUserGoals", "A user's goals, newest first: your own, or another's public ones; none of who is erased or unknown.", Public, with(paging, goalStatus, category), query.Page[query.Goal]{}, userGoals},
		{"/v1/goals/{id}", "getGoal", "A goal with its paths, their points and your progress.", Public, lookBack, query.Goal{}, goal},
		{"/v1/goals", "listGoals", "The public goals, newest first, or several by id. With q your own as well, in pages that may be short of the limit: only one without next_cursor is the last. Goals of erased owners are left out of pages, and counted by total.", Public, with(paging, ids, category, goalStatus, words), query.Page[query.Goal]{}, goals},
		{"/v1/paths/{id}", "getPath", "A published path, or your own draft.", Public, lookBack, query.Path{}, path},
		{"/v1/paths", "listPaths", "The published paths, newest first.", Public, with(paging, category, pathStatus, words), query.Page[query.Path]{}, paths},
		{"/v1/points/{id}", "getPoint", "A knowledge point.", Public, lookBack, query.Point{}, point},
		{"/v1/points", "listPoints", "The knowledge points, newest first, or several by id.", Public, with(paging, ids, category, difficulty, words), query.Page[query.Point]{}, points},
		{"/v1/users/{id}/progress", "listProgress", "What you did, by knowledge point, in the order of their ids.", Owner, paging, query.Page[query.Progress]{}, progress},
		{"/v1/users/{id}/assessments", "listAssessments", "A learner's assessments, newest first.", OwnerOrCurator, with(paging, assessmentType, assessmentStatus, since), query.Page[query.Assessment]{}, assessments},
		{"/v1/assessments/{id}", "getAssessment", "An assessment.", OwnerOrCurator, lookBack, query.Assessment{}, assessment},
		{"/v1/comments/{id}", "getComment", "A comment on something you may see, as it is in the conversation. It waits for the views of everything that a comment may be about.", Public, nil, query.Comment{}, comment},
		{"/v1/comments", "listComments", "The comments on something you may see, in the order of the conversation.", Public, with(paging, targetType, targetID), query.Page[query.Comment]{}, comments},
		{"/v1/users/{id}/comments", "listUserComments", "A user's comments, newest first.", OwnerOrModerator, paging, query.Page[query.Comment]{}, userComments},
		{"/v1/popular-goals", "getPopularGoals", "The published paths that learners' goals attach, the most popular first.", Public, ranking, query.PopularGoals{}, popularGoals},
		{"/v1/trending-points", "getTrendingPoints", "The knowledge points that learners are busy with, the most popular first.", Public, ranking, query.TrendingPoints{}, trendingPoints},
		{"/v1/statistics", "getStatistics", "Figures of the whole system as it is, and of the days up to the reference day.", Public, []Param{reference}, query.Statistics{}, statistics},
		{"/v1/webhooks/{id}", "getWebhook", "A webhook, without its secret.", Admins, nil, query.Webhook{}, webhook},
		{"/v1/webhooks", "listWebhooks", "The webhooks, newest first, without their secrets.", Admins, paging, query.Page[query.Webhook]{}, webhooks},
		{"/v1/webhooks/{id}/deliveries", "listDeliveries", "How far a webhook has come, and its latest attempts.", Admins, nil, query.Deliveries{}, deliveries},
	}
}

func required(p Param) Param {
	p.Required = true
	return p
}
