package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// jsonProblem turns the decoder's errors into words for the client, without the
// names of Go types.
func jsonProblem(body []byte, err error) *Problem {
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		return semanticProblem(semantic)
	}
	syntactic, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case ok && errors.Is(err, jsontext.ErrDuplicateName):
		return fieldProblem(DuplicateField, syntactic.JSONPointer, "appears twice")
	case !utf8.Valid(body):
		return NewProblem(BadJSON, "Not valid UTF-8.")
	case len(bytes.TrimSpace(body)) == 0:
		return NewProblem(BadJSON, "The body is empty.")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return NewProblem(BadJSON, "The document ends too early.")
	case ok:
		return NewProblem(BadJSON, fmt.Sprintf("Not valid JSON after byte %d.", syntactic.ByteOffset))
	default:
		return NewProblem(BadJSON, "")
	}
}

func semanticProblem(err *json.SemanticError) *Problem {
	if errors.Is(err, json.ErrUnknownName) {
		return fieldProblem(UnknownField, err.JSONPointer, "is not known here")
	}
	if field, ok := errors.AsType[FieldError](err.Err); ok {
		field.Pointer = string(err.JSONPointer)
		return NewProblem(InvalidField, "", field)
	}
	return fieldProblem(InvalidField, err.JSONPointer, expectation(err))
}

func fieldProblem(code Code, pointer jsontext.Pointer, detail string) *Problem {
	return NewProblem(code, "", FieldError{Pointer: string(pointer), Code: string(code), Detail: detail})
}

// expecting is a type with a form of its own that says what would have been right,
// such as "expected a date as YYYY-MM-DD".
type expecting interface{ Expected() string }

// expectation says in JSON's words what would have been right.
func expectation(err *json.SemanticError) string {
	t := err.GoType
	if t == nil {
		return "not a valid value"
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if words, ok := reflect.Zero(t).Interface().(expecting); ok {
		return words.Expected()
	}
	if t == reflect.TypeFor[time.Time]() {
		return "expected an instant as RFC 3339 writes it"
	}
	if t.Name() != "" && t.PkgPath() != "" && err.JSONKind == '"' && t.Kind() != reflect.Struct {
		return "not a valid value" // a named type with its own reading of strings
	}
	switch t.Kind() {
	case reflect.Bool:
		return "expected true or false"
	case reflect.String:
		return "expected a string"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "expected an integer in range"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "expected an integer in range, not negative"
	case reflect.Float32, reflect.Float64:
		return "expected a number in range"
	case reflect.Slice, reflect.Array:
		return "expected an array"
	case reflect.Struct, reflect.Map:
		return "expected an object"
	default:
		return "not a valid value"
	}
}
