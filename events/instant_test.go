package events

import (
	"encoding/json"
	"testing"
	"time"
)

func TestWritable(t *testing.T) {
	t.Parallel()
	east := time.FixedZone("", 14*60*60)
	for _, c := range []struct{ at, want time.Time }{
		{time.Date(0, 1, 1, 0, 0, 0, 0, east), firstInstant},
		{time.Date(-4713, 1, 1, 0, 0, 0, 0, time.UTC), firstInstant},
		{firstInstant, firstInstant},
		{time.Date(2026, 3, 1, 12, 0, 0, 1000, time.UTC), time.Date(2026, 3, 1, 12, 0, 0, 1000, time.UTC)},
		{lastInstant, lastInstant},
		{time.Date(294276, 12, 31, 0, 0, 0, 0, time.UTC), lastInstant},
	} {
		got := Writable(c.at)
		if !got.Equal(c.want) {
			t.Errorf("%s is told as %s", c.at, got)
		}
		text, err := json.Marshal(got)
		if err != nil {
			t.Errorf("%s: %v", got, err)
		}
		var back time.Time
		if err := json.Unmarshal(text, &back); err != nil || !back.Equal(got) {
			t.Errorf("%s is read as %s: %v", text, back, err)
		}
		if day := DateOf(got); day.String() < "0001-01-01" || day.String() > "9999-12-31" {
			t.Errorf("%s is on %s", got, day)
		}
	}
}
