import { element, say } from './dom.js'
import { number, span } from './format.js'
import { has, t } from './texts.js'

// Job is the row of what projectors were asked to do to a view, with how far it is.
export class Job {
  constructor() {
    this.what = element('span')
    this.bar = element('progress', { max: 100 })
    this.pace = element('span', { className: 'quiet' })
    this.outcome = element('span', { className: 'quiet' })
    this.element = element('tr', { className: 'job' },
      element('td'), element('td', { colSpan: 6 }, element('div', {}, this.what, this.bar, this.pace, this.outcome)))
  }

  update({ job }) {
    const kind = t(`kind ${job.kind}`), state = `job ${job.state}`
    const over = ['done', 'failed', 'cancelled'].includes(job.state)
    this.element.dataset.job = `${job.view}/${job.kind}`
    this.element.dataset.state = job.state
    say(this.what, `${kind}: ${has(state) ? t(state) : job.state}`)
    this.bar.hidden = over
    this.bar.value = job.percent || 0
    this.bar.setAttribute('aria-label', `${kind}, ${job.view}`)
    const pace = [`${number(Math.round(job.percent || 0))} %`]
    if (job.events_per_second > 0) pace.push(t('pace', number(job.events_per_second)))
    if (job.eta_seconds > 0) pace.push(t('eta', span(job.eta_seconds)))
    say(this.pace, over ? '' : pace.join(' · '))
    const outcome = job.outcome && job.outcome.rows !== undefined
      ? t('compared', number(job.outcome.rows), number(job.outcome.differences)) : ''
    say(this.outcome, [job.error, outcome].filter(Boolean).join(' · '))
    this.outcome.className = job.error || job.outcome?.differences > 0 ? 'bad' : 'quiet'
  }
}
