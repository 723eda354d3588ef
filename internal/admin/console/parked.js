import { $, element, Rows, say } from './dom.js'
import { number } from './format.js'
import { optional, post } from './net.js'
import { confirmed } from './confirm.js'
import { t } from './texts.js'

const every = 5 // rounds between looks: each view is asked for

// Parked shows the keys whose fold failed and was set aside, with a way to try again.
export class Parked {
  constructor(tell, refresh) {
    this.tell = tell
    this.refresh = refresh
    this.rest = 0 // rounds until the next look
    this.list = []
    this.rows = new Rows($('parked').querySelector('tbody'), () => new Key(this))
  }

  // look asks for what each view has parked; a process that has no such route is not
  // asked again.
  async look(registry, options) {
    if (this.none || !registry || this.rest-- > 0) return
    const views = [...new Set(registry.items.map((s) => s.view))]
    const found = await Promise.all(views.map((view) => optional(`/admin/projections/${encodeURIComponent(view)}/parked`, options)))
    this.rest = every - 1
    this.none = views.length > 0 && found.every((answer) => answer === null)
    this.list = found.flatMap((answer, i) => (answer?.items || []).map((item) => ({ ...item, view: item.view || views[i] })))
    this.show()
  }

  show() {
    $('parked').hidden = this.list.length === 0
    this.rows.show(this.list, (item) => [item.view, item.version, item.build, item.key, item.position].join('/'))
  }

  async retry(item) {
    const what = t('actionOn', t('retry'), `${item.view} ${item.key}`)
    if (!await confirmed(what, t('ask retry'), t('retry'))) return
    try {
      await post(`/admin/projections/${encodeURIComponent(item.view)}/retry`, { key: item.key })
      this.tell(t('asked', what), '')
    } catch (error) {
      this.tell(t('refused', what, error.message), 'bad')
    }
    this.rest = 0
    this.refresh()
  }
}

class Key {
  constructor(parked) {
    this.cells = ['', '', 'number', 'bad'].map((className) => element('td', { className }))
    this.button = element('button', { type: 'button', click: () => parked.retry(this.item) })
    this.element = element('tr', {}, ...this.cells, element('td', { className: 'actions' }, this.button))
  }

  update(item) {
    this.item = item
    const texts = [item.view, item.key, number(item.failed_at ?? item.position), item.error || item.reason || '']
    texts.forEach((text, i) => say(this.cells[i], String(text)))
    say(this.button, t('retry'))
    this.button.setAttribute('aria-label', t('actionOn', t('retry'), `${item.view} ${item.key}`))
  }
}
