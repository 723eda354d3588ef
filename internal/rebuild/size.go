package rebuild

import (
	"reflect"
	"time"
)

// sizer estimates the memory that rows take from the size of some of them.
type sizer struct {
	calls int
	mean  float64 // bytes a row
}

const (
	sampled     = 64  // rows looked at, and how many calls apart
	rowOverhead = 128 // of a folder's slice while it grows, and of its index
)

// of is the size of the rows in bytes.
func (s *sizer) of(rows []row) int64 {
	if s.calls%sampled == 0 && len(rows) > 0 {
		var sum uintptr
		n := 0
		for at := 0; at < len(rows); at += 1 + len(rows)/sampled {
			n++
			sum += sizeOf(reflect.ValueOf(rows[at].value))
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
