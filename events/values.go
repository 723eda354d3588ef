package events

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Change is a value before and after, so that totals follow from the event.
type Change[T any] struct {
	From T `json:"from"`
	To   T `json:"to"`
}

// Date is a day in no particular zone, counted from 1970-01-01; as text it is
// RFC 3339's full-date, YYYY-MM-DD.
type Date int32

const secondsPerDay = 24 * 60 * 60

// DateOf is the UTC day of an instant.
func DateOf(t time.Time) Date {
	s := t.Unix()
	if s < 0 {
		s -= secondsPerDay - 1
	}
	return Date(s / secondsPerDay)
}

// ParseDate reads YYYY-MM-DD.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("%q is no date of the form YYYY-MM-DD", s)
	}
	return DateOf(t), nil
}

// Time is the first instant of the day in UTC.
func (d Date) Time() time.Time { return time.Unix(int64(d)*secondsPerDay, 0).UTC() }

func (d Date) String() string { return string(d.Append(make([]byte, 0, len(time.DateOnly)))) }

// Append writes YYYY-MM-DD behind b, by hand: names of daily sums are made of it by the
// million.
func (d Date) Append(b []byte) []byte {
	year, month, day := d.Time().Date()
	if year < 1000 || year > 9999 {
		return d.Time().AppendFormat(b, time.DateOnly)
	}
	b = strconv.AppendInt(b, int64(year), 10)
	return append(b, '-', '0'+byte(month/10), '0'+byte(month%10), '-', '0'+byte(day/10), '0'+byte(day%10))
}

// MarshalText writes YYYY-MM-DD.
func (d Date) MarshalText() ([]byte, error) { return d.Append(nil), nil }

// Expected says what a text that is none should have been.
func (Date) Expected() string { return "expected a date as YYYY-MM-DD" }

// UnmarshalText reads YYYY-MM-DD.
func (d *Date) UnmarshalText(b []byte) (err error) {
	*d, err = ParseDate(string(b))
	return err
}

// Hundredths is an exact decimal with two places, for scores and weights: in
// JSON a number such as 72.5. Sums of it are exact and independent of order.
type Hundredths int64

var errHundredths = errors.New("expected a number with at most two decimal places")

func (h Hundredths) String() string {
	sign, n := "", int64(h)
	if n < 0 {
		sign, n = "-", -n
	}
	s := fmt.Sprintf("%s%d.%02d", sign, n/100, n%100)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// ParseHundredths reads a plain decimal number with at most two places.
func ParseHundredths(s string) (Hundredths, error) {
	digits, negative := strings.CutPrefix(s, "-")
	whole, fraction, dotted := strings.Cut(digits, ".")
	if whole == "" || len(whole) > 12 || len(fraction) > 2 || dotted && fraction == "" {
		return 0, errHundredths
	}
	n, err := strconv.ParseUint(whole+(fraction + "00")[:2], 10, 62)
	if err != nil {
		return 0, errHundredths
	}
	if negative {
		return -Hundredths(n), nil
	}
	return Hundredths(n), nil
}

// MarshalJSON writes a JSON number.
func (h Hundredths) MarshalJSON() ([]byte, error) { return []byte(h.String()), nil }

// Expected says what a value that is none should have been.
func (Hundredths) Expected() string { return errHundredths.Error() }

// UnmarshalJSON reads a JSON number.
func (h *Hundredths) UnmarshalJSON(b []byte) (err error) {
	*h, err = ParseHundredths(string(b))
	return err
}
