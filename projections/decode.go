package projections

import (
	"fmt"

	"github.com/segmentio/asm/cpu"
	"github.com/segmentio/asm/cpu/x86"
	"github.com/segmentio/encoding/json"
)

// The library looks through each string by instructions of AVX and SSE in turn, without the
// VZEROUPPER that belongs between them (Intel: Avoiding AVX-SSE Transition Penalties). That
// takes 300 ns a string on a Xeon of 2023, however short it is; without AVX it is 5 to 170.
func init() { cpu.X86 &^= x86.CPU(x86.AVX2) }

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
