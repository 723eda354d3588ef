import { $ } from './dom.js'

// confirmed asks before something is done; the browser's own dialog holds the focus,
// gives it back, and takes Escape for no.
export function confirmed(title, text, yes) {
  const dialog = $('confirm')
  $('confirm-title').textContent = title
  $('confirm-text').textContent = text
  $('confirm-yes').textContent = yes
  dialog.showModal()
  $('confirm-no').focus()
  return new Promise((done) => {
    const answer = (yes) => {
      dialog.close()
      done(yes)
    }
    $('confirm-yes').onclick = () => answer(true)
    $('confirm-no').onclick = () => answer(false)
    // The event comes late: by then the dialog may be open again, for another question.
    dialog.onclose = () => dialog.open || done(false)
  })
}
