// parse reads Prometheus' text format: a map from name to samples, each with its
// labels and value.
export function parse(text) {
  const samples = new Map()
  for (const line of text.split('\n')) {
    if (!line || line[0] === '#') continue
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line)
    if (!match) continue
    const labels = {}
    for (const [, name, value] of (match[2] || '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      labels[name] = value.replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c))
    }
    if (!samples.has(match[1])) samples.set(match[1], [])
    samples.get(match[1]).push({ labels, value: Number(match[3].replace('Inf', 'Infinity')) })
  }
  return samples
}

// sum adds up the samples of a name that a filter lets through; NaN where there are none.
export function sum(samples, name, filter = () => true) {
  const list = (samples.get(name) || []).filter((s) => filter(s.labels))
  return list.length ? list.reduce((total, s) => total + s.value, 0) : NaN
}

// by gives the values of a name by one of its labels.
export function by(samples, name, label) {
  return new Map((samples.get(name) || []).map((s) => [s.labels[label], s.value]))
}

// growth is how much a counter grew from one page to a later one. One that fell
// began anew; one that was not there began at nothing.
export function growth(before, after, name, filter) {
  const is = sum(after, name, filter), was = sum(before, name, filter)
  if (Number.isNaN(is)) return NaN
  return Number.isNaN(was) || was > is ? is : is - was
}

// quantile estimates one from what a histogram's buckets that a filter lets through grew
// by, as Prometheus' histogram_quantile does: linear within the bucket. NaN where nothing
// was observed.
export function quantile(q, before, after, name, filter = () => true) {
  const edges = new Map()
  for (const [page, sign] of [[after, 1], [before, -1]]) {
    for (const s of (page.get(`${name}_bucket`) || []).filter((s) => filter(s.labels))) {
      const edge = Number(s.labels.le.replace('Inf', 'Infinity'))
      edges.set(edge, (edges.get(edge) || 0) + sign * s.value)
    }
  }
  const buckets = [...edges].sort((a, b) => a[0] - b[0])
  const total = buckets.length ? buckets[buckets.length - 1][1] : 0
  if (!(total > 0)) return NaN
  const rank = q * total
  const i = buckets.findIndex(([, n]) => n >= rank)
  if (buckets[i][0] === Infinity) return i ? buckets[i - 1][0] : NaN
  const [low, below] = i ? buckets[i - 1] : [0, 0]
  return low + (buckets[i][0] - low) * ((rank - below) / Math.max(buckets[i][1] - below, 1e-9))
}
