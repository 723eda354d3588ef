// Every text of the page, in both languages. A value may take what is put in as {0}, {1}.
const table = {
  console: ['console', '控制台'],
  skip: ['Skip to the views', '跳到视图'],
  language: ['Language', '语言'],
  theme: ['Colours', '颜色'],
  themeAuto: ['As the system', '跟随系统'],
  themeLight: ['Light', '浅色'],
  themeDark: ['Dark', '深色'],
  live: ['live', '在线'],
  connecting: ['connecting', '正在连接'],
  unreachable: ['unreachable', '无法连接'],
  outage: [
    'The process does not answer since {0}. What stands below is from before.',
    '自 {0} 起进程没有响应，以下是之前的数据。',
  ],
  askingIn: ['Asking again in {0} s.', '{0} 秒后重试。'],
  figures: ['Figures', '指标'],
  requests: ['Requests', '请求'],
  requestsNote: ['{0} % failed', '失败 {0} %'],
  latency: ['Latency p95', '延迟 p95'],
  latencyNote: ['p50 {0} ms', 'p50 {0} 毫秒'],
  commands: ['Commands', '命令'],
  commandsNote: ['{0} % of requests', '占请求 {0} %'],
  appended: ['Events appended', '写入事件'],
  appendedNote: ['log at {0}', '日志位置 {0}'],
  relay: ['Relay lag', '中继滞后'],
  relayNote: ['{0} events', '{0} 个事件'],
  cache: ['Answers from memory', '内存命中'],
  cacheNote: ['{0} hits/s, {1} misses/s; {2}', '命中 {0}/秒，未命中 {1}/秒；{2}'],
  process: ['CPU', '处理器'],
  processNote: ['{0} of memory', '内存 {0}'],
  perSecond: ['/s', '/秒'],
  milliseconds: ['ms', '毫秒'],
  seconds: ['s', '秒'],
  graph: ['{0}: the last {1} minutes, at most {2}', '{0}：最近 {1} 分钟，最高 {2}'],
  views: ['Views', '视图'],
  view: ['View', '视图'],
  state: ['State', '状态'],
  position: ['Position', '位置'],
  lag: ['Events behind', '滞后事件数'],
  build: ['Version, build', '版本与构建'],
  owner: ['Owner', '所有者'],
  actions: ['Actions', '操作'],
  version: ['Version', '版本'],
  noRegistry: [
    'This process has no projections: their figures and buttons are on the admin listener of a projector.',
    '此进程没有投影：其数据与操作在投影进程的管理端口上。',
  ],
  buildOf: ['v{0}, build {1}', 'v{0}，构建 {1}'],
  serving: ['read', '使用中'],
  previous: ['way back', '可回退'],
  beside: ['beside', '旁建'],
  shards: ['{0} shards', '{0} 个分片'],
  'state live': ['live', '运行'],
  'state paused': ['paused', '已暂停'],
  'state failed': ['failed', '失败'],
  'state building': ['building', '构建中'],
  pause: ['Pause', '暂停'],
  resume: ['Resume', '继续'],
  rebuild: ['Rebuild', '重建'],
  verify: ['Verify', '校验'],
  cancel: ['Cancel rebuild', '取消重建'],
  approve: ['Change over', '切换'],
  rollback: ['Roll back', '回退'],
  retry: ['Retry', '重试'],
  actionOn: ['{0} {1}', '{0} {1}'],
  'ask pause': ['It is no longer folded, and falls behind; reads go on.', '该视图将停止更新并逐渐落后；读取不受影响。'],
  'ask resume': ['It is folded again, from where it stands.', '将从当前位置继续更新。'],
  'ask rebuild': ['A new build is filled beside the one that is read, compared with it, and then read in its place.', '将在旁边填充新构建，与当前构建比较后替换。'],
  'ask verify': ['Its rows are held against the log. Nothing is changed.', '将各行与日志核对，不作任何改动。'],
  'ask cancel': ['The new build is given up and dropped.', '将放弃并删除新构建。'],
  'ask approve': ['The new build is read from now on, whatever the comparison showed.', '无论比较结果如何，从现在起读取新构建。'],
  'ask rollback': ['The previous build is read again.', '将重新读取上一个构建。'],
  'ask retry': ['The parked events of this key are folded again.', '将重新处理此键被搁置的事件。'],
  no: ['Leave it', '不作改动'],
  close: ['Close', '关闭'],
  asked: ['{0}: asked for.', '{0}：已提交。'],
  refused: ['{0}: {1}', '{0}：{1}'],
  'kind rebuild': ['Rebuild', '重建'],
  'kind verify': ['Verification', '校验'],
  'job requested': ['waits for a projector', '等待投影进程'],
  'job filling': ['fills', '填充中'],
  'job catching_up': ['catches up', '追赶中'],
  'job comparing': ['compares', '比较中'],
  'job held': ['held: differs, or waits for approval', '已暂停：有差异或等待批准'],
  'job verifying': ['verifies', '校验中'],
  'job done': ['done', '完成'],
  'job failed': ['failed', '失败'],
  'job cancelled': ['cancelled', '已取消'],
  pace: ['{0} events/s', '{0} 个事件/秒'],
  eta: ['{0} left', '剩余 {0}'],
  compared: ['{0} rows compared, {1} differ', '已比较 {0} 行，{1} 处不同'],
  parked: ['Parked keys', '搁置的键'],
  key: ['Key', '键'],
  why: ['Why', '原因'],
  log: ['Log', '日志'],
  type: ['Type', '类型'],
  stream: ['Stream', '流'],
  recorded: ['Recorded', '记录时间'],
  clear: ['Clear', '清除'],
  follow: ['Follow', '跟随'],
  count: ['{0} newest', '最新 {0} 条'],
  countAfter: ['{0} newest, looked for after position {1}', '最新 {0} 条，查找范围在位置 {1} 之后'],
  noLog: ['This process does not show the log: it is on the admin listener of the command role.', '此进程不显示日志：请查看命令进程的管理端口。'],
  show: ['Show event {0} and what belongs to it', '显示事件 {0} 及其相关事件'],
  only: ['Only this stream: {0}', '只看此流：{0}'],
  chain: ['Event {0} and what belongs to it', '事件 {0} 及其相关事件'],
  chainNote: [
    'What one request or command did, and what its events caused, in the log’s order; found between {0} and {1}.',
    '同一请求或命令的结果及其引发的事件，按日志顺序排列；查找范围 {0} 至 {1}。',
  ],
  chainCut: ['There is more: the nearest are shown.', '结果较多，仅显示最近的事件。'],
  request: ['request', '请求'],
  command: ['command', '命令'],
  causedBy: ['caused by {0}', '由 {0} 引发'],
  by: ['by', '操作者'],
  occurred: ['occurred', '发生于'],
}

const languages = ['en', 'zh']
let language = languages.indexOf(remembered('language'))
if (language < 0) language = (navigator.language || '').startsWith('zh') ? 1 : 0

// t is a text in the present language; a name that has none shows as it is.
export function t(name, ...values) {
  const found = table[name]
  if (!found) return name.replace(/^(state|job|kind) /, '')
  return found[language].replace(/\{(\d)\}/g, (_, i) => String(values[i]))
}

export const has = (name) => name in table
export const locale = () => ['en-GB', 'zh-CN'][language]
export const languageName = () => languages[language]

// speak puts a language in force, wherever the page names a text.
export function speak(name) {
  language = Math.max(languages.indexOf(name), 0)
  remember('language', languages[language])
  document.documentElement.lang = ['en', 'zh-CN'][language]
  document.title = `Sical ${t('console')}`
  for (const e of document.querySelectorAll('[data-text]')) e.textContent = t(e.dataset.text)
}

// What is remembered may be refused by the browser's settings; then it is not.
export function remembered(name) {
  try { return localStorage.getItem(`sical.${name}`) } catch { return null }
}
export function remember(name, value) {
  try { localStorage.setItem(`sical.${name}`, value) } catch { /* for this visit only */ }
}
