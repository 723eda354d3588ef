export const $ = (id) => document.getElementById(id)

// element makes one, with properties, attributes (whose names begin with @), listeners
// (functions, by event) and children.
export function element(name, properties = {}, ...children) {
  const e = name.startsWith('svg:') ? document.createElementNS('http://www.w3.org/2000/svg', name.slice(4)) : document.createElement(name)
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith('@')) e.setAttribute(key.slice(1), value)
    else if (typeof value === 'function') e.addEventListener(key, value)
    else e[key] = value
  }
  e.append(...children)
  return e
}

// say sets a text only where it differs, so that a selection or a reader is left alone.
export function say(e, text) {
  if (e.textContent !== text) e.textContent = text
}

// Rows keeps one row for each key of a list, in the list's order. A row that stays is
// changed in place: the focus stays where it is.
export class Rows {
  constructor(parent, make) {
    this.parent = parent
    this.make = make
    this.rows = new Map()
  }

  show(list, keyOf) {
    const left = new Set(this.rows.keys())
    let before = this.parent.firstElementChild
    for (const item of list) {
      const key = keyOf(item)
      let row = this.rows.get(key)
      if (!row) this.rows.set(key, row = this.make(item))
      left.delete(key)
      row.update(item)
      if (row.element === before) before = before.nextElementSibling
      else this.parent.insertBefore(row.element, before)
    }
    for (const key of left) {
      this.rows.get(key).element.remove()
      this.rows.delete(key)
    }
  }
}
