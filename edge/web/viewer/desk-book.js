// What the session desk knows: people, stimuli, sensors and sessions. Told by the stream and by answers; draws nothing.

/** The book: plain maps by id, `take(message)` from the stream, `on(view)` hears each change. */
export function createDeskBook() {
  const views = [];
  const told = new Map();
  const erased = new Set();
  let tales = 0;
  const book = {
    known: false,
    participants: new Map(),
    stimuli: new Map(),
    sensors: new Map(),
    sessions: new Map(),
    asks: new Map(),
    on: (view) => views.push(view),
    tell() {
      for (const view of views) view(book);
    },
    take({ topic, data }) {
      if (topic === "session") hear(data);
      else if (topic === "ask") putAsk(book, data);
      else return;
      book.tell();
    },
    /** Since when, for `load`: what is told after a list was asked for is newer than the list. */
    asking: () => tales,
    /** Lists as the appliance gives them; what is left out stays as it is, and so does what was told after `since`. */
    load(lists, since = tales) {
      const toldSince = (name) => (id) => told.get(`${name}/${id}`) > since;
      for (const name of ["participants", "stimuli", "sensors"]) {
        const isNewer = toldSince(name);
        const newer = [...book[name]].filter(([id]) => isNewer(id));
        if (lists[name]) book[name] = new Map([...lists[name].filter(({ id }) => !isNewer(id)).map((one) => [one.id, one]), ...newer]);
      }
      if (lists.sessions) loadSessions(book, lists.sessions, toldSince("sessions"));
      book.known ||= Boolean(lists.sessions);
      book.tell();
    },
    put(name, one) {
      note(name, one.id);
      book[name].set(one.id, one);
      book.tell();
    },
    drop(name, id) {
      forget(name, id);
      if (name === "participants") for (const [key, one] of book.sessions) if (one.participant === id) erase(key);
      book.tell();
    },
    session(view) {
      keep(view);
      book.tell();
    },
    /** Take a marker in, unless the stream brought it already. */
    marker(id, made) {
      const view = book.sessions.get(id);
      const same = (one) => one.at_ms === made.at_ms && one.name === made.name && one.note === made.note;
      if (view && !(view.markers ?? []).some(same)) book.session({ ...view, markers: [...(view.markers ?? []), made] });
    },
    /** Sessions that have not ended, oldest first. */
    running: () => [...book.sessions.values()].filter(isRunning).sort((a, b) => a.start_ms - b.start_ms || a.session_id.localeCompare(b.session_id)),
    /** Sessions that have ended, newest first. */
    past: () => [...book.sessions.values()].filter((one) => !isRunning(one)).sort((a, b) => b.start_ms - a.start_ms),
  };
  return book;

  /** The stream repeats ended sessions too, even of people who were erased since: those that count are in the list. */
  function hear(view) {
    if (isRunning(view) || book.sessions.has(view.session_id)) keep(view);
  }

  function note(name, id) {
    told.set(`${name}/${id}`, ++tales);
  }

  function forget(name, id) {
    note(name, id);
    book[name].delete(id);
  }

  /** Nothing comes back under the id of a session that was erased, whatever is still on its way. */
  function erase(id) {
    forget("sessions", id);
    erased.add(id);
  }

  function keep(view) {
    if (erased.has(view.session_id)) return;
    note("sessions", view.session_id);
    const before = book.sessions.get(view.session_id) ?? {};
    book.sessions.set(view.session_id, { ...before, ...view, end_ms: view.end_ms ?? null });
  }
}

/** What a stimulus is called. */
export function stimulusName(stimulus) {
  if (!stimulus) return "No stimulus";
  return stimulus.title || (stimulus.number === null || stimulus.number === undefined ? stimulus.id : `Film ${stimulus.number}`);
}

/** What a sensor is called. */
export function sensorName(book, id) {
  return book.sensors.get(id)?.name || id;
}

/** What a session showed, in a few words. */
export function shownIn(book, session) {
  if (session.stimulus) return stimulusName(book.stimuli.get(session.stimulus) ?? { id: session.stimulus, title: session.stimulus });
  return session.video_id === null || session.video_id === undefined ? "No stimulus" : `Film ${session.video_id}`;
}

function isRunning(session) {
  return session.end_ms === null || session.end_ms === undefined;
}

/** A list holds no markers and labels, nor how many, so those that are known stay. */
function loadSessions(book, list, isNewer) {
  const before = book.sessions;
  book.sessions = new Map([...before].filter(([id]) => isNewer(id)));
  for (const view of list) {
    if (isNewer(view.session_id)) continue;
    const known = before.get(view.session_id);
    const kept = known ? { markers: longer(known.markers, view.markers), labels: longer(known.labels, view.labels), ...counts(known, view) } : {};
    book.sessions.set(view.session_id, { ...view, end_ms: view.end_ms ?? null, ...kept });
  }
}

function counts(known, { said = 0, traced = 0 }) {
  return { said: Math.max(known.said ?? 0, said), traced: Math.max(known.traced ?? 0, traced) };
}

function longer(a = [], b = []) {
  return b.length >= a.length ? b : a;
}

function putAsk(book, data) {
  const session = data.session_id;
  const ask = "ask" in data ? data.ask : data;
  if (ask) book.asks.set(session, ask);
  else book.asks.delete(session);
}
