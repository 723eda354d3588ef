import { $, element } from './dom.js'
import { clock, number } from './format.js'
import { json } from './net.js'
import { t } from './texts.js'

// showChain shows an event with all that belongs to it: what its request did, what
// caused it, and what it caused.
export async function showChain(position) {
  const dialog = $('chain'), list = $('chain-list'), note = $('chain-note')
  $('chain-title').textContent = t('chain', number(position))
  list.replaceChildren()
  note.textContent = '…'
  $('chain-close').onclick = () => dialog.close()
  if (!dialog.open) dialog.showModal()
  try {
    const { items, from, to, truncated } = await json(`/admin/events/${position}/related`, { patience: 30000 })
    note.textContent = [t('chainNote', number(from), number(to)), truncated ? t('chainCut') : ''].join(' ')
    const byID = new Map(items.map((e) => [e.event_id, e]))
    list.replaceChildren(...items.map((e) => link(e, byID, e.position === position)))
    list.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' })
  } catch (error) {
    note.textContent = error.message
  }
}

// link is one event of a chain, set in as deep as what caused it is far.
function link(event, byID, current) {
  const meta = event.metadata || {}
  const facts = [
    [t('stream'), `${event.stream} · ${event.version}`],
    [t('occurred'), clock(event.occurred_at)],
    [t('request'), meta.correlation], [t('command'), meta.command], [t('by'), meta.actor],
  ].filter(([, value]) => value)
  const cause = byID.get(meta.causation)
  const item = element('li', { className: `depth-${Math.min(depth(event, byID), 6)}` },
    element('p', {}, element('b', {}, number(event.position)), ' ', element('code', {}, event.type), ' ',
      element('span', { className: 'quiet' }, meta.causation ? t('causedBy', cause ? number(cause.position) : meta.causation) : '')),
    element('dl', {}, ...facts.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)])),
    element('pre', { '@tabindex': 0, '@aria-label': event.type }, JSON.stringify(event.data, null, 2)))
  if (current) item.setAttribute('aria-current', 'true')
  return item
}

// depth is how many causes of an event are shown; a loop ends where it closes.
function depth(event, byID) {
  const seen = new Set()
  for (let e = byID.get(event.metadata?.causation); e && !seen.has(e); e = byID.get(e.metadata?.causation)) seen.add(e)
  return seen.size
}
