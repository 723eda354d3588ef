// Problem is an answer that says why not.
export class Problem extends Error {
  constructor(status, detail) {
    super(detail)
    this.status = status
  }
}

// ask gives up after so many milliseconds, or where a signal says so.
async function ask(path, { patience = 5000, signal, ...options } = {}) {
  const late = AbortSignal.timeout(patience)
  const response = await fetch(path, {
    cache: 'no-store', credentials: 'same-origin', signal: signal ? AbortSignal.any([signal, late]) : late, ...options,
  })
  if (response.ok) return response
  let detail = `${response.status} ${response.statusText}`
  try {
    const problem = await response.json()
    detail = problem.detail || problem.title || detail
  } catch { /* not a problem document */ }
  throw new Problem(response.status, detail)
}

export const text = async (path, options) => (await ask(path, options)).text()
export const json = async (path, options) => (await ask(path, options)).json()

// optional answers null for what this process does not have: a role alone has not
// everything. Other failures stay failures.
export async function optional(path, options) {
  try {
    return await json(path, options)
  } catch (error) {
    if (error instanceof Problem && (error.status === 404 || error.status === 405)) return null
    throw error
  }
}

export async function post(path, body) {
  const response = await ask(path, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body ?? {}), patience: 30000,
  })
  return response.json()
}

// poll calls a function again and again: every so many milliseconds while it
// succeeds, and while it fails ever more rarely. What comes of it is told to report.
// A round that a later one overtakes is aborted by its signal, and nothing comes of it.
export function poll(every, round, report) {
  let failures = 0, timer, current
  const next = async () => {
    clearTimeout(timer)
    current?.abort()
    const mine = current = new AbortController()
    let failure = null
    try {
      await round({ signal: mine.signal })
    } catch (error) {
      failure = error
    }
    if (mine !== current) return
    failures = failure ? failures + 1 : 0
    const wait = failure ? Math.min(every * 2 ** failures, 30000) : every
    report(failure, wait)
    timer = setTimeout(next, document.hidden ? Math.max(wait, 10000) : wait)
  }
  document.addEventListener('visibilitychange', () => { if (!document.hidden) next() })
  next()
  return next
}
