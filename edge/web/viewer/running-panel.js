// The sessions that run now, each as a card: two people at once stand side by side.

import { byId } from "./dom.js";
import { createKeyed } from "./keyed.js";
import { createRunningCard } from "./running-card.js";

const SLOW_MS = 500;
export const MARK_KEYS = ["m", "n"];

/** The panel; `desk` is `{book, store, notices, now}`. Keys M and N mark the first and the second card. */
export function createRunningPanel(desk) {
  const cards = new Map();
  const draw = createKeyed(byId("running"), {
    key: ({ session_id: id }) => id,
    empty: byId("running-empty"),
    make(session) {
      const card = createRunningCard(desk, session.session_id);
      cards.set(session.session_id, card);
      return card;
    },
  });

  addEventListener("keydown", (event) => {
    const at = MARK_KEYS.indexOf(event.key.toLowerCase());
    const typing = event.target.closest?.("input, select, textarea, dialog");
    if (at < 0 || typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    cards.get(desk.book.running()[at]?.session_id)?.mark();
  });
  setInterval(() => !document.hidden && tick(), SLOW_MS);

  function tick() {
    for (const session of desk.book.running()) cards.get(session.session_id)?.tick();
  }

  return () => {
    const running = desk.book.running();
    for (const id of cards.keys()) if (!running.some(({ session_id: one }) => one === id)) cards.delete(id);
    draw(running);
    tick();
  };
}
