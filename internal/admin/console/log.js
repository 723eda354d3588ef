import { showChain } from './chain.js'
import { $, element, Rows, say } from './dom.js'
import { clock, number } from './format.js'
import { optional } from './net.js'
import { t } from './texts.js'

const limit = 100

// Log shows the newest events, as the filter lets them through.
export class Log {
  constructor(refresh) {
    this.rows = new Rows($('events').tBodies[0], () => new Line(this))
    this.types = new Set()
    this.refresh = refresh
    let timer
    for (const id of ['filter-type', 'filter-stream']) {
      $(id).addEventListener('input', () => {
        clearTimeout(timer)
        timer = setTimeout(refresh, 250)
      })
    }
    $('filter').addEventListener('submit', (e) => e.preventDefault())
    $('filter').addEventListener('reset', (e) => {
      e.preventDefault() // following is not part of the filter
      this.filter('', '')
    })
    $('follow').addEventListener('change', refresh)
  }

  filter(type, stream) {
    $('filter-type').value = type
    $('filter-stream').value = stream
    this.refresh()
  }

  // question is what the fields ask for.
  question() {
    const query = new URLSearchParams({ limit })
    const type = $('filter-type').value.trim(), stream = $('filter-stream').value.trim()
    if (type) query.set('type', type)
    if (stream) query.set('stream', stream)
    return { text: query.toString(), type, stream }
  }

  async look(options) {
    const { text, type, stream } = this.question()
    if (!$('follow').checked && text === this.answered) return
    const page = await optional(`/admin/events/latest?${text}`, options)
    this.answered = text // which the fields may ask no more: the next round asks what they do
    $('no-log').hidden = page !== null
    $('filter').hidden = $('events').hidden = page === null
    if (!page) return
    this.page = { ...page, bounded: Boolean(type) && !stream && page.after > 0 }
    this.show()
  }

  show() {
    if (!this.page) return
    const { items, after, bounded } = this.page
    say($('log-count'), bounded ? t('countAfter', number(items.length), number(after)) : t('count', number(items.length)))
    this.rows.show(items, (e) => e.position)
    for (const { type } of items) {
      if (this.types.has(type)) continue
      this.types.add(type)
      $('types').append(element('option', { value: type }))
    }
  }
}

// Line is one event's.
class Line {
  constructor(log) {
    this.position = element('button', { type: 'button', className: 'link', click: () => showChain(this.event.position) })
    this.at = element('td')
    this.type = element('td')
    this.stream = element('button', { type: 'button', className: 'link', click: () => log.filter('', this.event.stream) })
    this.version = element('td', { className: 'number' })
    this.element = element('tr', {}, element('td', { className: 'number' }, this.position), this.at, this.type, element('td', {}, this.stream), this.version)
  }

  update(event) {
    this.event = event
    say(this.position, number(event.position))
    this.position.setAttribute('aria-label', t('show', number(event.position)))
    say(this.at, clock(event.recorded_at))
    say(this.type, event.type)
    say(this.stream, event.stream)
    this.stream.setAttribute('aria-label', t('only', event.stream))
    say(this.version, number(event.version))
  }
}
