package ids

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestDerive(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, time.March, 1, 12, 0, 0, 123_000_000, time.UTC)
	id := Derive("a\n", at, "%s %d", "图论", 1)

	assert.Equal(t, "019ca945-0a7b-7b32-b9c1-11dc20143b5f", id.String(), "an id that changes imports everything again")
	assert.EqualValues(t, 7, id.Version())
	assert.Equal(t, "RFC4122", id.Variant().String())
	seconds, nanoseconds := id.Time().UnixTime()
	assert.True(t, time.Unix(seconds, nanoseconds).Equal(at), "the time stands in the id")

	assert.Equal(t, id, Derive("a\n", at, "图论 1"))
	assert.NotEqual(t, id, Derive("b\n", at, "图论 1"))
	assert.NotEqual(t, id, Derive("a\n", at, "图论 2"))
	assert.NotEqual(t, id, Derive("a\n", at.Add(time.Millisecond), "图论 1"))
}
