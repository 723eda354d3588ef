package events

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

func TestDate(t *testing.T) {
	t.Parallel()
	for text, day := range map[string]Date{
		"1970-01-01": 0, "1969-12-31": -1, "1970-01-02": 1, "2000-02-29": 11016, "2013-02-01": 15737, "0001-01-01": -719162, "9999-12-31": 2932896,
	} {
		got, err := ParseDate(text)
		if err != nil || got != day || day.String() != text {
			t.Errorf("%s: %d, %v, %s", text, got, err, day)
		}
	}
	for _, bad := range []string{"", "2026", "2026-2-3", "2026-02-30", "2025-02-29", "26-02-03", "2026-02-03T00:00:00Z", " 2026-02-03", "12026-02-03"} {
		if d, err := ParseDate(bad); err == nil {
			t.Errorf("%q is taken for %s", bad, d)
		}
	}
	shanghai := time.FixedZone("CST", 8*60*60)
	for at, want := range map[time.Time]string{
		time.Date(2026, 3, 1, 7, 59, 59, 0, shanghai):          "2026-02-28",
		time.Date(2026, 3, 1, 8, 0, 0, 0, shanghai):            "2026-03-01",
		time.Date(1969, 12, 31, 23, 59, 59, 999_999, time.UTC): "1969-12-31",
		time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC):          "1969-12-31",
	} {
		if got := DateOf(at).String(); got != want {
			t.Errorf("%s is on %s, want %s", at, got, want)
		}
	}
}

func FuzzDate(f *testing.F) {
	for _, seed := range []string{"2026-03-01", "1969-12-31", "0000-01-01", "2026-02-30", "-001-01-01"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDate(text)
		if err == nil && d.String() != text {
			t.Errorf("%q is read as %s", text, d)
		}
		if err == nil && DateOf(d.Time()) != d {
			t.Errorf("%s begins on another day", d)
		}
	})
}

func TestHundredths(t *testing.T) {
	t.Parallel()
	for text, value := range map[string]Hundredths{
		"0": 0, "72.5": 7250, "100": 10000, "0.01": 1, "-0.5": -50, "12.34": 1234, "-7": -700, "999999999999.99": 99999999999999, "10": 1000,
	} {
		got, err := ParseHundredths(text)
		if err != nil || got != value || value.String() != text {
			t.Errorf("%s: %d, %v, %s", text, got, err, value)
		}
	}
	for _, same := range []string{"7.50", "07.5", "7.5"} {
		if got, err := ParseHundredths(same); err != nil || got != 750 {
			t.Errorf("%s: %d, %v", same, got, err)
		}
	}
	for _, bad := range []string{"", ".", "1.", ".5", "1.234", "1e2", "+1", "--1", "1.-1", "-", "1 ", "0x10", "NaN", "1_0", "1,5", "1.+5", "9999999999999"} {
		if h, err := ParseHundredths(bad); err == nil {
			t.Errorf("%q is taken for %s", bad, h)
		}
	}
	var score struct{ Value Hundredths }
	if err := json.Unmarshal([]byte(`{"Value":"72.5"}`), &score); err == nil {
		t.Error("a string is taken for a number")
	}
}

func FuzzHundredths(f *testing.F) {
	for _, seed := range []string{"72.5", "-0.01", "100", "1.234", "-0", "00.10"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := ParseHundredths(text)
		if err != nil {
			return
		}
		if strings.Trim(text, "-.0123456789") != "" {
			t.Errorf("%q is taken for a number", text)
		}
		if again, err := ParseHundredths(h.String()); err != nil || again != h {
			t.Errorf("%q is %d, written %s and read %d: %v", text, h, h, again, err)
		}
	})
}

func TestStream(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("0192f0c1-2345-7abc-8def-0123456789ab")
	s := StreamOf(KindGoal, id)
	if s != "goal-0192f0c1-2345-7abc-8def-0123456789ab" || s.Kind() != KindGoal || s.ID() != id {
		t.Error(s, s.Kind(), s.ID())
	}
	if Curriculum.Kind() != KindCurriculum || Curriculum.ID() != (ID{}) {
		t.Error(Curriculum.Kind(), Curriculum.ID())
	}
	if got := (Target{TargetPath, id}).Stream(); got != StreamOf(KindPath, id) {
		t.Error(got)
	}
}
