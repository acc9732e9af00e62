// Lists whose entries keep their element while their content changes, so that focus and open parts stay.

import { keepingFocus } from "./focus.js";

/** `draw(items)` of the list `root`: `key(item)` tells them apart, `make(item)` gives `{element, fill(item)}`. */
export function createKeyed(root, { key, make, empty = null }) {
  const entries = new Map();

  return (items) => keepingFocus(root, () => draw(items));

  function draw(items) {
    const keys = new Set(items.map(key));
    for (const [name, { element }] of entries) {
      if (keys.has(name)) continue;
      element.remove();
      entries.delete(name);
    }
    items.forEach((item, at) => {
      if (!entries.has(key(item))) entries.set(key(item), make(item));
      const { element, fill } = entries.get(key(item));
      fill(item, at);
      if (root.children[at] !== element) root.insertBefore(element, root.children[at] ?? null);
    });
    root.hidden = items.length === 0;
    if (empty) empty.hidden = items.length > 0;
  }
}
