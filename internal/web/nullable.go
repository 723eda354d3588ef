package web

import (
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Nullable is a member of a request that may be absent, null or a value: the
// three things a JSON merge patch (RFC 7396) can say. Everywhere else a null is
// refused: an absent member says the same.
type Nullable[T any] struct {
	Set   bool // the member was there
	Null  bool // and was null
	Value T
}

// UnmarshalJSONFrom decodes null or a T.
func (n *Nullable[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*n = Nullable[T]{Set: true}
	if d.PeekKind() == 'n' {
		n.Null = true
		return d.SkipValue()
	}
	return json.UnmarshalDecode(d, &n.Value)
}

func (*Nullable[T]) takesNull() {}

// refuseNull goes before every value of a document that has a null somewhere.
func refuseNull(d *jsontext.Decoder, into any) error {
	if _, ok := into.(interface{ takesNull() }); ok || d.PeekKind() != 'n' {
		return errors.ErrUnsupported
	}
	if _, ok := into.(*jsontext.Value); ok {
		return errors.ErrUnsupported // decoded, and checked, by its reader
	}
	if err := d.SkipValue(); err != nil {
		return err
	}
	return FieldError{Code: string(InvalidField), Detail: "must not be null"}
}
