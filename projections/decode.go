package projections

import (
	"fmt"

	"github.com/segmentio/encoding/json"
)

// Decode reads a stored row, or those members of it that R has. Rows are this program's own
// and the server has checked that they are JSON, so it is done by a library that takes half
// the time of the strict one and accepts more. Names are compared as they are: one that
// differed in case would be another member.
func Decode[R any](doc []byte) (*R, error) {
	r := new(R)
	rest, err := json.Parse(doc, r, json.DontMatchCaseInsensitiveStructFields)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("projections: %d bytes stand behind the row", len(rest))
	}
	return r, err
}
