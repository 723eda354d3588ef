package main

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// faults are the flags and variables that cannot be read, each with why. kong itself
// stops at the first.
type faults map[string]error

// lenient has a parser go on with the default where a flag cannot be read, and returns
// where it is written down.
func lenient(parser *kong.Kong) (faults, error) {
	f := faults{}
	err := kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			if mild := (lenientMapper{flag.Mapper, f}); flag.IsBool() {
				flag.Mapper = lenientBool{mild}
			} else {
				flag.Mapper = mild
			}
		}
		return next(nil)
	})
	return f, err
}

// err is all of them, a line each; nil for none.
func (f faults) err() error {
	var all []error
	for _, name := range slices.Sorted(maps.Keys(f)) {
		all = append(all, fmt.Errorf("--%s: %w", name, f[name]))
	}
	return errors.Join(all...)
}

// lenientMapper reads a flag as the mapper within does.
type lenientMapper struct {
	kong.Mapper
	faults faults
}

// Decode never fails, so that the flags behind are read, too.
func (m lenientMapper) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	next := ctx.Scan.Peek()
	err := m.Mapper.Decode(ctx, target)
	switch {
	case err == nil || next.IsValue():
	case next.InferredType() == kong.ShortFlagToken:
		err = fmt.Errorf("a value is missing; one that begins with - is written --%s=%s", ctx.Value.Name, next)
	default:
		err = errors.New("a value is missing")
	}
	if value := ctx.Value; err == nil && value.Enum != "" && !value.EnumMap()[fmt.Sprint(target.Interface())] {
		err = fmt.Errorf("it must be one of %s", strings.Join(value.EnumSlice(), ", "))
	}
	if err == nil {
		return nil
	}
	m.faults[ctx.Value.Name] = err
	target.SetZero()
	if !ctx.Value.HasDefault {
		return nil
	}
	standard := kong.DecodeContext{Value: ctx.Value, Scan: kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: ctx.Value.Default})}
	return m.Mapper.Decode(&standard, target)
}

// lenientBool is one of a flag that needs no value.
type lenientBool struct{ lenientMapper }

// IsBool tells kong so.
func (lenientBool) IsBool() bool { return true }
