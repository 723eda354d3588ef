package command

import (
	"fmt"

	"sical-backend/events"
)

// Reason is why a command was refused: a closed list, mapped to HTTP in one place.
type Reason int

// The reasons.
const (
	NotFound  Reason = iota + 1 // no such thing, or not the actor's to see
	Forbidden                   // seen, but not the actor's to do
	Conflict                    // another change came first, or a value is taken
	Broken                      // a rule of the domain forbids it
)

// Refusal is a decision against a command; the log is left as it was.
type Refusal struct {
	Reason  Reason
	Code    string // stable, snake_case, such as "goal_completed"
	Pointer string // JSON pointer of the field at fault, or ""
	Detail  string // one sentence for people
}

func (r *Refusal) Error() string { return r.Code + ": " + r.Detail }

func notFound(k events.Kind) error {
	return &Refusal{Reason: NotFound, Code: "not_found", Detail: fmt.Sprintf("There is no such %s.", k)}
}

func forbidden(detail string) error {
	return &Refusal{Reason: Forbidden, Code: "forbidden", Detail: detail}
}

func broken(code, pointer, format string, args ...any) error {
	return &Refusal{Broken, code, pointer, fmt.Sprintf(format, args...)}
}
