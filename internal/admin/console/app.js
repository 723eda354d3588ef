import { $, say } from './dom.js'
import { clock } from './format.js'
import { Log } from './log.js'
import { parse } from './metrics.js'
import { optional, poll, text } from './net.js'
import { Parked } from './parked.js'
import { languageName, remember, remembered, speak, t } from './texts.js'
import { Tiles } from './tiles.js'
import { Views } from './views.js'

const every = 2000 // milliseconds between looks

const refresh = () => again()
const tiles = new Tiles(), views = new Views(refresh), log = new Log(refresh)
const parked = new Parked((text, kind) => views.tell(text, kind), refresh)

let state = 'connecting', since = new Date(), retryAt = 0

// round looks at everything once, by questions with those options.
async function round(options) {
  const [page, registry] = await Promise.all([text('/metrics', options).then(parse), optional('/admin/projections', options)])
  tiles.add(performance.now(), page)
  views.update(registry, page)
  build(page)
  await Promise.all([log.look(options), parked.look(registry, options)])
}

// build says which binary answers.
function build(page) {
  const [info] = page.get('sical_build_info') || []
  const known = (s) => (s && !s.startsWith('unknown') ? [s] : [])
  say($('build'), info ? [...known(info.labels.version), ...known(info.labels.commit).map((s) => s.slice(0, 12))].join(' · ') : '')
}

function report(error, wait) {
  if (error) console.debug(error)
  if (error && state !== 'unreachable') [state, since] = ['unreachable', new Date()]
  if (!error) state = 'live'
  retryAt = Date.now() + wait
  connection()
}

// connection says whether the figures are those of now.
function connection() {
  document.body.dataset.connection = state
  say($('connection-text'), t(state))
  const out = state === 'unreachable'
  $('outage').hidden = !out
  if (!out) return
  say($('outage-text'), t('outage', clock(since)))
  // Counted down for the eye alone: read out, it would never end.
  say($('outage-wait'), t('askingIn', Math.max(0, Math.ceil((retryAt - Date.now()) / 1000))))
}
setInterval(() => { if (state === 'unreachable') connection() }, 1000)

// colours puts a theme in force; auto is the system's.
function colours(name) {
  document.documentElement.dataset.theme = name
  remember('theme', name)
}

$('language').addEventListener('change', (e) => {
  speak(e.target.value)
  for (const part of [tiles, views, log, parked]) part.show()
  connection()
})
$('theme').addEventListener('change', (e) => colours(e.target.value))
speak(languageName())
$('language').value = languageName()
colours(remembered('theme') || 'auto')
$('theme').value = document.documentElement.dataset.theme

const again = poll(every, round, report)
