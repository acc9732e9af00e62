// A session against time: segments at their start and end, gaps left open, answers and markers above them (X.7).

import { el, mark, say } from "./dom.js";
import { emotionOf } from "./emotions.js";
import { clockTime } from "./format.js";
import { fraction, timeTicks } from "./geometry.js";
import { createTimeline } from "./timeline.js";

const EMPTY = "No predictions yet. Analysis in progress...";
/** Of a time of day; nearer to an end one would reach out of the card. */
const HALF_WORD_PX = 30;
const SOURCES = { probe: "answered", square: "answered", trace: "traced", annotation: "annotated" };

/** Time within a film: `1:05`, `1:02:05`. */
export function filmTime(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(s / 3600);
  return `${hours ? `${hours}:${two(Math.floor(s / 60) % 60)}` : Math.floor(s / 60)}:${two(s % 60)}`;
}

/**
 * The timeline in `root`; `draw({segments, labels, markers, startMs, endMs})`. `clock` puts a moment into words; a click
 * on a segment tells `onOpen(segment)`.
 */
export function createSessionTimeline(root, { onOpen, clock = clockTime }) {
  const flags = el("div", { class: "flags", "aria-hidden": "true" });
  const strip = el("div", { class: "timeline", role: "listbox", tabindex: "0", "aria-label": "Emotion by time; use the arrow keys, Enter to annotate" });
  const empty = el("p", { class: "timeline-empty" }, EMPTY);
  const axis = el("div", { class: "ticks", "aria-hidden": "true" });
  const tip = el("p", { class: "tip", role: "tooltip", hidden: true });
  root.classList.add("session-timeline");
  root.replaceChildren(flags, el("div", { class: "strip" }, strip, empty), axis, tip);
  const timeline = createTimeline(strip, { empty, tip, onOpen, clock });

  return {
    draw({ segments, labels, markers, startMs, endMs }) {
      timeline.draw(segments, startMs, endMs);
      drawFlags(flags, [...labels.map(labelFlag), ...markers.map(markerFlag)], { startMs, endMs, clock });
      drawTicks(axis, startMs, endMs, clock);
    },
  };
}

function labelFlag({ at_ms: at, probe, source }) {
  const emotion = probe ? emotionOf(probe) : null;
  return { at, kind: "label", color: emotion?.color, words: `${SOURCES[source] ?? source}${emotion ? `: ${emotion.name}` : ""}` };
}

function markerFlag({ at_ms: at, name, note }) {
  return { at, kind: "marker", words: note || name };
}

function drawFlags(root, list, { startMs, endMs, clock }) {
  const shown = list.filter(({ at }) => at >= startMs && at <= endMs);
  while (root.children.length > shown.length) root.lastChild.remove();
  while (root.children.length < shown.length) root.append(el("span", { class: "flag" }));
  shown.forEach(({ at, kind, color, words }, i) => {
    const flag = root.children[i];
    mark(flag, "data-kind", kind);
    mark(flag, "title", `${clock(at)} ${words}`);
    flag.style.left = `${100 * fraction(at, startMs, endMs)}%`;
    flag.style.backgroundColor = color ?? "";
  });
}

function drawTicks(root, startMs, endMs, clock) {
  const width = root.clientWidth || 600;
  const edge = HALF_WORD_PX / width;
  const ticks = timeTicks(startMs, endMs, width, 80);
  while (root.children.length > ticks.length) root.lastChild.remove();
  while (root.children.length < ticks.length) root.append(el("span", { class: "tick-word" }));
  ticks.forEach((tick, i) => {
    const share = fraction(tick, startMs, endMs);
    root.children[i].style.left = `${100 * share}%`;
    root.children[i].hidden = share < edge || share > 1 - edge;
    say(root.children[i], clock(tick));
  });
}
