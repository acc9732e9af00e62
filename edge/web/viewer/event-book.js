// The events that the page knows: pages of older ones and steps of new ones, folded to one of each, newest first. Pure.

const MOST = 400;

/** An empty book. `filters` are `{camera, type, zone, severity}`, each empty for any. */
export function createEventBook() {
  const known = new Map();
  let filters = {};
  let next = null;
  let begun = false;

  return {
    get filters() { return filters; },
    get next() { return next; },
    get begun() { return begun; },
    get views() { return inOrder([...known.values()]).slice(0, MOST); },
    of: (id) => known.get(id) ?? null,
    /** Forget everything and look for others. */
    seek(wanted) {
      known.clear();
      [filters, next, begun] = [wanted, null, false];
    },
    /** A page of the list; `older` where it goes on from `next`, else it is the newest. */
    page({ events, next: cursor }, older) {
      for (const view of events) put(view);
      if (older || !begun) next = known.size >= MOST ? null : cursor;
      begun = true;
    },
    /** One event as it is now, such as after feedback. */
    put,
    /** A record of the stream; true where the list changes by it. */
    hear(record, row) {
      if (record?.body?.kind !== "event") return false;
      const view = { ...viewOf(record, known.get(record.body.event_id)), row };
      if (!known.has(view.event_id) && !fits(view, filters)) return false;
      put(view);
      return true;
    },
  };

  /** What was heard later stays, whichever answer comes last; of too many the oldest are forgotten. */
  function put(view) {
    if (view.row < known.get(view.event_id)?.row) return;
    known.set(view.event_id, view);
    if (known.size < 2 * MOST) return;
    for (const { event_id: id } of inOrder([...known.values()]).slice(MOST)) known.delete(id);
    next = null;
  }
}

/** Whether an event is among those that are looked for; several values of a filter stand between commas. */
export function fits(view, filters) {
  return Object.entries(filters).every(([key, wanted]) => !wanted || wanted.split(",").includes(view[key]));
}

/** An event as the list shows it, of one record of it and what was known before. */
export function viewOf({ body }, before) {
  const base = `/v1/events/${encodeURIComponent(body.event_id)}`;
  const pictured = body.picture || Boolean(before?.picture);
  return {
    confidence: 0, end_ms: null, reasoning: [], zone: null, track: null, boxes: [], baseline_deviation: null, merged: 0,
    severity: "LOW", feedback: null, clip: null, row: 0,
    ...before,
    ...body,
    picture: pictured ? `${base}/picture.jpg` : null,
    thumbnail: pictured ? `${base}/thumbnail.jpg` : null,
  };
}

function inOrder(views) {
  return views.sort((a, b) => b.start_ms - a.start_ms || (a.event_id < b.event_id ? 1 : -1));
}
