import { $ } from './dom.js'

// confirmed asks before something is done; the browser's own dialog holds the focus,
// gives it back, and takes Escape for no.
export function confirmed(title, text, yes) {
  const dialog = $('confirm')
  $('confirm-title').textContent = title
  $('confirm-text').textContent = text
  $('confirm-yes').textContent = yes
  dialog.returnValue = ''
  dialog.showModal()
  $('confirm-no').focus()
  return new Promise((done) => {
    $('confirm-yes').onclick = () => dialog.close('yes')
    $('confirm-no').onclick = () => dialog.close('')
    dialog.addEventListener('close', () => done(dialog.returnValue === 'yes'), { once: true })
  })
}
