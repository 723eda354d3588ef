package check

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serving is a running `sical serve` with the demo in it.
type serving struct {
	cmd   *exec.Cmd
	data  string // folder
	Admin string `json:"admin_url"`
	API   string `json:"public_url"`
}

func serveDemo(t *testing.T) *serving {
	t.Helper()
	dir, err := os.MkdirTemp("", "sical-check-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o711)) // Postgres runs as another user and passes through
	t.Cleanup(func() { os.RemoveAll(dir) })
	log, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(t, err)
	defer log.Close()
	data := filepath.Join(dir, "data")
	s := &serving{data: data, cmd: exec.CommandContext(soon(t), binary(t), "serve", "--demo", "--data-dir", data, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")}
	s.cmd.Env, s.cmd.Stderr = environment(nil), log
	says, err := s.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("%s", text)
		}
	})
	lines := bufio.NewScanner(says)
	for lines.Scan() && lines.Text() != "sical serves." { // the demo is in by then
	}
	go func() {
		for lines.Scan() { // nobody reads the rest
		}
	}()
	text, err := os.ReadFile(filepath.Join(data, "run.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, s))
	return s
}

// stop ends it, at the latest when the test does.
func (s *serving) stop() {
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		_ = s.cmd.Wait()
	}
}

// registry is what the admin listener says of the projections.
func (s *serving) registry(t *testing.T) (found struct {
	Items []struct{ View, State string }
	Jobs  []struct{ View, Kind, State string }
}) {
	t.Helper()
	response, err := http.Get(s.Admin + "/admin/projections")
	require.NoError(t, err)
	defer response.Body.Close()
	require.NoError(t, json.NewDecoder(response.Body).Decode(&found))
	return found
}

// TestConsole goes through the operator's page in a browser, for the most part by
// keyboard.
func TestConsole(t *testing.T) {
	s := serveDemo(t)
	atWork(t, s)
	b := openBrowser(t)
	b.prefer("light")
	b.do(chromedp.Navigate(s.Admin + "/console"))
	b.is(`document.body.dataset.connection === 'live' && document.querySelector('#events tbody tr')`)

	t.Run("shows every view", func(t *testing.T) {
		items := s.registry(t).Items
		require.NotEmpty(t, items)
		for _, v := range items {
			b.is(fmt.Sprintf(`document.querySelector('#view-table tr[data-view=%q] [data-state=live]')`, v.View))
		}
	})
	t.Run("shows what happens", func(*testing.T) { consoleIsLive(b) })
	t.Run("tells how long answers take", func(t *testing.T) { consoleLeavesStreamsOut(t, b) })
	t.Run("filters the log", func(t *testing.T) { consoleFilters(t, b) })
	t.Run("keeps a filter that an answer overtakes", func(*testing.T) { consoleKeepsFilter(b) })
	t.Run("forgets a round that another overtook", func(t *testing.T) { consoleForgetsARound(t, b) })
	t.Run("shows a chain", func(t *testing.T) { consoleChains(t, b) })
	t.Run("steers a view by keyboard", func(t *testing.T) { consoleSteers(t, b, s) })
	t.Run("rebuilds", func(t *testing.T) {
		b.click(`[aria-label="Rebuild goal"]`)
		b.click(`#confirm-yes`)
		b.is(`document.querySelector('[data-job="goal/rebuild"][data-state=done]')`)
		b.is(`[...document.querySelectorAll('[aria-label="Roll back goal"]')].some(e => !e.hidden)`)
	})
	t.Run("names and contrasts", func(t *testing.T) { consoleIsReadable(t, b) })
	t.Run("speaks Chinese, and remembers", func(t *testing.T) {
		b.choose("language", "zh")
		b.is(`document.querySelector('#views-title').textContent === '视图'`)
		b.do(chromedp.Reload())
		b.is(`document.documentElement.lang === 'zh-CN' && document.querySelector('[aria-label="暂停 goal"]')`)
		assert.Empty(t, value[[]string](b, `[...document.querySelectorAll('[data-text]')].filter(e => !/[\u4e00-\u9fff]/.test(e.textContent)).map(e => e.dataset.text)`))
		b.is(`parseFloat(document.querySelector('[data-figure=cache]').textContent) >= 0`)
		b.picture("dark-zh")
	})
	assert.Empty(t, b.complained(), "on the browser's console")
	t.Run("says when nobody answers", func(t *testing.T) {
		s.stop()
		b.is(`document.body.dataset.connection === 'unreachable' && !document.querySelector('#outage').hidden`)
		b.picture("outage")
	})
}

// atWork has somebody use the API until the test ends.
func atWork(t *testing.T, s *serving) {
	v := register(t, s.API, "ana")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(20 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			_, _ = v.do("POST", "/v1/goals", `{"title":"Learn graph theory 学习图论","category":"mathematics"}`)
			_, _ = v.do("GET", "/v1/users/me", "")
			_, _ = v.do("GET", "/v1/statistics", "")
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

func consoleIsLive(b *browser) {
	for _, figure := range []string{"requests", "latency", "commands", "appended", "cache"} {
		b.is(fmt.Sprintf(`parseFloat(document.querySelector('[data-figure=%s]').textContent) > 0`, figure))
	}
	b.is(`document.querySelectorAll('#tiles polyline')[0].getAttribute('points').split(' ').length > 3`)
	b.is(`[...document.querySelectorAll('#events td:nth-child(3)')].some(e => e.textContent === 'goal.created')`)
}

func consoleFilters(t *testing.T, b *browser) {
	b.click(`#follow`) // no more: the lines stand still under mouse and keyboard
	b.do(chromedp.SendKeys(`#filter-type`, "goal."))
	b.is(`(l => l.length && l.every(e => e.textContent.startsWith('goal.')))([...document.querySelectorAll('#events td:nth-child(3)')])`)
	chosen := `document.querySelector('#filter-stream').value`
	for value[string](b, chosen) == "" {
		b.click(`#events td:nth-child(4) button`) // whichever the filter leaves there by then
	}
	stream := value[string](b, chosen)
	b.is(fmt.Sprintf(`(l => l.length && l.every(e => e.textContent === %q))([...document.querySelectorAll('#events td:nth-child(4)')])`, stream))
	b.click(`#filter button[type=reset]`)
	b.is(`new Set([...document.querySelectorAll('#events td:nth-child(4)')].map(e => e.textContent)).size > 2`)
}

// consoleKeepsFilter chooses a stream while what was asked before is on its way, and has
// that arrive before the next question is asked.
func consoleKeepsFilter(b *browser) {
	value[chromedp.Void](b, `(() => {
		const ask = window.fetch
		let chosen = false, arrived
		const arrival = new Promise(done => arrived = done)
		window.fetch = async (path, options) => {
			if (chosen) await arrival
			const answer = await ask(path, options)
			if (chosen || !path.startsWith('/admin/events/latest')) return answer
			const page = await answer.json()
			chosen = true
			document.querySelector('#events td:nth-child(4) button').click()
			return { ok: true, json: () => { // whoever awaits it goes on before a timer does
				setTimeout(() => { window.fetch = ask; arrived() })
				return page
			} }
		}
		const type = document.querySelector('#filter-type')
		type.value = 'goal.' // at once: a look in the midst of typing would have the rest of it typed into the new filter
		type.dispatchEvent(new Event('input'))
	})()`)
	b.is(`(l => l.length && l.every(e => e.textContent === document.querySelector('#filter-stream').value))([...document.querySelectorAll('#events td:nth-child(4)')])`)
	b.click(`#filter button[type=reset]`)
	b.is(`new Set([...document.querySelectorAll('#events td:nth-child(4)')].map(e => e.textContent)).size > 2`)
}

// consoleForgetsARound has a round fail after the next one has succeeded, however long that takes.
func consoleForgetsARound(t *testing.T, b *browser) {
	value[chromedp.Void](b, `(() => {
		const ask = window.fetch
		let fail
		window.looks = 0
		window.late = AbortSignal.timeout
		AbortSignal.timeout = () => new AbortController().signal
		new MutationObserver(() => { window.unreachable ||= document.body.dataset.connection === 'unreachable' })
			.observe(document.body, { attributes: true, attributeFilter: ['data-connection'] })
		window.fetch = (path, options) => {
			if (path !== '/metrics') return ask(path, options)
			switch (++window.looks) {
			case 1: // so what came of the round before is told
				window.unreachable = false
				setTimeout(() => document.querySelector('#filter-type').dispatchEvent(new Event('input')))
				return new Promise((_, no) => fail = no)
			case 3: // so the second has succeeded
				window.fetch = ask
				fail(new TypeError('too late'))
				window.looks++
			}
			return ask(path, options)
		}
	})()`)
	b.is(`window.looks === 4`)
	b.is(`document.body.dataset.connection === 'live'`)
	assert.False(t, value[bool](b, `window.unreachable`))
	value[chromedp.Void](b, `AbortSignal.timeout = window.late`)
}

func consoleChains(t *testing.T, b *browser) {
	value[chromedp.Void](b, `[...document.querySelectorAll('#events tr')].find(r => r.cells[2].textContent === 'goal.created').querySelector('button').focus()`)
	b.press("\r")
	b.is(`document.querySelector('#chain').open && document.querySelector('#chain li[aria-current]')`)
	assert.Contains(t, value[string](b, `document.querySelector('#chain').innerText`), "goal.created")
	b.picture("chain")
	b.press("\x1b")
	b.is(`!document.querySelector('#chain').open && document.activeElement.closest('#events')`)
	b.click(`#follow`)
}

func consoleSteers(t *testing.T, b *browser, s *serving) {
	value[chromedp.Void](b, `document.activeElement.blur(); document.querySelector('.skip').focus()`)
	b.tabTo(`e.getAttribute('aria-label') === 'Pause goal'`)
	assert.NotEqual(t, "none", value[string](b, `getComputedStyle(document.activeElement).outlineStyle`), "the focus is seen")
	b.press("\r")
	b.is(`document.querySelector('#confirm').open && document.activeElement.id === 'confirm-no'`)
	b.press("\r") // to leave it comes first
	b.is(`!document.querySelector('#confirm').open && document.activeElement.getAttribute('aria-label') === 'Pause goal'`)
	b.press("\r")
	b.is(`document.querySelector('#confirm').open`)
	b.press("\t")
	b.is(`document.activeElement.id === 'confirm-yes'`)
	b.press("\r")
	b.is(`document.querySelector('tr[data-view=goal] [data-state=paused]')`)
	for _, v := range s.registry(t).Items {
		assert.Equal(t, v.View == "goal", v.State == "paused", v.View)
	}
	b.picture("light-en")
	// Who asks again before the dialog has told that it was closed is asked anew.
	value[chromedp.Void](b, `for (const e of ['[aria-label="Resume goal"]', '#confirm-no', '[aria-label="Resume goal"]']) document.querySelector(e).click()`)
	b.is(`document.querySelector('#confirm').open`)
	b.click(`#confirm-yes`)
	b.is(`document.querySelector('tr[data-view=goal] [data-state=live]')`)
}

// consoleIsReadable wants a name on everything that can be used, and a contrast of 4.5
// (WCAG 2.2, 1.4.3) under all that can be read, in either theme.
func consoleIsReadable(t *testing.T, b *browser) {
	assert.Empty(t, value[[]string](b, `[...document.querySelectorAll('button, input, select, progress, svg')].filter(e => e.checkVisibility()
		&& !(e.getAttribute('aria-label') || e.labels?.[0]?.textContent.trim() || e.textContent.trim())).map(e => e.outerHTML)`))
	for _, theme := range []string{"light", "dark"} {
		b.choose("theme", theme)
		assert.Empty(t, value[[]string](b, pale), theme)
		b.picture(theme)
	}
	b.choose("theme", "auto")
	ground := `getComputedStyle(document.body).backgroundColor`
	light := value[string](b, ground)
	b.prefer("dark")
	assert.NotEqual(t, light, value[string](b, ground), "the system's colours are followed")
}

// pale lists the texts that stand out too little from the ground they stand on.
const pale = `(() => {
	const rgba = c => { const n = c.match(/[\d.]+/g).map(Number); return c.startsWith('color(') ? [...n.slice(0, 3).map(x => x * 255), n[3] ?? 1] : [...n.slice(0, 3), n[3] ?? 1] }
	const over = (a, b) => a.slice(0, 3).map((x, i) => x * a[3] + b[i] * (1 - a[3]))
	const light = c => c.slice(0, 3).map(x => x / 255).map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4).reduce((s, x, i) => s + x * [0.2126, 0.7152, 0.0722][i], 0)
	const ground = e => { const layers = []; for (; e; e = e.parentElement) layers.unshift(rgba(getComputedStyle(e).backgroundColor)); return layers.reduce((b, l) => over(l, b), [255, 255, 255]) }
	return [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())).filter(e => {
		const g = ground(e), [a, b] = [light(over(rgba(getComputedStyle(e).color), g)), light(g)].sort((x, y) => y - x)
		return (a + 0.05) / (b + 0.05) < 4.5
	}).map(e => e.textContent.trim().slice(0, 40) + ' ' + getComputedStyle(e).color)
})()`
