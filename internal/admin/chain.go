package admin

import (
	"encoding/json"

	"sical-backend/events"
)

// chainOf picks from a stretch of the log what belongs to the event at a position, in
// the log's order and with it: what the same request or command did, what
// caused any of it, and what that caused. It is empty where no event stands there.
func chainOf(list []events.Event, at uint64) []events.Event {
	index := map[string][]int{} // events by what they share with others
	keys := make([][]string, len(list))
	var next []int
	for i, e := range list {
		var meta events.Meta
		_ = json.Unmarshal(e.RawMeta, &meta) // metadata of a newer binary links to nothing
		keys[i] = links(e.ID, meta)
		for _, key := range keys[i] {
			index[key] = append(index[key], i)
		}
		if e.Position == at {
			next = append(next, i)
		}
	}
	found := make([]bool, len(list))
	for len(next) > 0 {
		i := next[len(next)-1]
		next = next[:len(next)-1]
		if found[i] {
			continue
		}
		found[i] = true
		for _, key := range keys[i] {
			next = append(next, index[key]...)
			delete(index, key) // all that share it are on the way
		}
	}
	var chain []events.Event
	for i, e := range list {
		if found[i] {
			chain = append(chain, e)
		}
	}
	return chain
}

// links are what an event shares with those that belong to it.
func links(id events.ID, meta events.Meta) []string {
	keys := []string{"event " + id.String()}
	if meta.Causation != (events.ID{}) {
		keys = append(keys, "event "+meta.Causation.String())
	}
	if meta.Command != (events.ID{}) {
		keys = append(keys, "command "+meta.Command.String())
	}
	if meta.Correlation != "" {
		keys = append(keys, "request "+meta.Correlation)
	}
	return keys
}

// nearest is what of a long chain is shown: maxRelated events around one of them.
func nearest(chain []events.Event, at uint64) []events.Event {
	i := 0
	for i < len(chain) && chain[i].Position < at {
		i++
	}
	first := min(max(i-maxRelated/2, 0), len(chain)-maxRelated)
	return chain[first : first+maxRelated]
}
