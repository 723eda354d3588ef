package events

import "reflect"

// upcast enters Old as what name looked like in an old schema, and how it becomes
// the next schema's Go type, which follows schema by one: the current event, or the
// next old form. What is stored is never changed; it is read as if it had been
// written today. So an event that needs more than new optional fields gets
//
//	type goalCreated1 struct{ … } // a copy of GoalCreated as it was
//
//	_ = upcast(known, "goal.created", 1, func(old *goalCreated1) *GoalCreated { … })
//	_ = define[GoalCreated]("goal.created", 2)
//
// An upcast must be a function of its argument alone. Personal fields are still
// sealed when it runs: it may move them and not look into them.
func upcast[Old, New any](c *catalogue, name string, schema int, f func(*Old) *New) *Type {
	return c.enter(&Type{
		Name: name, Schema: schema, goType: reflect.TypeFor[Old](),
		upcast: func(old any) any { return f(old.(*Old)) },
	})
}

// Old tells whether events are no longer written in this form.
func (t *Type) Old() bool { return t.upcast != nil }

// current takes a decoded value of a form through every later schema.
func (c *catalogue) current(t *Type, d any) Data {
	for t.upcast != nil {
		d = t.upcast(d)
		t = c.byName[key{t.Name, t.Schema + 1}]
	}
	return d.(Data)
}

// check panics where an old form does not lead to a current one, step by step: a
// mistake in the program, found when it is first tested.
func (c *catalogue) check() {
	for k, t := range c.byName {
		if t.upcast == nil {
			if c.byName[key{k.name, k.schema + 1}] != nil {
				panic("events: two current schemas: " + k.name)
			}
			continue
		}
		next := c.byName[key{k.name, k.schema + 1}]
		if next == nil {
			panic("events: an old schema leads nowhere: " + k.name)
		}
		if got := reflect.TypeOf(t.upcast(reflect.New(t.goType).Interface())); got != reflect.PointerTo(next.goType) {
			panic("events: an old schema becomes " + got.String() + ": " + k.name)
		}
	}
}
