package web

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// shape is what one quick pass over a document tells before it is decoded.
type shape struct {
	depth int  // of nesting
	nul   bool // an escaped U+0000 in a string
	null  bool // a null among the values
}

// scan looks at the bytes outside and inside of strings. It need not notice bad
// syntax: the decoder does. It may only err by finding too much in a bad document.
func scan(body []byte) shape {
	var s shape
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		b := body[i]
		switch {
		case inString && b == '\\':
			s.nul = s.nul || bytes.HasPrefix(body[i+1:], []byte("u0000"))
			i++
		case b == '"':
			inString = !inString
		case inString:
		case b == '{' || b == '[':
			depth++
			s.depth = max(s.depth, depth)
		case b == '}' || b == ']':
			depth--
		case b == 'n': // outside strings only null begins so
			s.null = true
		}
	}
	return s
}

// nulProblem walks to the string that holds U+0000 to say where it is.
func nulProblem(body []byte) *Problem {
	decoder := jsontext.NewDecoder(bytes.NewReader(body))
	for {
		token, err := decoder.ReadToken()
		if err != nil {
			return jsonProblem(body, err)
		}
		if token.Kind() == '"' && strings.Contains(token.String(), "\x00") {
			return NewProblem(InvalidField, "", FieldError{
				Pointer: string(decoder.StackPointer()),
				Code:    string(InvalidField),
				Detail:  "must not contain U+0000",
			})
		}
	}
}
