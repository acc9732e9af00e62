// One running session at a glance: how long, how well, what was felt last, whether a question waits; and what to do.

import * as api from "./session-api.js";
import { sensorName, shownIn } from "./desk-book.js";
import { el, mark, say, smallButton } from "./dom.js";
import { counted, duration, saidWords } from "./format.js";
import { openLink } from "./link-dialog.js";
import { openNote, openStop } from "./session-dialogs.js";
import { createQualityList } from "./quality-list.js";
import { baselineWords, createRestButton } from "./rest.js";
import { isCurrent, nowWords, voiceWords } from "./segment-words.js";
import { createSessionTimeline } from "./session-timeline.js";
import { openSession } from "./session-view.js";
import { needs } from "./who.js";

const KEYS = ["M", "N"];
/** A film's last picture stands before what its file gives as its length. */
const END_MS = 500;

/** The card of a session: `{element, fill(session, at), tick(), mark()}`. */
export function createRunningCard(desk, id) {
  const { book, store, notices, now } = desk;
  const parts = {
    title: el("h3"),
    about: el("p", { class: "card-about" }),
    elapsed: el("p", { class: "card-elapsed", role: "timer" }),
    swatch: el("span", { class: "swatch", "aria-hidden": "true" }),
    emotion: el("strong"),
    voices: el("span", { class: "card-voices" }),
    ask: el("p", { class: "card-ask", role: "status" }),
    baseline: el("p", { class: "card-baseline" }),
    counts: el("p", { class: "card-counts" }),
    quality: el("ul", { class: "qualities", "aria-label": "Quality of the signals" }),
    strip: el("div", { class: "card-strip" }),
    mark: smallButton("Mark", () => markNow(), "primary"),
    note: smallButton("Note…", () => openNote(session(), desk)),
    link: smallButton("Link…", () => openLink(book.participants.get(session().participant) ?? { id: session().participant }, desk)),
    open: smallButton("Timeline", () => openSession(session(), desk)),
    stop: smallButton("Stop…", () => openStop(session(), desk), "danger"),
  };
  const quality = createQualityList(parts.quality);
  const rest = createRestButton(desk, id);
  const strip = createSessionTimeline(parts.strip, { onOpen: () => openSession(session(), desk) });
  const lead = [parts.mark, rest.button, parts.note, parts.link].map((button) => needs(button, "operator"));
  const element = el(
    "li",
    { class: "card", "data-session": id },
    el("header", { class: "card-head" }, parts.title, parts.elapsed),
    parts.about,
    el("div", { class: "card-now" }, parts.swatch, parts.emotion, parts.voices),
    parts.strip,
    parts.ask,
    parts.quality,
    parts.baseline,
    parts.counts,
    el("div", { class: "card-go" }, ...lead, parts.open, needs(parts.stop, "operator")),
  );

  const session = () => book.sessions.get(id);
  const segments = () => store.segments.filter((segment) => segment.session === id);

  function fill(view, at) {
    say(parts.title, view.participant);
    const wears = view.sensor ? `wears ${sensorName(book, view.sensor)}` : "";
    say(parts.about, [shownIn(book, view), wears, filmedBy(view, store), ...(view.warnings ?? [])].filter(Boolean).join(" · "));
    const key = KEYS[at];
    say(parts.mark, key ? `Mark (${key})` : "Mark");
    if (key) mark(parts.mark, "aria-keyshortcuts", key);
  }

  function tick() {
    const view = session();
    if (!view) return;
    say(parts.elapsed, elapsed(view, book.stimuli.get(view.stimulus)?.duration_ms ?? Infinity, now()));
    drawEmotion(segments().at(-1));
    say(parts.baseline, baselineWords(segments().at(-1)));
    rest.draw(view, now());
    say(parts.ask, askWords(book.asks.get(id), now()));
    say(parts.counts, countWords(view, segments().length));
    quality(store.signals.get(view.sensor)?.quality ?? book.sensors.get(view.sensor)?.quality ?? {});
    strip.draw({ segments: segments(), labels: view.labels ?? [], markers: view.markers ?? [], startMs: view.start_ms, endMs: Math.max(now(), view.start_ms + 60_000) });
  }

  function drawEmotion(segment) {
    const current = isCurrent(segment, now()) ? segment : null;
    say(parts.emotion, nowWords(segment, now()) || "No emotion yet");
    say(parts.voices, current ? voiceWords(current.voices) : "");
    parts.swatch.style.backgroundColor = current && !current.unsure ? current.color : "";
    parts.swatch.classList.toggle("unsure", Boolean(current?.unsure));
  }

  async function markNow() {
    try {
      const made = await api.mark(id, { name: "mark" });
      book.marker(id, made);
      notices.tell("Marked", session()?.participant ?? "");
    } catch (problem) {
      notices.fail(problem);
    }
  }

  return { element, fill, tick, mark: markNow };
}

function filmedBy({ cameras = [] }, store) {
  return cameras.length ? `on video: ${cameras.map((id) => store.cameras.get(id)?.name || id).join(", ")}` : "";
}

function elapsed(view, lengthMs, nowMs) {
  const run = duration((nowMs - view.start_ms) / 1000);
  if (!view.clock) return run;
  const at = view.clock.stimulus_ms + view.clock.rate * (nowMs - view.clock.at_ms);
  if (!view.clock.rate && at > lengthMs - END_MS) return `${run} · film over`;
  return `${run} · film at ${duration(Math.max(0, at) / 1000)}${view.clock.rate ? "" : ", paused"}`;
}

function askWords(ask, nowMs) {
  if (!ask || ask.expires_ms <= nowMs) return "No question open";
  return `Asked, waiting for an answer (${Math.ceil((ask.expires_ms - nowMs) / 1000)} s left)`;
}

function countWords(view, heard) {
  return [counted(Math.max(view.segments ?? 0, heard), "segment"), saidWords(view), counted(view.markers?.length ?? 0, "marker")].join(" · ");
}
