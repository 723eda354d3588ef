package events

// Enum is a text with a closed list of values, in the order they are told to people.
// The doors check against that list, and the documents show it: a new value is added
// beside its constant, and nowhere else.
type Enum[T any] interface {
	~string
	Values() []T
}

// Values lists what a T may be.
func Values[T Enum[T]]() []T {
	var zero T
	return zero.Values()
}
