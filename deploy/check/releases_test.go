package check

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestTwoReleases runs a release beside one whose goal view has a later version with
// another fold and a column more: the later builds its own beside, nobody is asked, and each serves the
// version that it knows. Then the later one goes away again.
func TestTwoReleases(t *testing.T) {
	setPasswords(t)
	w := newWorld(t)
	c := composed(t)
	run(t, binary(t), w.here(c["migrate"].env), c["migrate"].args...)
	old := w.startAll(c)
	ana := register(t, gateway(t, old[:1], old[1:2]), "ana")
	create := func() (id, at string) {
		made := ana.call(t, "POST", "/v1/goals", `{"title":"Play the cello","category":"music"}`)
		return made["id"].(string), position(made)
	}
	before, _ := create()

	later := map[string]container{}
	for name, role := range c {
		role.tag = "raised"
		later[name] = role
	}
	projector := w.start(later["projector"])
	query := w.start(later["query"]) // ready when its version is
	anew := &visitor{gateway(t, old[:1], []*process{query}), ana.token}
	after, at := create()
	category := func(v *visitor, id string) any {
		return v.call(t, "GET", "/v1/goals/"+id, "", "Sical-Min-Position", at, "Prefer", "wait=5")["category"]
	}
	for _, id := range []string{before, after} {
		assert.Equal(t, "music", category(ana, id))
		assert.Equal(t, "MUSIC", category(anew, id))
	}

	w.stop(query)
	w.stop(projector)
	after, at = create()
	assert.Equal(t, "music", category(ana, after))
}
