// The list of what happened, newest first. Entries keep their element.

import { el, mark, say } from "./dom.js";
import { titleOf, whenAndWhere } from "./happenings.js";

/** The list `root`; `draw(happenings, {nowMs, cameras, sensors})`. */
export function createFeed(root, empty) {
  const items = new Map();

  return function draw(happenings, context) {
    empty.hidden = happenings.length > 0;
    root.hidden = happenings.length === 0;
    const keys = new Set(happenings.map(({ key }) => key));
    for (const [key, item] of items) if (!keys.has(key)) drop(key, item);
    happenings.forEach((entry, at) => {
      const item = items.get(entry.key) ?? add(entry.key);
      fill(item, entry, context);
      if (root.children[at] !== item.element) root.insertBefore(item.element, root.children[at] ?? null);
    });
  };

  function add(key) {
    const parts = {
      title: el("strong"),
      tag: el("span", { class: "tag" }),
      when: el("span", { class: "when" }),
      details: el("span", { class: "happening-why" }),
    };
    const words = el("div", {}, parts.title, parts.tag, parts.when, parts.details);
    const element = el("li", { class: "happening" }, el("span", { class: "bullet", "aria-hidden": "true" }), words);
    items.set(key, { element, ...parts });
    return items.get(key);
  }

  function drop(key, item) {
    item.element.remove();
    items.delete(key);
  }
}

function fill(item, entry, context) {
  mark(item.element, "data-severity", entry.severity ?? (entry.good ? "good" : "none"));
  say(item.title, titleOf(entry, context));
  say(item.tag, entry.severity ?? "");
  say(item.when, whenAndWhere(entry, context));
  say(item.details, entry.details.join(" · "));
  item.details.hidden = entry.details.length === 0;
}
