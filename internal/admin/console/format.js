import { locale, t } from './texts.js'

// number writes a figure with three significant digits below a thousand, whole above.
export function number(n) {
  if (!Number.isFinite(n)) return '–'
  const options = Math.abs(n) < 1000 && !Number.isInteger(n) ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 0 }
  return new Intl.NumberFormat(locale(), options).format(n)
}

export function bytes(n) {
  if (!Number.isFinite(n)) return '–'
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let i = 0
  for (; n >= 1024 && i < units.length - 1; i++) n /= 1024
  return `${number(n)} ${units[i]}`
}

// span writes a number of seconds: 4.2 s, 3:05, 2:10:00.
export function span(seconds) {
  if (!Number.isFinite(seconds)) return '–'
  if (seconds < 60) return `${number(seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds))} ${t('seconds')}`
  const whole = Math.round(seconds), two = (n) => String(n).padStart(2, '0')
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`
}

export function clock(instant) {
  const at = new Date(instant)
  if (Number.isNaN(at.getTime())) return '–'
  const options = { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }
  if (at.toDateString() !== new Date().toDateString()) Object.assign(options, { year: 'numeric', month: '2-digit', day: '2-digit' })
  return new Intl.DateTimeFormat(locale(), options).format(at)
}
