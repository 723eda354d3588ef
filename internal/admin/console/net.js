// Problem is an answer that says why not.
export class Problem extends Error {
  constructor(status, detail) {
    super(detail)
    this.status = status
  }
}

async function ask(path, options = {}) {
  const response = await fetch(path, { cache: 'no-store', credentials: 'same-origin', signal: AbortSignal.timeout(5000), ...options })
  if (response.ok) return response
  let detail = `${response.status} ${response.statusText}`
  try {
    const problem = await response.json()
    detail = problem.detail || problem.title || detail
  } catch { /* not a problem document */ }
  throw new Problem(response.status, detail)
}

export const text = async (path) => (await ask(path)).text()
export const json = async (path) => (await ask(path)).json()

// optional answers null for what this process does not have: a role alone has not
// everything. Other failures stay failures.
export async function optional(path) {
  try {
    return await json(path)
  } catch (error) {
    if (error instanceof Problem && (error.status === 404 || error.status === 405)) return null
    throw error
  }
}

export async function post(path, body) {
  const response = await ask(path, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body ?? {}), signal: AbortSignal.timeout(30000),
  })
  return response.json()
}

// poll calls a function again and again: every so many milliseconds while it
// succeeds, and while it fails ever more rarely. What comes of it is told to report.
export function poll(every, round, report) {
  let failures = 0, timer
  const next = async () => {
    clearTimeout(timer)
    let wait = every
    try {
      await round()
      failures = 0
      report(null)
    } catch (error) {
      wait = Math.min(every * 2 ** ++failures, 30000)
      report(error, wait)
    }
    clearTimeout(timer)
    timer = setTimeout(next, document.hidden ? Math.max(wait, 10000) : wait)
  }
  document.addEventListener('visibilitychange', () => { if (!document.hidden) next() })
  next()
  return next
}
