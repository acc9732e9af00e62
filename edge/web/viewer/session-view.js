// One session as a whole: its timeline against the film's clock or the wall's, its notes, and annotation by a click.

import * as api from "./session-api.js";
import { openAnnotation } from "./annotate.js";
import { shownIn } from "./desk-book.js";
import { openDialog } from "./dialogs.js";
import { el, fillList, mark, say, smallButton } from "./dom.js";
import { clockTime, counted, duration, saidWords } from "./format.js";
import { openNote } from "./session-dialogs.js";
import { createSessionTimeline, filmTime } from "./session-timeline.js";
import { segmentOf } from "./segments.js";
import { fillLegend } from "./timeline.js";

const EVERY_MS = 5_000;

/** Show `session`; while it runs, what comes is shown too. */
export async function openSession(session, desk) {
  const id = session.session_id;
  const legend = el("ul", { class: "legend", "aria-label": "Colours of the timeline" });
  const state = el("p", { class: "hint", role: "status" }, "Loading…");
  const places = { wall: el("div"), stimulus: el("div", { hidden: true }) };
  const notes = el("ul", { class: "session-notes" });
  const choice = el("div", { class: "chips", role: "group", "aria-label": "Against which clock", hidden: true });
  const timelines = {
    wall: createSessionTimeline(places.wall, { onOpen: annotate }),
    stimulus: createSessionTimeline(places.stimulus, { onOpen: (segment) => annotate(segment.original), clock: filmTime }),
  };
  let view = session;
  let segments = [];
  let axis = "wall";
  fillLegend(legend);
  const buttons = ["stimulus", "wall"].map((name) => axisButton(name, () => choose(name)));
  choice.append(...buttons);
  const report = el("a", { class: "button small link-button", href: api.reportUrl(id), target: "_blank", rel: "noopener" }, "Report");
  const more = el("div", { class: "chips" }, smallButton("Note…", () => openNote(view, desk, load)), report);

  const dialog = openDialog({
    title: `${session.participant} · ${shownIn(desk.book, session)}`,
    kind: "wide session-view",
    content: [el("div", { class: "session-bar" }, choice, legend, more), places.stimulus, places.wall, state, notes],
    onClose: () => clearInterval(timer),
  });
  const timer = setInterval(() => !view.end_ms && load(), EVERY_MS);
  await load();
  if (whileFilm(view, segments, desk.book).length) choose("stimulus");

  async function load() {
    try {
      const [now, rows] = await Promise.all([api.session(id), api.segments(id)]);
      view = now;
      segments = rows.map(segmentOf).filter(Boolean);
      desk.book.session(now);
      draw();
    } catch (problem) {
      say(state, "");
      dialog.tell(problem.message, "bad");
    }
  }

  function choose(name) {
    axis = name;
    draw();
  }

  function draw() {
    const onFilm = whileFilm(view, segments, desk.book);
    choice.hidden = onFilm.length === 0;
    for (const [name, place] of Object.entries(places)) place.hidden = name !== axis;
    buttons.forEach((button) => mark(button, "aria-pressed", String(button.dataset.axis === axis)));
    if (axis === "wall") timelines.wall.draw(onWall(view, segments, desk.now()));
    else timelines.stimulus.draw(onStimulus(view, onFilm, desk.book));
    say(state, summary(view, segments, axis === "stimulus" ? segments.length - onFilm.length : 0, desk.now()));
    fillList(notes, noteWords(view));
  }

  function annotate(segment) {
    openAnnotation({ ...segment, session: id }, { onDone: load, notices: desk.notices });
  }
}

function onWall(view, segments, nowMs) {
  const endMs = Math.max(view.end_ms ?? nowMs, segments.at(-1)?.endMs ?? 0, view.start_ms + 1_000);
  return { segments, labels: view.labels ?? [], markers: view.markers ?? [], startMs: view.start_ms, endMs };
}

/** The segments while the film played: what was before and after it has no place on its clock. */
function whileFilm(view, segments, book) {
  const length = book.stimuli.get(view.stimulus)?.duration_ms ?? Infinity;
  return segments.filter(({ stimulusMs }) => stimulusMs !== null && stimulusMs < length);
}

/** The same against the film's own clock. */
function onStimulus(view, segments, book) {
  const placed = segments.map((segment) => ({
    ...segment,
    startMs: segment.stimulusMs,
    endMs: segment.stimulusMs + segment.endMs - segment.startMs,
    original: segment,
  }));
  const placedAt = (list) => list.filter(({ stimulus_ms: at }) => Number.isFinite(at)).map((one) => ({ ...one, at_ms: one.stimulus_ms }));
  const known = book.stimuli.get(view.stimulus)?.duration_ms ?? 0;
  const endMs = Math.max(known, ...placed.map((one) => one.endMs), 1_000);
  return { segments: placed, labels: placedAt(view.labels ?? []), markers: placedAt(view.markers ?? []), startMs: 0, endMs };
}

function summary(view, segments, hidden, nowMs) {
  const unsure = segments.filter((segment) => segment.unsure).length;
  return [
    duration(((view.end_ms ?? nowMs) - view.start_ms) / 1000),
    `${counted(segments.length, "segment")}${unsure ? `, ${unsure} not sure` : ""}`,
    saidWords(view),
    hidden ? `${counted(hidden, "segment")} while no film played not shown here` : "",
    segments.length ? "Click a segment to annotate it" : "",
  ].filter(Boolean).join(" · ");
}

function noteWords(view) {
  return (view.markers ?? []).map(({ at_ms: at, name, note }) => `${clockTime(at)} ${note ? `${name === "note" ? "" : `${name}: `}${note}` : name}`);
}

function axisButton(name, onPress) {
  const made = el("button", { class: "button choice", type: "button", "aria-pressed": "false", "data-axis": name }, name === "wall" ? "Time of day" : "Film time");
  made.addEventListener("click", onPress);
  return made;
}
