// The list of events: endless downwards, alive at the top, and never jumping under the reader's eyes.

import { say } from "./dom.js";
import { makeEventItem } from "./event-item.js";
import { keepingFocus } from "./focus.js";

const NEAR_END_PX = 240;
const AT_TOP_PX = 8;

/** `draw(views, context)` shows them in `list` within `scroller`; `onMore()` wants older ones, `onOpen(id)` one of them. */
export function createEventList({ list, scroller, fresh, more, onMore, onOpen }) {
  const items = new Map();
  let unseen = new Set();

  scroller.addEventListener("scroll", () => {
    if (scroller.scrollTop <= AT_TOP_PX) seen();
    const left = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
    if (left < NEAR_END_PX && !more.hidden) onMore();
  }, { passive: true });
  fresh.addEventListener("click", () => {
    scroller.scrollTo({ top: 0 });
    seen();
  });
  more.addEventListener("click", onMore);

  const draw = (views, context, page) => keepingFocus(list, () => put(views, context, page));

  function put(views, context, { next }) {
    const before = anchor();
    const first = items.size === 0;
    const ids = new Set(views.map(({ event_id: id }) => id));
    for (const [id, item] of items) if (!ids.has(id)) drop(id, item);
    const newest = first ? null : views.findIndex(({ event_id: id }) => items.has(id));
    views.forEach((view, at) => {
      const id = view.event_id;
      if (!items.has(id)) add(id, before && newest > 0 && at < newest);
      items.get(id).fill(view, context);
      const { element } = items.get(id);
      if (list.children[at] !== element) list.insertBefore(element, list.children[at] ?? null);
    });
    if (before) scroller.scrollTop += before.element.offsetTop - before.top;
    more.hidden = next === null;
    tell();
  }

  function add(id, unread) {
    items.set(id, makeEventItem(id, onOpen));
    if (unread) unseen.add(id);
  }

  function drop(id, item) {
    item.element.remove();
    items.delete(id);
    unseen.delete(id);
  }

  /** The first item in view while the reader is not at the top: it stays where it is. */
  function anchor() {
    if (scroller.scrollTop <= AT_TOP_PX) return null;
    const element = [...list.children].find((item) => item.offsetTop + item.offsetHeight > scroller.scrollTop);
    return element ? { element, top: element.offsetTop } : null;
  }

  function seen() {
    unseen = new Set();
    tell();
  }

  function tell() {
    fresh.hidden = unseen.size === 0;
    say(fresh, `${unseen.size} new`);
  }

  function clear() {
    for (const [id, item] of items) drop(id, item);
  }

  function focus(id) {
    list.querySelector(`[data-id="${CSS.escape(id)}"]`)?.focus();
  }

  return { draw, clear, focus };
}

/** A list's place for what is not there: loading, nothing, or why not. */
export function emptyWords({ begun, failed, filtered }) {
  if (failed) return failed;
  if (!begun) return "Looking for events…";
  return filtered ? "Nothing like this has been kept." : "Nothing has happened yet.";
}
