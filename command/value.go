package command

import (
	"slices"
	"strings"

	"sical-backend/events"
)

// oneOf checks a required value of a closed list.
func oneOf[T events.Enum[T]](pointer string, v T) error {
	if v == "" {
		return missing(pointer)
	}
	if !slices.Contains(v.Values(), v) {
		return broken("unknown_value", pointer, "One of %s is expected.", list(v.Values()))
	}
	return nil
}

// list names values for people.
func list[T ~string](values []T) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = string(v)
	}
	return strings.Join(names, ", ")
}

// within checks a number's bounds, both of them allowed.
func within[T ~int | ~int64](pointer string, v, least, most T) error {
	if v < least || v > most {
		return broken("out_of_range", pointer, "A value from %v to %v is expected.", least, most)
	}
	return nil
}

// or is the optional value, or what it is by default.
func or[T any](v *T, byDefault T) T {
	if v == nil {
		return byDefault
	}
	return *v
}

// differing is the optional new value, nil where it is the old one.
func differing[T comparable](old T, v *T) *T {
	if v == nil || *v == old {
		return nil
	}
	return v
}

// change is the step from the old value to the optional new one, nil for none.
func change[T comparable](old T, v *T) *events.Change[T] {
	if v == nil || *v == old {
		return nil
	}
	return &events.Change[T]{From: old, To: *v}
}

// dateOr reads an optional date, where an empty text means none: the old one
// where v is absent.
func dateOr(old *events.Date, pointer string, v *string) (*events.Date, error) {
	if v == nil {
		return old, nil
	}
	if *v == "" {
		return nil, nil
	}
	d, err := events.ParseDate(*v)
	if err != nil {
		return nil, broken("invalid_date", pointer, "A date of the form YYYY-MM-DD is expected.")
	}
	return &d, dated(pointer, &d)
}

// dated refuses a day before the first that anything may have happened on.
func dated(pointer string, d *events.Date) error {
	if d != nil && *d < events.DateOf(earliest) {
		return broken("out_of_range", pointer, "A day from %s on is expected.", events.DateOf(earliest))
	}
	return nil
}

func sameDate(a, b *events.Date) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// missing refuses the absence of a required field.
func missing(pointer string) error {
	return broken("missing", pointer, "The field %q is needed.", pointer[1:])
}

// after is the value that an optional change leaves.
func after[T any](old T, c *events.Change[T]) T {
	if c == nil {
		return old
	}
	return c.To
}
