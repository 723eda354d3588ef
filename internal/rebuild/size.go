package rebuild

import (
	"reflect"
	"time"

	"sical-backend/projections"
)

// sizer estimates the memory that rows take from the size of some of them.
type sizer struct {
	calls int
	mean  float64 // bytes a row
}

const (
	sampled     = 64 // rows looked at, and how many calls apart
	rowOverhead = 96 // of a map with keys of 32 bytes, at its usual load
)

// of is the size of the rows in bytes.
func (s *sizer) of(rows map[projections.Key]projections.Row) int64 {
	if s.calls%sampled == 0 && len(rows) > 0 {
		var sum uintptr
		n := 0
		for _, row := range rows { // which begins anywhere
			if n++; n > sampled {
				n--
				break
			}
			sum += sizeOf(reflect.ValueOf(row))
		}
		mean := float64(sum)/float64(n) + rowOverhead
		if s.mean == 0 {
			s.mean = mean
		}
		s.mean += (mean - s.mean) / 4
	}
	s.calls++
	return int64(s.mean * float64(len(rows)))
}

// sizeOf is what v points to, itself not counted.
func sizeOf(v reflect.Value) (size uintptr) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() || v.Type() == location {
			return 0
		}
		return v.Elem().Type().Size() + sizeOf(v.Elem())
	case reflect.String:
		return uintptr(v.Len())
	case reflect.Slice:
		size = uintptr(v.Cap()) * v.Type().Elem().Size()
		for i := range v.Len() {
			size += sizeOf(v.Index(i))
		}
	case reflect.Map:
		for each := v.MapRange(); each.Next(); {
			size += each.Key().Type().Size() + each.Value().Type().Size() + sizeOf(each.Key()) + sizeOf(each.Value())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			size += sizeOf(v.Field(i))
		}
	}
	return size
}

// location is shared by all instants of a zone.
var location = reflect.TypeFor[*time.Location]()
