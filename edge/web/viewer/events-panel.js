// The panel of what happened: events with pictures and filters, and the log of the appliance beside them.

import { byId, mark, say } from "./dom.js";
import { createEventBook } from "./event-book.js";
import { createEventDetails } from "./event-details.js";
import { createEventFilters } from "./event-filters.js";
import { createEventList, emptyWords } from "./event-list.js";
import { floodWords } from "./event-words.js";

const PAGE = 30;

/** Wire the panel to `store` and `api`. `load()` asks for the newest, `now()` is the device's time. */
export function createEventsPanel(store, { api, plan, now }) {
  const book = createEventBook();
  const list = createEventList({
    list: byId("events"),
    scroller: byId("events-scroll"),
    fresh: byId("events-fresh"),
    more: byId("events-more"),
    onMore: () => fetchPage(true),
    onOpen: (id) => details.open(book.of(id)),
  });
  const context = () => ({ plan: plan(), nowMs: now(), cameras: store.cameras });
  const details = createEventDetails({
    context,
    ask: api.event,
    judge: api.feedback,
    onNews: (view) => {
      book.put(view);
      draw();
      return book.of(view.event_id) ?? view;
    },
    onClosed: (id) => id && list.focus(id),
  });
  const drawFilters = createEventFilters(byId("event-filters"), (filters) => {
    book.seek(filters);
    list.clear();
    byId("events-scroll").scrollTop = 0;
    fetchPage(false);
  });
  let failed = "";
  let asking = null;

  store.on("record", () => {
    if (!book.hear(store.record, store.row)) return;
    details.update(book.of(store.record.body.event_id));
    draw();
  });
  store.on("plan cameras", () => {
    drawFilters(context());
    draw();
  });
  store.on("vision selected", drawFlood);
  wireTabs();

  async function fetchPage(older) {
    const cursor = older ? book.next : null;
    const key = JSON.stringify([book.filters, cursor]);
    if (asking === key || (older && cursor === null)) return;
    asking = key;
    failed = "";
    draw();
    const wanted = Object.entries({ ...book.filters, before: cursor, limit: PAGE }).filter(([, value]) => value);
    try {
      const page = await api.events(Object.fromEntries(wanted));
      if (asking !== key) return;
      book.page(page, older);
      if (!page.events.length && page.next !== null) older = null;
    } catch (problem) {
      if (asking === key) failed = problem.message;
    }
    if (asking === key) asking = null;
    draw();
    if (older === null) fetchPage(true);
  }

  function draw() {
    const { views } = book;
    list.draw(views, context(), { next: book.next });
    byId("events-empty").hidden = views.length > 0;
    byId("events").hidden = views.length === 0;
    say(byId("events-empty"), emptyWords({ begun: book.begun, failed, filtered: Object.values(book.filters).some(Boolean) }));
  }

  function drawFlood() {
    const text = floodWords(store.vision.get(store.selected)?.flood);
    byId("events-flood").hidden = !text;
    say(byId("events-flood"), text && `${text}.`);
  }

  return { load: () => fetchPage(false), draw };
}

/** Two tabs: what the cameras saw, and what happened to the appliance itself. */
function wireTabs() {
  const tabs = [...byId("events-tabs").children];
  const choose = (tab) => {
    for (const other of tabs) {
      mark(other, "aria-selected", String(other === tab));
      mark(other, "tabindex", other === tab ? "0" : "-1");
      byId(other.getAttribute("aria-controls")).hidden = other !== tab;
    }
  };
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", ({ key }) => {
      const to = { ArrowLeft: i - 1, ArrowRight: i + 1, Home: 0, End: tabs.length - 1 }[key];
      if (to === undefined) return;
      const next = tabs[(to + tabs.length) % tabs.length];
      choose(next);
      next.focus();
    });
  });
}
