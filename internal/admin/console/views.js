import { confirmed } from './confirm.js'
import { $, element, Rows, say } from './dom.js'
import { number, span } from './format.js'
import { Job } from './job.js'
import { by } from './metrics.js'
import { post } from './net.js'
import { t } from './texts.js'

const actions = ['pause', 'resume', 'rebuild', 'verify', 'cancel', 'approve', 'rollback']
const ended = ['done', 'failed', 'cancelled']
const worst = ['failed', 'paused', 'building', 'live']

// builds gathers the shards of each build. A build's position is the least of its
// shards', its state the worst.
function builds(shards) {
  const found = new Map()
  for (const s of shards) {
    const key = `${s.view}/${s.version}/${s.build}`
    if (!found.has(key)) found.set(key, { key, ...s, shards: [] })
    found.get(key).shards.push(s)
  }
  for (const b of found.values()) {
    b.position = Math.min(...b.shards.map((s) => s.position))
    b.behind = Math.max(...b.shards.map((s) => s.behind))
    b.state = worst.find((state) => b.shards.some((s) => s.state === state)) || b.state
    b.owners = [...new Set(b.shards.map((s) => s.owner).filter(Boolean))]
    b.error = b.shards.map((s) => s.error).find(Boolean)
  }
  return [...found.values()]
}

// rowsOf puts each view's builds in the order they matter: the one that is read first,
// with the buttons and the jobs, then the others.
function rowsOf(registry) {
  const rows = []
  const all = builds(registry.items || [])
  for (const view of [...new Set(all.map((b) => b.view))].sort()) {
    const own = all.filter((b) => b.view === view)
      .sort((a, b) => b.serving - a.serving || b.version - a.version || b.previous - a.previous || b.build - a.build)
    const jobs = (registry.jobs || []).filter((j) => j.view === view)
    own.forEach((b, i) => rows.push({ ...b, first: i === 0, possible: i ? [] : possible(own, jobs) }))
    for (const job of jobs.filter(worthShowing)) rows.push({ key: `${view}/job/${job.version}/${job.kind}`, job })
  }
  return rows
}

// worthShowing leaves out what ended well long ago, or had nothing to compare.
function worthShowing(job) {
  if (job.state !== 'done') return true
  return Boolean(job.outcome) && Date.now() - new Date(job.finished_at || job.updated_at) < 15 * 60000
}

// possible are the actions that make sense for a view just now.
function possible(own, jobs) {
  const busy = (kind) => jobs.find((j) => j.kind === kind && !ended.includes(j.state))
  const rebuild = busy('rebuild')
  const can = new Set([own[0].state === 'live' ? 'pause' : 'resume'])
  if (!rebuild) can.add('rebuild')
  if (!busy('verify')) can.add('verify')
  if (rebuild) can.add('cancel')
  if (rebuild?.state === 'held') can.add('approve')
  if (own.some((b) => b.previous)) can.add('rollback')
  return actions.filter((a) => can.has(a))
}

// Views shows how far every view is, and steers it.
export class Views {
  constructor(refresh) {
    this.refresh = refresh
    this.rows = new Rows($('view-table').tBodies[0], (row) => (row.job ? new Job() : new Build(this)))
  }

  // update takes the registry, null where this process has none, and a page of metrics.
  update(registry, page) {
    this.seconds = by(page, 'sical_view_lag_seconds', 'view')
    $('no-registry').hidden = registry !== null
    const rows = registry ? rowsOf(registry) : told(page)
    $('view-table').hidden = rows.length === 0
    this.last = rows
    this.show()
  }

  show() {
    if (this.last) this.rows.show(this.last, (row) => row.key)
  }

  async act(action, view) {
    const what = t('actionOn', t(action), view)
    if (!await confirmed(what, t(`ask ${action}`), t(action))) return
    try {
      await post(`/admin/projections/${encodeURIComponent(view)}/${action}`)
      this.tell(t('asked', what), '')
    } catch (error) {
      this.tell(t('refused', what, error.message), 'bad')
    }
    this.refresh()
  }

  tell(text, kind) {
    $('outcome').textContent = text
    $('outcome').className = kind
  }
}

// told are the views as the metrics tell them, where there is no registry.
function told(page) {
  const lag = by(page, 'sical_view_lag_events', 'view')
  return (page.get('sical_view_state') || []).filter((s) => s.value === 1).map(({ labels }) => ({
    key: labels.view, view: labels.view, state: labels.state, position: NaN, behind: lag.get(labels.view) ?? NaN,
    serving: true, shards: [], owners: [], first: true, possible: [],
  }))
}

// Build is the row of one build of a view.
class Build {
  constructor(views) {
    this.views = views
    const cell = (className = '') => element('td', { className })
    this.name = element('th', { '@scope': 'row' })
    this.state = element('span', { className: 'badge' })
    this.error = element('small', { className: 'bad' })
    this.position = cell('number')
    this.lag = cell('number')
    this.build = element('span')
    this.use = element('span', { className: 'badge' })
    this.owner = cell('owner')
    this.buttons = new Map(actions.map((action) => [action, element('button', { type: 'button', click: () => views.act(action, this.view) })]))
    const state = element('td', {}, this.state, ' ', this.error)
    const build = element('td', {}, this.build, ' ', this.use)
    this.element = element('tr', {}, this.name, state, this.position, this.lag, build, this.owner,
      element('td', { className: 'actions' }, ...this.buttons.values()))
  }

  update(b) {
    this.view = b.view
    this.element.className = b.first ? '' : 'other'
    this.element.dataset.view = b.view
    say(this.name, b.first ? b.view : '')
    if (!b.first) this.name.setAttribute('aria-label', b.view)
    say(this.state, t(`state ${b.state}`))
    this.state.dataset.state = b.state
    say(this.error, b.error || '')
    say(this.position, number(b.position))
    const seconds = b.serving ? this.views.seconds.get(b.view) : undefined
    const behind = number(Math.max(b.behind, 0))
    say(this.lag, b.behind > 0 && seconds >= 0.1 ? `${behind} · ${span(seconds)}` : behind)
    const shards = b.shards.length > 1 ? `, ${t('shards', b.shards.length)}` : ''
    say(this.build, b.version === undefined ? '–' : t('buildOf', b.version, b.build) + shards)
    const use = b.serving ? 'serving' : b.previous ? 'previous' : 'beside'
    say(this.use, b.version === undefined ? '' : t(use))
    this.use.dataset.use = use
    say(this.owner, b.owners.map((o) => o.split('/', 2).join('/')).join(', ') || '–')
    this.owner.title = b.owners.join(', ')
    for (const [action, button] of this.buttons) {
      say(button, t(action))
      button.setAttribute('aria-label', t('actionOn', t(action), b.view))
      button.hidden = !b.possible.includes(action)
    }
  }
}
