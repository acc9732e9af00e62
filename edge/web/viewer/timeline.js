// The emotion timeline: each segment where it was in time, hatched grey where the model was not sure (X.7, S0.33).

import { el, mark, say } from "./dom.js";
import { EMOTIONS, UNSURE } from "./emotions.js";
import { clockTime, percent } from "./format.js";
import { stretch } from "./geometry.js";
import { createRowNames } from "./row-names.js";
import { explain, isCurrent, nowWords } from "./segment-words.js";
import { within } from "./segments.js";

/** What is said of a segment in one line: emotion, confidence and time, which `clock` puts in words. */
export function describe(segment, clock = clockTime) {
  const sure = segment.confidence === null || segment.unsure ? "" : ` · ${percent(segment.confidence)} confident`;
  return `${segment.emotion}${sure} · ${clock(segment.startMs)}–${clock(segment.endMs)}`;
}

/**
 * The strip in `root`. `draw(segments, startMs, endMs)` places them; pointing or arrow keys show `tip`, a click or Enter
 * tells `onOpen(segment)`. `now` shows the newest, where there is a place for that; `nameOf(source)` names the sensors.
 */
export function createTimeline(root, { empty, now = null, tip, onOpen = () => {}, clock = clockTime, nameOf = null }) {
  const blocks = new Map();
  const nameRows = nameOf ? createRowNames(root, nameOf) : () => {};
  let shown = [];
  let picked = null;

  function draw(segments, startMs, endMs) {
    shown = within(segments, startMs, endMs);
    const ids = new Set(shown.map((segment) => segment.id));
    for (const [id, block] of blocks) if (!ids.has(id)) drop(id, block);
    const sources = [...new Set(shown.map(({ source }) => source))].sort();
    shown.forEach((segment, at) => lay(segment, at, { sources, startMs, endMs }));
    empty.hidden = segments.length > 0;
    nameRows(sources, segments, endMs);
    if (now) tellNow(sources.length > 1 ? null : segments.at(-1), endMs);
    if (picked) point(picked);
  }

  /** Several sensors share the strip, each in a row of its own. */
  function lay(segment, at, { sources, startMs, endMs }) {
    if (!blocks.has(segment.id)) blocks.set(segment.id, makeBlock(segment, clock));
    const block = blocks.get(segment.id);
    if (root.children[at] !== block) root.insertBefore(block, root.children[at] ?? null);
    const { left, width } = stretch(segment.startMs, segment.endMs, startMs, endMs);
    block.style.left = `${left * 100}%`;
    block.style.width = `${width * 100}%`;
    block.style.top = `${(100 * sources.indexOf(segment.source)) / sources.length}%`;
    block.style.height = `${100 / sources.length}%`;
    if (nameOf) mark(block, "aria-label", [describe(segment, clock), ...(sources.length > 1 ? [nameOf(segment.source)] : [])].join(" · "));
  }

  function drop(id, block) {
    block.remove();
    blocks.delete(id);
    if (picked?.id === id) pick(null);
  }

  function pick(segment) {
    if (picked) blocks.get(picked.id)?.setAttribute("aria-selected", "false");
    picked = segment;
    tip.hidden = !segment;
    if (!segment) return root.removeAttribute("aria-activedescendant");
    blocks.get(segment.id).setAttribute("aria-selected", "true");
    root.setAttribute("aria-activedescendant", blocks.get(segment.id).id);
    say(tip, [describe(segment, clock), ...whose(segment), ...explain(segment)].join("\n"));
    point(segment);
  }

  /** Of several sensors, which one. */
  function whose({ source }) {
    return nameOf && shown.some((other) => other.source !== source) ? [nameOf(source)] : [];
  }

  function point(segment) {
    const block = blocks.get(segment.id)?.getBoundingClientRect();
    const panel = tip.offsetParent?.getBoundingClientRect();
    if (!block || !panel) return;
    const room = panel.width - tip.offsetWidth - 8;
    tip.style.left = `${Math.max(8, Math.min(block.left - panel.left + block.width / 2 - tip.offsetWidth / 2, room))}px`;
    tip.style.top = `${block.bottom - panel.top + 6}px`;
  }

  function tellNow(last, endMs) {
    const current = isCurrent(last, endMs) ? last : null;
    now.hidden = last === null;
    say(now.querySelector(".now-value"), nowWords(last, endMs) || "–");
    const swatch = now.querySelector(".swatch");
    swatch.style.backgroundColor = current && !current.unsure ? current.color : "";
    swatch.classList.toggle("unsure", Boolean(current?.unsure));
    mark(now, "data-emotion", current?.emotion ?? "");
  }

  for (const kind of ["pointermove", "pointerdown"]) {
    root.addEventListener(kind, ({ target }) => {
      const segment = shown.find(({ id }) => blocks.get(id) === target) ?? null;
      if (segment !== picked) pick(segment);
    });
  }
  root.addEventListener("pointerleave", () => pick(null));
  root.addEventListener("blur", () => pick(null));
  root.addEventListener("click", ({ target }) => {
    const segment = shown.find(({ id }) => blocks.get(id) === target);
    if (segment) onOpen(segment);
  });
  root.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && picked) return onOpen(picked);
    const next = step(event.key, shown, picked);
    if (next === undefined) return;
    event.preventDefault();
    pick(next);
  });

  return { draw };
}

/** The segment that a key moves to; undefined for a key that is not ours, null for Escape. */
export function step(key, segments, picked) {
  const at = segments.findIndex(({ id }) => id === picked?.id);
  const to = { ArrowLeft: at < 0 ? segments.length - 1 : at - 1, ArrowRight: at + 1, Home: 0, End: segments.length - 1 }[key];
  if (key === "Escape") return null;
  if (to === undefined || !segments.length) return undefined;
  return segments[Math.max(0, Math.min(to, segments.length - 1))];
}

/** One entry of the legend for each emotion, and one for abstention. */
export function fillLegend(root) {
  const entries = [...Object.values(EMOTIONS), UNSURE].map((emotion) => {
    const swatch = el("span", { class: emotion === UNSURE ? "swatch unsure" : "swatch", "aria-hidden": "true" });
    if (emotion !== UNSURE) swatch.style.backgroundColor = emotion.color;
    return el("li", {}, swatch, emotion.name);
  });
  root.replaceChildren(...entries);
}

function makeBlock(segment, clock) {
  const block = el("span", {
    class: segment.unsure ? "segment unsure" : "segment",
    id: `segment-${segment.id.replace(/[^\w-]/g, "-")}`,
    role: "option",
    "aria-selected": "false",
    "aria-label": describe(segment, clock),
    "data-start": segment.startMs,
    "data-end": segment.endMs,
  });
  if (!segment.unsure) block.style.backgroundColor = segment.color;
  return block;
}
