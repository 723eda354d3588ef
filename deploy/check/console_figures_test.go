package check

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// consoleLeavesStreamsOut has tiles beside the page's own tell of a hundred answers within
// 200 ms and of fifty streams, which last as long as their clients like.
func consoleLeavesStreamsOut(t *testing.T, b *browser) {
	value[bool](b, `Boolean(Promise.all([import('/console/tiles.js'), import('/console/metrics.js')]).then(([{ Tiles }, { parse }]) => {
		const bucket = (endpoint, le, n) => 'http_request_duration_seconds_bucket{endpoint="' + endpoint + '",le="' + le + '"} ' + n + '\n'
		const histogram = (endpoint, within, all) => bucket(endpoint, '0.2', within) + bucket(endpoint, '+Inf', all)
		const shown = new Tiles()
		shown.add(0, parse(histogram('/v1/goals/:id', 0, 0) + histogram('/v1/stream', 0, 0)))
		shown.add(1000, parse(histogram('/v1/goals/:id', 100, 100) + histogram('/v1/stream', 0, 50)))
		for (const tile of shown.tiles) tile.element.remove()
		window.latency = shown.tiles.find(tile => tile.name === 'latency').now.value
	}))`)
	b.is(`window.latency`)
	assert.InDelta(t, 190, value[float64](b, `window.latency`), 1e-6, "0.95 of the way to 200 ms")
}
