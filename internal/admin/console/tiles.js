import { $, element, say } from './dom.js'
import { bytes, number } from './format.js'
import { growth, quantile, sum } from './metrics.js'
import { has, t } from './texts.js'

const keep = 150, room = 30 // points of a graph at most, and that it has room for at first
const spread = 5 // polls over which a rate is taken
const width = 160, height = 36

const writes = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])
const answered = (l) => l.endpoint !== '/v1/stream' // a stream lasts as long as its client likes
const part = (n, of) => (of > 0 ? number(Math.round((1000 * n) / of) / 10) : number(0))

// tiles are the figures: each gives its value, its unit and what fills in its note
// from a page of metrics, an earlier one, and the seconds between.
const tiles = {
  requests: (now, was, s) => {
    const all = growth(was, now, 'http_requests_total')
    const failed = growth(was, now, 'http_requests_total', (l) => l.status >= '500')
    return [all / s, 'perSecond', part(failed || 0, all)]
  },
  latency: (now, was) => {
    const took = (q) => 1000 * quantile(q, was, now, 'http_request_duration_seconds', answered)
    return [took(0.95), 'milliseconds', number(took(0.5))]
  },
  commands: (now, was, s) => {
    const of = growth(was, now, 'http_requests_total')
    const n = growth(was, now, 'http_requests_total', (l) => writes.has(l.method))
    return [(Number.isNaN(of) ? NaN : n || 0) / s, 'perSecond', part(n, of)]
  },
  appended: (now, was, s) => [growth(was, now, 'sical_log_events_total') / s, 'perSecond', number(sum(now, 'sical_log_position'))],
  relay: (now) => [sum(now, 'sical_relay_lag_seconds'), 'seconds', number(sum(now, 'sical_relay_lag_events'))],
  cache: (now, was, s) => {
    const grew = (result) => growth(was, now, 'sical_cache_answers_total', (l) => l.result === result)
    const hits = grew('hit') + grew('joined'), misses = grew('miss')
    const share = hits + misses > 0 ? (100 * hits) / (hits + misses) : NaN
    return [share, '%', number(Math.round(hits / s)), number(Math.round(misses / s)), bytes(sum(now, 'sical_cache_bytes'))]
  },
  process: (now, was, s) => [
    100 * (growth(was, now, 'process_cpu_seconds_total') / s), '%', bytes(sum(now, 'process_resident_memory_bytes')),
  ],
}

// Tiles shows them with what they were in the last minutes.
export class Tiles {
  constructor() {
    this.pages = []
    this.tiles = Object.keys(tiles).map((name) => new Tile(name))
    $('tiles').append(...this.tiles.map((tile) => tile.element))
  }

  add(at, page) {
    this.pages.push({ at, page })
    if (this.pages.length > spread + 1) this.pages.shift()
    const first = this.pages[0]
    if (first.page !== page) {
      for (const tile of this.tiles) tile.add(at, tiles[tile.name](page, first.page, (at - first.at) / 1000))
    }
    this.show()
  }

  show() {
    for (const tile of this.tiles) tile.show()
  }
}

class Tile {
  constructor(name) {
    this.name = name
    this.values = []
    this.title = element('h3')
    this.figure = element('b', { '@data-figure': name })
    this.unit = element('small')
    this.area = element('svg:polygon', { '@class': 'area' })
    this.line = element('svg:polyline', { '@class': 'line' })
    this.graph = element('svg:svg', { '@viewBox': `0 0 ${width} ${height}`, '@preserveAspectRatio': 'none', '@role': 'img' }, this.area, this.line)
    this.note = element('p', { className: 'quiet' })
    this.element = element('article', { className: 'tile' }, this.title, element('p', { className: 'figure' }, this.figure, ' ', this.unit), this.graph, this.note)
  }

  add(at, [value, unit, ...notes]) {
    this.values.push({ at, value })
    if (this.values.length > keep) this.values.shift()
    this.now = { value, unit, notes }
  }

  show() {
    const { value = NaN, unit = '', notes = [] } = this.now || {}
    say(this.title, t(this.name))
    say(this.figure, number(value >= 10 ? Math.round(value * 10) / 10 : value))
    say(this.unit, Number.isFinite(value) ? (has(unit) ? t(unit) : unit) : '')
    say(this.note, this.now ? t(`${this.name}Note`, ...notes) : '')
    this.draw()
  }

  // draw joins the known points, the newest at the right edge; a gap is bridged.
  draw() {
    const known = this.values.map((v, i) => [i, v.value]).filter(([, v]) => Number.isFinite(v))
    const most = Math.max(...known.map(([, v]) => v), 0)
    const step = width / (Math.max(this.values.length, room) - 1)
    const x = (i) => (width - (this.values.length - 1 - i) * step).toFixed(1)
    const y = (v) => (height - 2 - (most > 0 ? (v / most) * (height - 5) : 0)).toFixed(1)
    const points = known.map(([i, v]) => `${x(i)},${y(v)}`)
    this.line.setAttribute('points', points.join(' '))
    this.area.setAttribute('points', points.length ? [`${x(known[0][0])},${height}`, ...points, `${x(known[known.length - 1][0])},${height}`].join(' ') : '')
    const minutes = this.values.length ? (this.values[this.values.length - 1].at - this.values[0].at) / 60000 : 0
    this.graph.setAttribute('aria-label', t('graph', t(this.name), number(minutes), number(most)))
  }
}
